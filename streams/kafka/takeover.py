"""Takeover of a partition, in short steps between which other partitions are served.

The order makes it sound: first the stable committed offset, then the true end of the log, then the log up to that end.
Asked in this order, every record that belongs to the committed offset lies below the end.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Generator

import psycopg
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streams.core.batch import Head
from streams.kafka.denials import raise_denied
from streams.kafka.overlay import Overlay
from streams.kafka.processor_store import Store
from streams.kafka.protocol import ProcessorProtocol
from streams.kafka.records import Unreadable, read_record
from streams.kafka.settings import Cluster
from streams.kafka.types import AnyHeaders, BrokenLog, Checkpoint, Place, Takeover
from streams.kafka.watchdog import call_deadline, reason_of

log = logging.getLogger(__name__)

STEP_SECONDS = 0.25
READ_SECONDS = 0.02
READ_RECORDS = 1000
PRUNE_SECONDS = 1.0


TakeoverSteps = Generator[None, None, Takeover]


class Loader:
    """Loader of a partition's state: everything that must be known before its first command may be decided."""

    def __init__(
        self, cluster: Cluster, consumer: Consumer, store: Store, protocol: ProcessorProtocol, max_records: int
    ) -> None:
        """The records between PostgreSQL's checkpoint and the end of the log are kept in memory.

        Of more than `max_records` the loader waits for the projector.
        """
        self._cluster, self._consumer, self._store, self._protocol = cluster, consumer, store, protocol
        self._max_records = max_records
        self._end_reader = Consumer(cluster.reader(isolation_level="read_uncommitted"))

    def load(self, place: Place, overlay: Overlay) -> TakeoverSteps:
        """Fill the partition's overlay in short steps; the caller may stop after any of them.

        Raises BrokenLog or Denied.
        """
        commands = TopicPartition(self._cluster.commands(place[0]), place[1])
        committed = yield from self._committed(commands)
        first, sent_since = yield from self._watermarks(commands)
        _, end = yield from self._watermarks(TopicPartition(self._cluster.events(place[0]), place[1]))
        head = yield from self._read_log(place, end, overlay)
        if committed is not None and committed < first:
            log.error("commands of %s/%s were lost: their topic has forgotten %d to %d", *place, committed, first - 1)
        next_command = max(first, committed or 0)
        yield from self._seek(TopicPartition(commands.topic, commands.partition, next_command))
        return Takeover(head, next_command, sent_since)

    def _committed(self, commands: TopicPartition) -> Generator[None, None, int | None]:
        """Wait while a transaction that holds offsets is open: its end decides where to continue."""
        while True:
            try:
                with call_deadline():
                    found = self._protocol.committed_offset(self._consumer, commands, STEP_SECONDS)
                if found.error is None:
                    return None if found.offset < 0 else found.offset
                raise_denied(found.error)
                log.info("committed offset of %s/%s: %s", commands.topic, commands.partition, found.error.name())
            except KafkaException as error:
                raise_denied(reason_of(error))
                log.debug("committed offset of %s/%s: %s", commands.topic, commands.partition, reason_of(error).name())
            yield

    def _watermarks(self, partition: TopicPartition) -> Generator[None, None, tuple[int, int]]:
        while True:
            try:
                with call_deadline():
                    return self._end_reader.get_watermark_offsets(partition, STEP_SECONDS, cached=False)
            except KafkaException as error:
                raise_denied(reason_of(error))
                log.info("end of %s/%s: %s", partition.topic, partition.partition, reason_of(error).name())
                yield

    def _read_log(self, place: Place, end: int, overlay: Overlay) -> Generator[None, None, Head]:
        checkpoint = yield from self._checkpoint(place)
        overlay.start(place, checkpoint.head)
        topic = self._cluster.events(place[0])
        settings = self._cluster.reader(isolation_level="read_committed", enable_partition_eof=True)
        reader = Consumer(settings)
        try:
            reader.assign([TopicPartition(topic, place[1], checkpoint.next_offset)])
            while checkpoint.next_offset < end and not self._read_some(reader, place, end, overlay):
                yield from self._await_projector(place, overlay)
        finally:
            reader.close()
        return overlay.head(place)

    def _await_projector(self, place: Place, overlay: Overlay) -> Generator[None, None, None]:
        """A database restored from a backup may be any number of records behind the log."""
        yield
        while overlay.length(place) > self._max_records:
            log.warning("%s/%d waits for the projector with %d records", *place, overlay.length(place))
            until = time.monotonic() + PRUNE_SECONDS
            while time.monotonic() < until:
                yield
            try:
                overlay.prune(self._store.sequences())
            except psycopg.OperationalError:
                self._store.close()

    def _checkpoint(self, place: Place) -> Generator[None, None, Checkpoint]:
        while True:
            try:
                return self._store.checkpoint(place)
            except psycopg.OperationalError:
                self._store.close()
                yield

    def _read_some(self, reader: Consumer, place: Place, end: int, overlay: Overlay) -> bool:
        """Read some more records; True at the true end. EOF alone is not enough: it is the last stable offset."""
        with call_deadline():
            messages = reader.consume(min(READ_RECORDS, self._max_records), READ_SECONDS)
        for message in messages:
            error = message.error()
            if error is None:
                self._append(place, message.offset(), message.key(), message.value(), message.headers(), overlay)
            elif error.code() == KafkaError._PARTITION_EOF:
                if self._protocol.is_end(message.offset() or 0, end):
                    return True
            elif error.code() == KafkaError._AUTO_OFFSET_RESET:
                raise BrokenLog(f"the log of {place[0]}/{place[1]} lacks what PostgreSQL expects next: {error.str()}")
            else:
                raise_denied(error)
                log.info("reading the log of %s/%s: %s", *place, error.name())
        return False

    def _append(
        self,
        place: Place,
        offset: int | None,
        key: bytes | None,
        value: bytes | None,
        headers: AnyHeaders,
        overlay: Overlay,
    ) -> None:
        try:
            overlay.append(read_record(*place, key, value, headers))
        except Unreadable as error:
            raise BrokenLog(f"the record at {place[0]}/{place[1]} offset {offset} is unreadable: {error}") from error

    def _seek(self, partition: TopicPartition) -> Generator[None, None, None]:
        while True:
            try:
                with call_deadline():
                    self._consumer.seek(partition)
                    self._consumer.resume([partition])
                return
            except KafkaException as error:
                log.debug("seek of %s/%s: %s", partition.topic, partition.partition, reason_of(error).name())
                yield
