"""Lag of the projector: how far it is behind the log, open transactions in its way, and a stall without a cause."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from confluent_kafka import Consumer, KafkaException, TopicPartition

from streams.kafka import gauges
from streams.kafka.settings import Cluster
from streams.kafka.types import Checkpoint, Place, place_name
from streams.kafka.watchdog import call_deadline

log = logging.getLogger(__name__)

EVERY_SECONDS = 2.0
STALLED_SECONDS = 60.0
ASK_SECONDS = 0.5


class ProjectionStalled(Exception):
    """There are records to project and nothing prevents it, yet there is no progress: the process must start again."""


GAUGES = (gauges.LAG_EVENTS, gauges.LAG_SECONDS, gauges.OPEN_TRANSACTION_SECONDS)


class Lag:
    """Periodic measurement of the lag; its gauges cover only the partitions of this process."""

    def __init__(self, cluster: Cluster) -> None:
        """Use separate consumers: on the projector's own one every request would wait behind a fetch."""
        self._cluster = cluster
        self._stable = Consumer(cluster.reader(isolation_level="read_committed"))
        self._end = Consumer(cluster.reader(isolation_level="read_uncommitted"))
        self._measured_at = self._progress_at = time.monotonic()
        self._read: dict[Place, tuple[int, int]] = {}
        self._ended: dict[Place, int] = {}
        self._open: dict[Place, tuple[int, float]] = {}
        self._shown: set[Place] = set()

    def on_record(self, place: Place, offset: int, time_ms: int) -> None:
        """Note that the message at this offset, written at this time, has been received."""
        self._read[place] = offset, time_ms  # a plain tuple: made for every record

    def on_end(self, place: Place, offset: int) -> None:
        """Note that all committed records have been received; they end before this offset."""
        self._ended[place] = offset

    def on_progress(self) -> None:
        """Note that something was projected, or that nothing could be because the database is away."""
        self._progress_at = time.monotonic()

    def reached(self, checkpoints: Mapping[Place, Checkpoint]) -> dict[Place, int]:
        """Ends that lie behind a checkpoint with nothing but transactions' markers in between."""
        ends = {place: self._at(place, at) for place, at in checkpoints.items()}
        return {place: end for place, end in ends.items() if end > checkpoints[place].next_offset}

    def measure(self, checkpoints: Mapping[Place, Checkpoint], halted: Mapping[Place, Checkpoint]) -> None:
        """Set the gauges of the projected and of the halted partitions; raises ProjectionStalled."""
        now = time.monotonic()
        if now - self._measured_at < EVERY_SECONDS:
            return
        self._measured_at = now
        self._show({*checkpoints, *halted})
        behind = [place for place, at in checkpoints.items() if self._look(place, at, now)]
        for place, at in halted.items():
            self._look(place, at, now)
        if not behind:
            self._progress_at = now
        if now - self._progress_at > STALLED_SECONDS:
            raise ProjectionStalled(f"no progress for {STALLED_SECONDS:.0f} s although {behind} have more to project")

    def _show(self, places: set[Place]) -> None:
        """Remove the gauges of partitions that this process no longer owns: a stale value would alert for ever."""
        for place in self._shown - places:
            self._open.pop(place, None)
            for gauge in GAUGES:
                gauge.remove(place_name(place))
        self._shown &= places

    def _look(self, place: Place, checkpoint: Checkpoint, now: float) -> bool:
        """Measure one partition; True when it has committed records to project."""
        partition = TopicPartition(self._cluster.events(place[0]), place[1])
        try:
            with call_deadline():
                _, stable = self._stable.get_watermark_offsets(partition, ASK_SECONDS, cached=False)
                _, end = self._end.get_watermark_offsets(partition, ASK_SECONDS, cached=False)
        except KafkaException:
            return False
        self._shown.add(place)
        at, name = self._at(place, checkpoint), place_name(place)
        gauges.LAG_EVENTS.labels(name).set(max(0, end - at))
        _offset, time_ms = self._read.get(place, (0, 0))
        since = time_ms / 1000
        gauges.LAG_SECONDS.labels(name).set(time.time() - since if end > at and since else 0)
        gauges.OPEN_TRANSACTION_SECONDS.labels(name).set(self._open_for(place, stable, end, now))
        return stable > at

    def _at(self, place: Place, checkpoint: Checkpoint) -> int:
        """Offset from which there is something to project. The transaction markers before an end that was reached are
        not, but a record that was received and is not in the database is."""
        received, _time = self._read.get(place, (-1, 0))
        projected = received < checkpoint.next_offset
        return max(checkpoint.next_offset, self._ended.get(place, 0)) if projected else checkpoint.next_offset

    def _open_for(self, place: Place, stable: int, end: int, now: float) -> float:
        if end <= stable:
            self._open.pop(place, None)
            return 0.0
        before, since = self._open.get(place, (stable, now))
        self._open[place] = (stable, since if before == stable else now)
        return now - self._open[place][1]
