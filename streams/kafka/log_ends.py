"""Ends of the log's partitions, and the check that a database follows this log from its first record."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from confluent_kafka import Consumer, KafkaException, TopicPartition
from psycopg import Connection

from streams.core.read_models import Row
from streams.kafka.denials import ConnectionRefusals, raise_denied
from streams.kafka.settings import Cluster
from streams.kafka.topics import BrokerAway
from streams.kafka.types import Place
from streams.kafka.watchdog import PAUSE_SECONDS, reason_of
from streams.postgres.installation import WrongInstallation

ASK_SECONDS = 10.0
STEP_SECONDS = 2.0

FOLLOWS = """
    select follows, exists (select from headwater.partitions where next_offset > 0) from headwater.installation
"""
SET_FOLLOWS = "update headwater.installation set follows = %s"


def ends_of(cluster: Cluster, topics: Sequence[str], partitions: int) -> dict[tuple[str, int], int]:
    """Ask for the end of every partition of these topics; raises BrokerAway or Denied."""
    settings = cluster.reader(isolation_level="read_uncommitted") | {"error_cb": ConnectionRefusals().on_error}
    reader = Consumer(settings)
    try:
        return {
            (topic, partition): _end(reader, TopicPartition(topic, partition))
            for topic in topics
            for partition in range(partitions)
        }
    finally:
        reader.close()


def _end(reader: Consumer, partition: TopicPartition) -> int:
    """Retry errors that the client calls final: a topic that has just been created has no leaders yet."""
    until = time.monotonic() + ASK_SECONDS
    while True:
        try:
            return reader.get_watermark_offsets(partition, STEP_SECONDS)[1]
        except KafkaException as error:
            raise_denied(reason_of(error))
            if time.monotonic() > until:
                raise BrokerAway(
                    f"no end of {partition.topic}/{partition.partition} is known: {reason_of(error).str()}"
                ) from None
            time.sleep(PAUSE_SECONDS)


def log_ends(cluster: Cluster, contexts: Sequence[str], partitions: int) -> dict[Place, int]:
    """Ask for the end of every partition of the log; raises BrokerAway or Denied."""
    names = {cluster.events(context): context for context in contexts}
    return {(names[topic], number): end for (topic, number), end in ends_of(cluster, list(names), partitions).items()}


def check_follows(connection: Connection[Row], ends: Mapping[Place, int]) -> None:
    """Check that the database follows the log from its first record, and remember it; raises WrongInstallation.

    A database is new to a log only while that is empty. Otherwise it lacks the keys of persons, and new ones would make
    their records unreadable.
    """
    ((follows, has_begun),) = connection.execute(FOLLOWS).fetchall()
    if follows:
        return
    if follows is False:
        raise WrongInstallation(
            "a rebuild of this database was begun and has not come to its end: make an empty database, "
            "then `headwater keys restore` and `headwater journal rebuild`"
        )
    if any(ends.values()) and not has_begun:
        raise WrongInstallation(
            "this database is empty, but the topics hold records: the keys of persons come first "
            "(`headwater keys restore keys.jsonl`, of a `headwater keys backup`), then `headwater journal rebuild`"
        )
    set_follows(connection, True)


def set_follows(connection: Connection[Row], follows: bool) -> None:
    """Note that the database follows the log, or that it does not yet."""
    connection.execute(SET_FOLLOWS, (follows,))
