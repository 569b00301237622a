"""The floor under the distributed runtime: a bare consume–transact–produce loop that does no work, as a process."""

from __future__ import annotations

import sys
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

BATCH = 512


def settings(bootstrap: str, **more: Any) -> dict[str, Any]:
    """Client settings as the runtime has them; keyword `a_b` stands for `a.b`."""
    own = {name.replace("_", "."): value for name, value in more.items()}
    return {"bootstrap.servers": bootstrap, "socket.nagle.disable": True, "log_level": 0} | own


def main() -> None:
    bootstrap, source, target = sys.argv[1:]
    consumer = Consumer(
        settings(
            bootstrap, group_id=f"{source}.raw", isolation_level="read_committed", enable_auto_commit=False,
            auto_offset_reset="earliest", fetch_wait_max_ms=100,
        )
    )  # fmt: skip
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


if __name__ == "__main__":
    main()
