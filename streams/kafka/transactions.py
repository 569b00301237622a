"""Transactional producer: one Kafka transaction per batch, and what each client error means for the batch."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from streams.kafka.denials import raise_denied
from streams.kafka.protocol import ProcessorProtocol
from streams.kafka.settings import Cluster
from streams.kafka.types import Headers, TransactionEnd
from streams.kafka.watchdog import Brokers, call_deadline, reason_of, retry

log = logging.getLogger(__name__)

TRANSACTION_SECONDS = 10.0
CALL_SECONDS = 3.0
NEAR_TIMEOUT = 0.8
FENCED_IN_A_ROW = 5


class TransactionPoint(StrEnum):
    """Points of a batch's transaction at which a test may end or suspend the process."""

    POLLED = "polled"
    DECIDED = "decided"
    BEGUN = "begun"
    PRODUCED = "produced"
    OFFSETS_SENT = "offsets sent"
    COMMITTED = "committed"


class DuplicateInstance(Exception):
    """Another process runs under this instance's name; one of the two must end."""


class LostMembership(Exception):
    """The group gave this instance's membership away while the broker was gone: an answer to this process was lost.

    The process must start again. If a duplicate instance is the cause, that shows after the restart.
    """


class StoppedWithoutBroker(Exception):
    """The process was asked to stop while no broker answered, so there is nothing to wait for."""


class OutgoingRecord(NamedTuple):
    """Record as a message for an events topic."""

    topic: str
    partition: int
    key: bytes
    value: bytes
    headers: Headers


class Transactions:
    """Transactional producer of one instance.

    Its transactional id is the instance's name, so that a restart aborts at once what its predecessor left open.
    Otherwise every reader of committed records would stall until that transaction times out.
    """

    def __init__(
        self,
        cluster: Cluster,
        instance: str,
        protocol: ProcessorProtocol,
        reached: Callable[[TransactionPoint], None],
        timeout_seconds: float,
        stopping: Callable[[], bool],
    ) -> None:
        self._timeout, self._stopping = timeout_seconds, stopping
        self._settings = cluster.client(
            transactional_id=f"{cluster.prefix}.{instance}",
            transaction_timeout_ms=int(timeout_seconds * 1000),
            linger_ms=0,
            retry_backoff_ms=1,
            retry_backoff_max_ms=50,
            partitioner="murmur2_random",
            queue_buffering_max_messages=1_000_000,
        )
        self._protocol, self._reached = protocol, reached
        self._producer: Producer | None = None
        self._brokers = Brokers()
        self._fenced_in_a_row = 0

    def restart(self) -> None:
        """Replace the producer by a new one under the same id, which settles the last one's open transaction.

        Tries until a broker answers. Raises StoppedWithoutBroker or Denied.
        """
        while not self._stopping():
            self._producer, self._brokers = None, Brokers()
            try:
                with call_deadline():
                    producer = Producer(self._settings | {"error_cb": self._brokers.on_error})
                retry(_init_transactions, producer)
                self._producer = producer
                return
            except KafkaException as error:
                raise_denied(reason_of(error))
                log.warning("the transactional producer cannot start: %s", reason_of(error).str())
                time.sleep(0.5)
        raise StoppedWithoutBroker

    def commit(
        self, records: Sequence[OutgoingRecord], offsets: list[TopicPartition], metadata: bytes
    ) -> TransactionEnd:
        """Write the records and the consumed offsets in one transaction.

        Raises DuplicateInstance, StoppedWithoutBroker or Denied.
        """
        self._replace_after_outage()
        producer, begun, calls = self._producer, time.monotonic(), _CommitProgress()
        assert producer is not None
        try:
            self._write(producer, records, offsets, metadata, calls)
        except BufferError:
            self._abort(producer)
            return TransactionEnd.RELOAD
        except KafkaException as error:
            return self._failed(producer, reason_of(error), calls.committing, time.monotonic() - begun)
        self._fenced_in_a_row = 0
        return TransactionEnd.COMMITTED

    def _replace_after_outage(self) -> None:
        """A producer that has lost its brokers may hang in its next transaction for ever; a new one does not."""
        assert self._producer is not None
        self._producer.poll(0)
        if self._brokers.lost:
            log.info("a new transactional producer: the last one has lost its brokers meanwhile")
            self.restart()

    def _write(
        self,
        producer: Producer,
        records: Sequence[OutgoingRecord],
        offsets: list[TopicPartition],
        metadata: bytes,
        calls: _CommitProgress,
    ) -> None:
        producer.begin_transaction()
        self._reached(TransactionPoint.BEGUN)
        for topic, partition, key, value, headers in records:
            producer.produce(topic, value, key, partition, headers=headers)
        self._reached(TransactionPoint.PRODUCED)
        retry(producer.send_offsets_to_transaction, offsets, metadata, CALL_SECONDS)
        self._reached(TransactionPoint.OFFSETS_SENT)
        calls.committing = True
        retry(producer.commit_transaction, CALL_SECONDS)
        self._reached(TransactionPoint.COMMITTED)

    def _failed(self, producer: Producer, reason: KafkaError, committing: bool, age: float) -> TransactionEnd:
        raise_denied(reason)
        log.warning("transaction failed after %.1f s: %s %s", age, reason.name(), reason.str())
        if not reason.fatal() and not self._protocol.is_unknown(reason, committing):
            aborted = self._abort(producer)
            if aborted is None:
                return TransactionEnd.RELOAD
            reason = aborted
        fenced = reason.code() == KafkaError._FENCED
        if fenced:
            self._check_duplicate(age)
        self.restart()
        return TransactionEnd.RELOAD_ALL if fenced else TransactionEnd.RELOAD

    def _abort(self, producer: Producer) -> KafkaError | None:
        try:
            retry(producer.abort_transaction, CALL_SECONDS)
        except KafkaException as error:
            return reason_of(error)
        return None

    def _check_duplicate(self, age: float) -> None:
        """A fence long before the transaction could have timed out means another producer with the same id."""
        self._fenced_in_a_row += 1
        if age < self._timeout * NEAR_TIMEOUT or self._fenced_in_a_row >= FENCED_IN_A_ROW:
            raise DuplicateInstance(
                "another process uses this instance's transactional id: give every processor a name of its own"
            )


def _init_transactions(producer: Producer) -> None:
    """A denial is reported only by `poll`: the client retries a refused connection without raising an error here."""
    try:
        producer.init_transactions(CALL_SECONDS)
    except KafkaException:
        producer.poll(0)
        raise


class _CommitProgress:
    """Progress of a transaction: whether its commit has been requested."""

    committing = False
