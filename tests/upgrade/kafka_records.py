"""Every record of an installation's topics as lines of JSON: written down, read, and put into topics again."""

from __future__ import annotations

import json
import lzma
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

CONTEXTS, KINDS = ("communication", "gccp"), ("events", "commands")
SECONDS = 30.0
Headers = list[tuple[str, str | bytes | None]]


def dump(bootstrap: str, prefix: str, path: Path) -> int:
    """Writes every committed record of every topic, partition by partition; gives their number."""
    records = [record for topic in topics() for record in _records(bootstrap, prefix, topic)]
    with lzma.open(path, "wt", preset=9 | lzma.PRESET_EXTREME) as file:
        file.writelines(json.dumps(record) + "\n" for record in records)
    return len(records)


def topics() -> list[str]:
    """The topics without the installation's prefix."""
    return [f"{context}.{kind}" for context in CONTEXTS for kind in KINDS]


def _records(bootstrap: str, prefix: str, topic: str) -> Iterator[dict[str, Any]]:
    settings = {"bootstrap.servers": bootstrap, "group.id": "upgrade.dump", "enable.auto.commit": False,
                "isolation.level": "read_committed", "enable.partition.eof": True}  # fmt: skip
    reader = Consumer(settings)
    try:
        name = f"{prefix}.{topic}"
        for partition in reader.list_topics(name, timeout=SECONDS).topics[name].partitions:
            reader.assign([TopicPartition(name, partition, 0)])
            yield from _until_end(reader, topic)
    finally:
        reader.close()


def _until_end(reader: Consumer, topic: str) -> Iterator[dict[str, Any]]:
    while True:
        message = reader.poll(SECONDS)
        assert message is not None, f"{topic} cannot be read to its end"
        error = message.error()
        if error is not None:
            assert error.code() == KafkaError._PARTITION_EOF, error.str()
            return
        headers = [[name, _text(value)] for name, value in _pairs(message)]
        yield {
            "topic": topic, "partition": message.partition(), "timestamp": message.timestamp()[1],
            "key": _text(message.key()), "value": _text(message.value()), "headers": headers,
        }  # fmt: skip


def _pairs(message: Message) -> Iterator[tuple[str, Any]]:
    found: Any = message.headers()
    yield from found or []


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return b64encode(value.encode() if isinstance(value, str) else value).decode()


def read(path: Path) -> list[dict[str, Any]]:
    """The records of a dump, in the order of each partition."""
    with lzma.open(path, "rt") as file:
        return [json.loads(line) for line in file]


def put_back(bootstrap: str, prefix: str, records: list[dict[str, Any]]) -> None:
    """Produces records into topics that exist, each into its partition and in order.

    Commands are as of now: their topics forget what is a week old.
    """
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 5})
    for record in records:
        headers: Headers = [(name, _bytes(value)) for name, value in record["headers"]]
        when = {"timestamp": record["timestamp"]} if record["topic"].endswith(".events") else {}
        producer.produce(
            f"{prefix}.{record['topic']}", _bytes(record["value"]), _bytes(record["key"]), record["partition"],
            headers=headers, **when,
        )  # fmt: skip
        producer.poll(0)
    assert producer.flush(SECONDS) == 0


def _bytes(value: str | None) -> bytes | None:
    return None if value is None else b64decode(value)
