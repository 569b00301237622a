"""Partition ownership of a processor: takeover in steps, serving, halts, back-pressure and revocation."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence

import psycopg
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from streams.core.processor import Processor
from streams.kafka import gauges
from streams.kafka.consumed_commands import CommandOffsets
from streams.kafka.overlay import Overlay
from streams.kafka.processor_store import Store
from streams.kafka.settings import Cluster
from streams.kafka.takeover import Loader, TakeoverSteps
from streams.kafka.types import BrokenLog, Place, Takeover, place_name, place_of

log = logging.getLogger(__name__)

ROLE = "processor"
RETRY_BROKEN_SECONDS = 30.0


class Partitions:
    """Partitions that the group has assigned to this process.

    Nothing in here decides a command. Every method is short, for it runs between two polls.
    """

    def __init__(
        self,
        cluster: Cluster,
        consumer: Consumer,
        core: Processor,
        overlay: Overlay,
        store: Store,
        loader: Loader,
        offsets: CommandOffsets,
        overlay_records: int,
    ) -> None:
        self._cluster, self._consumer, self._core, self._overlay = cluster, consumer, core, overlay
        self._store, self._loader, self._offsets = store, loader, offsets
        self._overlay_records = overlay_records
        self._loading: dict[Place, TakeoverSteps] = {}
        self._broken: dict[Place, float] = {}
        self._paused: set[Place] = set()

    @property
    def loading(self) -> bool:
        """Whether a takeover is under way, so that the next poll should be short."""
        return bool(self._loading)

    @property
    def all(self) -> set[Place]:
        """Places that are served or being loaded."""
        return {*self._offsets.next_offsets, *self._loading}

    def subscribe(self, contexts: Iterable[str]) -> None:
        """Ask the group for a share of these contexts' commands."""
        topics = [self._cluster.commands(context) for context in contexts]
        self._consumer.subscribe(topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)

    def reload(self, places: Sequence[Place]) -> None:
        """Drop the state of these partitions and take them over again, from the first step of the protocol."""
        for place in places:
            self._drop(place)
            self._loading[place] = self._loader.load(place, self._overlay)
        if places:
            self._consumer.pause([self.commands(place) for place in places])

    def continue_loading(self) -> None:
        """Take one takeover step for every partition that is being loaded, and retry halted ones now and then."""
        for place, steps in list(self._loading.items()):
            try:
                next(steps)
            except StopIteration as done:
                del self._loading[place]
                self._serve(place, done.value)
            except (BrokenLog, LookupError) as error:
                self.halt(place, error)
        for place, since in list(self._broken.items()):
            if time.monotonic() - since > RETRY_BROKEN_SECONDS:
                self.reload([place])

    def halt(self, place: Place, error: Exception) -> None:
        """Stop serving the partition and record the reason in PostgreSQL."""
        log.critical("partition %s/%d is not served: %s", *place, error)
        self._consumer.pause([self.commands(place)])
        self._drop(place)
        self._broken[place] = time.monotonic()
        gauges.LOG_HALTED.labels(place_name(place)).set(1)
        try:
            self._store.halt(place, ROLE, str(error))
        except psycopg.Error:
            self._store.close()

    def apply_back_pressure(self) -> None:
        """Pause a partition whose projection is too far behind, until it has caught up by half.

        Every partition has an equal share of the overlay, so that one whose projection has halted does not pause the
        others.
        """
        share = self._overlay_records // max(len(self._offsets.next_offsets), 1)
        if not self._paused and len(self._overlay) <= share:
            return
        if self._paused:
            self._prune()
        paused = {
            place
            for place in self._offsets.next_offsets
            if self._overlay.length(place) > (share // 2 if place in self._paused else share)
        }
        for place in paused - self._paused:
            self._consumer.pause([self.commands(place)])
            self._report_back_pressure(place, True)
        for place in self._paused - paused:
            self._consumer.resume([self.commands(place)])
            self._report_back_pressure(place, False)
        self._paused = paused

    def _report_back_pressure(self, place: Place, paused: bool) -> None:
        what = "taking no commands" if paused else "taking commands again"
        log.warning("%s of %s: %d records wait for the projector", what, place_name(place), self._overlay.length(place))
        gauges.HELD_BACK.labels(place_name(place)).set(paused)

    def commands(self, place: Place, offset: int | None = None) -> TopicPartition:
        """The place's partition of the commands topic, at the offset if one is given."""
        topic, partition = self._cluster.commands(place[0]), place[1]
        return TopicPartition(topic, partition) if offset is None else TopicPartition(topic, partition, offset)

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Assign with an explicit offset, although the takeover seeks to the right one later.

        Without it librdkafka asks for the committed offsets of all partitions at once, and an open transaction over
        one of them keeps all of them waiting.
        """
        consumer.assign([TopicPartition(one.topic, one.partition, OFFSET_BEGINNING) for one in partitions])
        places = [place_of(partition) for partition in partitions]
        log.info("assigned %s", places)
        self.reload(places)

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        places = [place_of(partition) for partition in partitions]
        log.info("revoked %s", places)
        for place in places:
            if place in self._broken:
                gauges.LOG_HALTED.labels(place_name(place)).set(0)
            self._drop(place)
        consumer.unassign()

    def _drop(self, place: Place) -> None:
        self._offsets.drop(place)
        self._broken.pop(place, None)
        if (steps := self._loading.pop(place, None)) is not None:
            steps.close()
        self._core.drop(*place)
        self._overlay.drop(place)
        self._paused.discard(place)
        gauges.HELD_BACK.labels(place_name(place)).set(0)
        self._update_gauges()

    def _serve(self, place: Place, takeover: Takeover) -> None:
        log.info("serving %s/%d from command %d, log at %d", *place, takeover.next_command, takeover.head.sequence)
        self._core.adopt(*place, takeover.head)
        self._offsets.add(place, takeover)
        self._update_gauges()
        gauges.LOG_HALTED.labels(place_name(place)).set(0)
        try:
            self._store.resume(place, ROLE)
        except psycopg.Error:
            self._store.close()

    def _prune(self) -> None:
        try:
            self._overlay.prune(self._store.sequences())
        except psycopg.Error:
            self._store.close()

    def _update_gauges(self) -> None:
        gauges.PARTITIONS.labels(ROLE).set(len(self._offsets.next_offsets))
        gauges.LOADING.set(len(self._loading))
