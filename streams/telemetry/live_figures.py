"""The live side: what happened in each minute of the last hour, and alerts by stated thresholds. Pure, and rebuildable.

Never authoritative: everything here can be counted again from the log. Windows are of the events' own time, so whatever
arrives late, again or in another order, the totals are the same.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import NamedTuple

import orjson

from streams.core.envelope import OUTCOMES, Record

MINUTE = timedelta(minutes=1)
KEPT = timedelta(hours=1)
GRACE = timedelta(seconds=30)
"""A window is closed this long after its minute: its totals are not expected to change any more."""

UNDER_WAY = 100_000
"""Deliveries begun and not ended that are remembered at most; beyond that the oldest one's latency is lost."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Which events of a context begin a delivery and end it, well or badly. They are events of one stream.

    `channel` names the field of their bodies that says by which way it goes.
    """

    context: str
    begun: frozenset[str]
    arrived: frozenset[str]
    failed: frozenset[str]
    channel: str = "channel"


class Line(NamedTuple):
    """A minute's events of one type on one channel ("" for none); latencies in seconds, from begun to ended."""

    context: str
    type: str
    channel: str
    events: int
    failures: int
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


class Window(NamedTuple):
    """One minute: when it began (UTC), its lines, and whether it is closed."""

    minute: datetime
    closed: bool
    lines: list[Line]


@dataclass(slots=True)
class _Tally:
    events: int = 0
    failures: int = 0
    latencies: list[float] = field(default_factory=list)


_Key = tuple[str, str, str]


class Windows:
    """Counts records into minutes. Records of one partition must come in order; repeated ones are not counted again."""

    def __init__(self, deliveries: Iterable[Delivery] = (), kept: timedelta = KEPT) -> None:
        self._deliveries = {delivery.context: delivery for delivery in deliveries}
        self._kept = kept
        self._seen: dict[tuple[str, int], int] = {}
        self._minutes: dict[datetime, dict[_Key, _Tally]] = {}
        self._under_way: OrderedDict[tuple[str, str, str], datetime] = OrderedDict()

    def see(self, record: Record) -> None:
        """Counts a record, once."""
        place = (record.context, record.partition)
        if record.sequence <= self._seen.get(place, 0):
            return
        self._seen[place] = record.sequence
        if not record.stream.startswith(f"{OUTCOMES}/"):
            self._count(record)

    def forget(self, now: datetime) -> None:
        """Drops the minutes that are too old to be kept."""
        for minute in [minute for minute in self._minutes if minute < now - self._kept]:
            del self._minutes[minute]

    def windows(self, now: datetime) -> list[Window]:
        """The minutes that anything happened in, oldest first."""
        return [
            Window(
                minute, minute + MINUTE + GRACE <= now, [_line(key, tally) for key, tally in sorted(tallies.items())]
            )
            for minute, tallies in sorted(self._minutes.items())
        ]

    def _count(self, record: Record) -> None:
        delivery = self._deliveries.get(record.context)
        channel = self._channel(delivery, record)
        tallies = self._minutes.setdefault(minute_of(record.at), {})
        tally = tallies.setdefault((record.context, record.name, channel), _Tally())
        tally.events += 1
        if delivery is not None:
            self._follow(delivery, channel, record, tally)

    def _follow(self, delivery: Delivery, channel: str, record: Record, tally: _Tally) -> None:
        key = (record.context, record.stream, channel)
        if record.name in delivery.begun:
            self._under_way.setdefault(key, record.at)
            while len(self._under_way) > UNDER_WAY:
                self._under_way.popitem(last=False)
        elif record.name in delivery.arrived or record.name in delivery.failed:
            tally.failures += record.name in delivery.failed
            if (begun := self._under_way.pop(key, None)) is not None:
                tally.latencies.append((record.at - begun).total_seconds())

    def _channel(self, delivery: Delivery | None, record: Record) -> str:
        if delivery is None or record.name not in delivery.begun | delivery.arrived | delivery.failed:
            return ""
        return str(orjson.loads(record.data).get(delivery.channel) or "")


class Thresholds(NamedTuple):
    """When to raise an alarm over a minute: which share of deliveries failed, or how slow (p95, seconds) they were.

    Minutes with fewer than `minimum` ended deliveries on a channel say too little and raise none.
    """

    failure_share: float = 0.05
    p95_seconds: float = 30.0
    minimum: int = 20


class Alert(NamedTuple):
    """A threshold was passed in a closed minute."""

    minute: datetime
    context: str
    channel: str
    kind: str
    value: float
    threshold: float


def alerts(windows: Sequence[Window], deliveries: Iterable[Delivery], thresholds: Thresholds) -> list[Alert]:
    """The alarms of the closed minutes, oldest first."""
    ends = {delivery.context: delivery.arrived | delivery.failed for delivery in deliveries}
    found: list[Alert] = []
    for window in windows:
        if window.closed:
            ended = [line for line in window.lines if line.type in ends.get(line.context, ())]
            for place in sorted({(line.context, line.channel) for line in ended}):
                lines = [line for line in ended if (line.context, line.channel) == place]
                found += _alerts(window.minute, *place, lines, thresholds)
    return found


def _alerts(
    minute: datetime, context: str, channel: str, lines: Sequence[Line], thresholds: Thresholds
) -> Iterable[Alert]:
    events, failures = sum(line.events for line in lines), sum(line.failures for line in lines)
    if events < thresholds.minimum:
        return
    if (share := failures / events) > thresholds.failure_share:
        yield Alert(minute, context, channel, "failures", share, thresholds.failure_share)
    slowest = max((line.p95 for line in lines if line.p95 is not None), default=0.0)
    if slowest > thresholds.p95_seconds:
        yield Alert(minute, context, channel, "latency", slowest, thresholds.p95_seconds)


def minute_of(moment: datetime) -> datetime:
    """The beginning of a moment's minute, UTC."""
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def percentile(values: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile: the smallest value that at least this share of all are not above; None for none."""
    return sorted(values)[max(0, ceil(share * len(values)) - 1)] if values else None


def report(windows: Sequence[Window], raised: Sequence[Alert]) -> bytes:
    """Windows and alerts as JSON."""
    return orjson.dumps(
        {
            "windows": [window._asdict() | {"lines": [line._asdict() for line in window.lines]} for window in windows],
            "alerts": [alert._asdict() for alert in raised],
        }
    )


def _line(key: _Key, tally: _Tally) -> Line:
    latencies = sorted(tally.latencies)
    return Line(*key, tally.events, tally.failures, *(percentile(latencies, share) for share in (0.5, 0.95, 0.99)))
