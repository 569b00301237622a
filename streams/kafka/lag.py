"""How far the projector is behind, whether anything keeps it from going on, and whether it has stopped by itself."""

from __future__ import annotations

import logging
import time
from collections.abc import Container, Mapping

from confluent_kafka import Consumer, KafkaException, TopicPartition

from streams.kafka import metrics
from streams.kafka.overlay import Place
from streams.kafka.settings import Cluster
from streams.kafka.store import Checkpoint
from streams.kafka.watchdog import watched

log = logging.getLogger(__name__)

EVERY_SECONDS = 2.0
STUCK_SECONDS = 60.0
ASK_SECONDS = 0.5


class Stuck(Exception):  # noqa: N818
    """There is something to project and nothing keeps it from being projected, yet nothing happens: start again."""


class Lag:
    """Looks every so often; its gauges are per context and partition."""

    def __init__(self, cluster: Cluster) -> None:
        """Asks through consumers of its own: on the projector's, every question would wait behind a fetch."""
        self._cluster = cluster
        self._stable = Consumer(cluster.reader(isolation_level="read_committed"))
        self._end = Consumer(cluster.reader(isolation_level="read_uncommitted"))
        self._looked = self._progress = time.monotonic()
        self._read: dict[Place, int] = {}
        self._ended: dict[Place, int] = {}
        self._open: dict[Place, tuple[int, float]] = {}

    def read(self, place: Place, time_ms: int) -> None:
        """A message written at this time has been received."""
        self._read[place] = time_ms

    def reached_end(self, place: Place, offset: int) -> None:
        """Everything that a reader of committed records may see was received; it ends before this offset."""
        self._ended[place] = offset

    def progress(self) -> None:
        """Something was projected."""
        self._progress = time.monotonic()

    def measure(self, checkpoints: Mapping[Place, Checkpoint], halted: Container[Place]) -> None:
        """Sets the gauges; raises Stuck."""
        now = time.monotonic()
        if now - self._looked < EVERY_SECONDS:
            return
        self._looked = now
        behind = [place for place, at in checkpoints.items() if self._look(place, at, now) and place not in halted]
        if not behind or not checkpoints:
            self._progress = now
        if now - self._progress > STUCK_SECONDS:
            raise Stuck(f"no progress for {STUCK_SECONDS:.0f} s although {behind} have more to project")

    def _look(self, place: Place, checkpoint: Checkpoint, now: float) -> bool:
        """True when there are committed records to project."""
        partition = TopicPartition(self._cluster.events(place[0]), place[1])
        try:
            with watched():
                _, stable = self._stable.get_watermark_offsets(partition, ASK_SECONDS, cached=False)
                _, end = self._end.get_watermark_offsets(partition, ASK_SECONDS, cached=False)
        except KafkaException:
            return False
        at = max(checkpoint.next_offset, self._ended.get(place, 0))
        name = f"{place[0]}/{place[1]}"
        metrics.LAG_EVENTS.labels(name).set(max(0, end - at))
        since = self._read.get(place, 0) / 1000
        metrics.LAG_SECONDS.labels(name).set(time.time() - since if end > at and since else 0)
        metrics.OPEN_TRANSACTION_SECONDS.labels(name).set(self._open_for(place, stable, end, now))
        return stable > at

    def _open_for(self, place: Place, stable: int, end: int, now: float) -> float:
        if end <= stable:
            self._open.pop(place, None)
            return 0.0
        before, since = self._open.get(place, (stable, now))
        self._open[place] = (stable, since if before == stable else now)
        return now - self._open[place][1]
