"""The raw loop, a baseline of the distributed runtime: consume, transact and produce without work; and its client."""

from __future__ import annotations

import sys
import time
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from streams.core.partitions import partition_of

BATCH = 512
AT_ONCE = 1000
OWNERS = 500


def settings(bootstrap: str, **more: Any) -> dict[str, Any]:
    """The client settings of the runtime; keyword `a_b` stands for `a.b`."""
    own = {name.replace("_", "."): value for name, value in more.items()}
    return {"bootstrap.servers": bootstrap, "socket.nagle.disable": True, "log_level": 0} | own


def main() -> None:
    bootstrap, source, target = sys.argv[1:]
    consumer = Consumer(
        settings(
            bootstrap,
            group_id=f"{source}.raw",
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_wait_max_ms=100,
        )
    )
    producer = Producer(settings(bootstrap, transactional_id=f"{source}.raw", linger_ms=0, retry_backoff_ms=1))
    producer.init_transactions(30)
    consumer.subscribe([source])
    while True:
        first = consumer.poll(1.0)
        if first is None:
            continue
        messages = [one for one in [first, *consumer.consume(BATCH - 1, 0)] if one.error() is None]
        offsets = {one.partition() or 0: (one.offset() or 0) + 1 for one in messages}
        producer.begin_transaction()
        for one in messages:
            producer.produce(target, one.value(), one.key(), one.partition() or 0)
        ends = [TopicPartition(source, partition, offset) for partition, offset in offsets.items()]
        producer.send_offsets_to_transaction(ends, consumer.consumer_group_metadata())
        producer.commit_transaction()


class RawClient:
    """Keeps a number of messages in flight through the loop."""

    def __init__(self, bootstrap: str, source: str, target: str, partitions: int) -> None:
        self._source, self._partitions = source, partitions
        self._producer = Producer(settings(bootstrap, linger_ms=0, enable_idempotence=True))
        self._consumer = Consumer(
            settings(
                bootstrap,
                group_id="raw.none",
                isolation_level="read_committed",
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                fetch_wait_max_ms=100,
            )
        )
        self._consumer.assign([TopicPartition(target, partition, 0) for partition in range(partitions)])
        self._sent: dict[bytes, float] = {}
        self._number = 0

    def load(self, clients: int, seconds: float) -> list[float]:
        """Latencies in seconds, with `clients` messages in flight."""
        latencies: list[float] = []
        until = time.perf_counter() + seconds
        for _ in range(clients):
            self._send()
        while self._sent:
            first = self._consumer.poll(5.0)
            for message in [] if first is None else [first, *self._consumer.consume(AT_ONCE, 0)]:
                sent = self._sent.pop(message.value() or b"", None)
                if sent is not None:
                    latencies.append(time.perf_counter() - sent)
                    if time.perf_counter() < until:
                        self._send()
            self._producer.poll(0)
        return latencies

    def _send(self) -> None:
        self._number += 1
        value = b"%d" % self._number
        self._sent[value] = time.perf_counter()
        partition = partition_of(f"owner {self._number % OWNERS}", self._partitions)
        self._producer.produce(self._source, value, b"key", partition)
        self._producer.poll(0)


if __name__ == "__main__":
    main()
