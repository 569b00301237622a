"""The processor's process: commands in, decided batches out, one Kafka transaction each. No asyncio in here.

The order of the calls is the protocol; every step answers a hazard that was met on a real broker.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from streams.batch import Answer, Batch
from streams.envelope import IdempotencyConflict
from streams.kafka import metrics
from streams.kafka.consuming import NO_GENERATION, Expected, command_message, generation_of
from streams.kafka.deciding import Decider, Decision
from streams.kafka.decoding import CommandMessage, with_unreadable
from streams.kafka.loading import Guard, Guards, Loader, Loading, Taken
from streams.kafka.overlay import BrokenLog, Overlay, Place
from streams.kafka.records import record_headers
from streams.kafka.settings import Role, context_of
from streams.kafka.store import Store
from streams.kafka.transactions import TRANSACTION_SECONDS, End, LostMembership, Step, Transactions, Twin
from streams.kafka.transactions import Message as Outgoing
from streams.kafka.watchdog import Brokers, watched
from streams.keys import Keyring
from streams.mapper import Mapper
from streams.metrics import BATCH_SIZE, COMMANDS, COMMIT_SECONDS
from streams.processor import Processor
from streams.wiring import Context, names_of

log = logging.getLogger(__name__)

BATCH = 512
SESSION_MS = 6000
POLL_SECONDS = 0.05
OVERLAY_RECORDS = 100_000
TRY_BROKEN_AGAIN_SECONDS = 30.0
GROUP_SPEAKS_SECONDS = 2.5
FATAL = (KafkaError._FATAL, KafkaError.FENCED_INSTANCE_ID, KafkaError.UNRELEASED_INSTANCE_ID)


def ignore(_step: Step) -> None:
    """What a processor does at the steps of a batch unless a test says otherwise."""


class KafkaProcessor:
    """Serves whatever partitions its group gives it. `run` returns after `stop`; raises Twin (see `Transactions`)."""

    def __init__(
        self,
        role: Role,
        contexts: Sequence[Context],
        off: Guards = frozenset(),
        reached: Callable[[Step], None] = ignore,
        overlay_records: int = OVERLAY_RECORDS,
        transaction_seconds: float = TRANSACTION_SECONDS,
    ) -> None:
        self._role, self._off, self._reached, self._overlay_records = role, off, reached, overlay_records
        self._names = [context.name for context in contexts]
        self.group = f"{role.cluster.prefix}.processor"
        mapper = Mapper(names_of(contexts), Keyring(role.master_key))
        self._core = Processor([with_unreadable(context) for context in contexts], mapper)
        self._overlay = Overlay()
        self._store = Store(role.dsn, "headwater processor")
        self._decider = Decider(self._core, self._store, self._overlay, role.partitions, off)
        self._transactions = Transactions(role.cluster, role.instance, off, reached, transaction_seconds)
        self._brokers = Brokers()
        self._consumer = Consumer(self._membership() | {"error_cb": self._brokers.heard})
        self._loader = Loader(role.cluster, self.group, self._consumer, self._store, off)
        self._loading: dict[Place, Loading] = {}
        self._expected = Expected(off)
        self._broken: dict[Place, float] = {}
        self._held_back = False
        self._stopping = False

    def _membership(self) -> dict[str, Any]:
        return self._role.cluster.client(
            group_id=self.group, group_protocol="classic", group_instance_id=self._role.instance,
            partition_assignment_strategy="cooperative-sticky", session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=1000, isolation_level="read_committed", enable_auto_commit=False,
            auto_offset_reset="earliest", fetch_wait_max_ms=100, max_poll_interval_ms=60_000,
            allow_auto_create_topics=False,
        )  # fmt: skip

    def stop(self) -> None:
        """Ends `run` after the batch in hand."""
        self._stopping = True

    def run(self) -> None:
        """Serves until stopped."""
        self._transactions.begin_anew()
        topics = [self._role.cluster.commands(name) for name in self._names]
        self._consumer.subscribe(topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)
        try:
            while not self._stopping:
                self._load_on()
                self._heed_the_overlay()
                self._turn()
        finally:
            with watched():
                self._consumer.close()
            self._store.close()

    # --- partitions come and go ------------------------------------------------------------------------------------

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """With offsets of our own: librdkafka would ask for the committed ones of all the partitions at once, and an
        open transaction over one of them would keep all of them waiting."""
        consumer.incremental_assign([TopicPartition(one.topic, one.partition, OFFSET_BEGINNING) for one in partitions])
        places = [_place(partition) for partition in partitions]
        log.info("assigned %s", places)
        self._reload(places)

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        places = [_place(partition) for partition in partitions]
        log.info("revoked %s", places)
        for place in places:
            self._drop(place)
        consumer.incremental_unassign(partitions)

    def _reload(self, places: Sequence[Place]) -> None:
        """Forgets what is known of these partitions and reads it again, from the start of the protocol."""
        for place in places:
            self._drop(place)
            self._loading[place] = self._loader.load(place, self._overlay)
        if places:
            self._consumer.pause([self._commands(place) for place in places])

    def _drop(self, place: Place) -> None:
        self._expected.drop(place)
        self._broken.pop(place, None)
        if (loading := self._loading.pop(place, None)) is not None:
            loading.close()
        self._core.drop(*place)
        self._overlay.drop(place)
        self._gauge()

    def _load_on(self) -> None:
        for place, loading in list(self._loading.items()):
            try:
                next(loading)
            except StopIteration as done:
                del self._loading[place]
                self._serve(place, done.value)
            except (BrokenLog, LookupError) as error:
                del self._loading[place]
                self._halt(place, error)
        for place, since in list(self._broken.items()):
            if time.monotonic() - since > TRY_BROKEN_AGAIN_SECONDS:
                self._reload([place])

    def _serve(self, place: Place, taken: Taken) -> None:
        log.info("serving %s/%d from command %d, log at %d", *place, taken.next_command, taken.head.sequence)
        self._core.adopt(*place, taken.head)
        self._expected.take(place, taken)
        self._gauge()
        if self._held_back:
            self._consumer.pause([self._commands(place)])
        metrics.LOG_HALTED.labels(_name(place)).set(0)
        try:
            self._store.resume(place, "processor")
        except psycopg.Error:
            self._store.close()

    def _halt(self, place: Place, error: Exception) -> None:
        log.critical("partition %s/%d is not served: %s", *place, error)
        self._broken[place] = time.monotonic()
        metrics.LOG_HALTED.labels(_name(place)).set(1)
        try:
            self._store.halt(place, "processor", str(error))
        except psycopg.Error:
            self._store.close()

    def _heed_the_overlay(self) -> None:
        """The read side is too far behind: no commands are taken until it has caught up by half."""
        if not self._held_back and len(self._overlay) < self._overlay_records:
            return
        if self._held_back:
            self._prune()
        held_back = len(self._overlay) > self._overlay_records // (2 if self._held_back else 1)
        if held_back != self._held_back:
            what = "taking no commands" if held_back else "taking commands again"
            log.warning("%s: %d records wait for the projector", what, len(self._overlay))
            served = [self._commands(place) for place in self._expected.following]
            self._consumer.pause(served) if held_back else self._consumer.resume(served)
            self._held_back = held_back
            metrics.HELD_BACK.set(held_back)

    def _prune(self) -> None:
        try:
            self._overlay.prune(self._store.sequences())
        except psycopg.Error:
            self._store.close()

    # --- a batch -----------------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        generations = self._expected.generations()
        with watched():
            first = self._consumer.poll(0.002 if self._loading else POLL_SECONDS)
            if first is None:
                return
            messages = [first, *self._consumer.consume(BATCH - 1, 0)]
        self._reached(Step.POLLED)
        metadata = self._consumer.consumer_group_metadata()
        batch, gaps = self._expected.accept(self._received(messages), generations)
        self._reload(gaps)
        if not batch:
            return
        if generation_of(metadata) == NO_GENERATION and Guard.MEMBERSHIP not in self._off:
            self._reload(_places(batch))
            return
        self._process(batch, metadata)

    def _received(self, messages: Sequence[Message]) -> Iterator[CommandMessage]:
        for message in messages:
            if (error := message.error()) is None:
                yield command_message(message)
            else:
                self._check(error)

    def _check(self, error: KafkaError) -> None:
        log.warning("consuming: %s %s", error.name(), error.str())
        if error.code() in FATAL and self._brokers.lost_lately:
            raise LostMembership(error.str())
        if error.code() in FATAL:
            raise Twin(f"another process uses this instance's name, {self._role.instance}: {error.str()}")

    def _process(self, messages: Sequence[CommandMessage], metadata: Any) -> None:
        try:
            decision = self._decider.decide(messages, self._expected.sent_since)
        except psycopg.Error as error:
            log.warning("the database is not available: %s", type(error).__name__)
            self._store.close()
            self._reload(_places(messages))
            return
        except BrokenLog as error:
            for place in _places(messages):
                self._consumer.pause([self._commands(place)])
                self._drop(place)
                self._halt(place, error)
            return
        self._reached(Step.DECIDED)
        if Guard.METADATA_FIRST in self._off:
            metadata = self._consumer.consumer_group_metadata()
        self._commit(messages, decision, metadata)

    def _commit(self, messages: Sequence[CommandMessage], decision: Decision, metadata: Any) -> None:
        batch = decision.batch
        following = {(one.context, one.partition): one.offset + 1 for one in messages}
        offsets = [TopicPartition(*self._topic_of(place), offset) for place, offset in following.items()]
        with COMMIT_SECONDS.time():
            end = self._transactions.commit(self._outgoing(batch), offsets, metadata)
        metrics.TRANSACTIONS.labels(end.name.lower()).inc()
        if end is End.COMMITTED:
            self._committed(decision, following)
        else:
            self._not_committed(batch, end, _places(messages))

    def _committed(self, decision: Decision, following: dict[Place, int]) -> None:
        envelopes, batch = decision
        self._overlay.remember(one.record for one in batch.recorded)
        self._core.committed(batch)
        self._expected.following.update(following)
        BATCH_SIZE.observe(len(batch.answers))
        metrics.OVERLAY.set(len(self._overlay))
        for envelope, answer in zip(envelopes, batch.answers, strict=True):
            COMMANDS.labels(envelope.context, _label(answer)).inc()
        if batch.snapshots:
            self._keep_snapshots(batch)

    def _keep_snapshots(self, batch: Batch) -> None:
        ends = {place: after for place, (_, after) in batch.heads.items()}
        try:
            self._store.keep_snapshots(batch.snapshots, ends, self._role.partitions)
        except psycopg.Error as error:
            log.info("snapshots are left for another time: %s", type(error).__name__)
            self._store.close()

    def _not_committed(self, batch: Batch, end: End, touched: Sequence[Place]) -> None:
        if Guard.RELOAD in self._off:
            return
        self._core.aborted(batch)
        if end is End.RELOAD_ALL:
            self._listen_to_the_group()
            touched = list({*self._expected.following, *self._loading, *touched})
        owned = {_place(partition) for partition in self._consumer.assignment()}
        self._reload([place for place in touched if place in owned])

    def _listen_to_the_group(self) -> None:
        """This process was asleep, or replaced: polls, serving nothing, until the group must have said which."""
        self._consumer.pause(self._consumer.assignment())
        until = time.monotonic() + GROUP_SPEAKS_SECONDS
        while time.monotonic() < until:
            with watched():
                message = self._consumer.poll(0.1)
            if message is not None and (error := message.error()) is not None:
                self._check(error)

    def _outgoing(self, batch: Batch) -> list[Outgoing]:
        """A record's message names the hash before its own; a partition's first one in the batch follows its head."""
        previous: dict[Place, bytes] = {place: before.hash for place, (before, _) in batch.heads.items()}
        messages = []
        for _, record in batch.recorded:
            place = (record.context, record.partition)
            topic = self._role.cluster.events(record.context)
            headers = record_headers(record, previous[place])
            messages.append(Outgoing(topic, record.partition, record.key.encode(), record.data, headers))
            previous[place] = record.hash
        return messages

    def _commands(self, place: Place) -> TopicPartition:
        return TopicPartition(*self._topic_of(place))

    def _topic_of(self, place: Place) -> tuple[str, int]:
        return self._role.cluster.commands(place[0]), place[1]

    def _gauge(self) -> None:
        metrics.PARTITIONS.labels("processor").set(len(self._expected.following))
        metrics.LOADING.set(len(self._loading))


def _place(partition: TopicPartition) -> Place:
    return context_of(partition.topic), partition.partition


def _places(messages: Sequence[CommandMessage]) -> list[Place]:
    return sorted({(one.context, one.partition) for one in messages})


def _name(place: Place) -> str:
    return f"{place[0]}/{place[1]}"


def _label(answer: Answer) -> str:
    return "conflict" if isinstance(answer, IdempotencyConflict) else answer.status.value
