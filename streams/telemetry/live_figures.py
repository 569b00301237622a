"""Counts of each minute of the last hour, and alerts by thresholds. Pure, and rebuildable from the log.

Never authoritative: the log can be counted again. A window covers the events' own time, so late, repeated or reordered
records give the same totals.
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
"""Delay from the end of a minute until its window closes and its totals count as final."""

UNDER_WAY = 100_000
"""Maximum number of unfinished deliveries kept; beyond it the oldest one's latency is lost."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The event names with which a context's deliveries begin, arrive or fail, all in one stream per delivery.

    `channel` is the field of their bodies that holds the delivery's channel.
    """

    context: str
    begun: frozenset[str]
    arrived: frozenset[str]
    failed: frozenset[str]
    channel: str = "channel"


class MinuteTotals(NamedTuple):
    """A minute's totals of one event type and channel ("" for none); latencies in seconds, from begin to end."""

    context: str
    type: str
    channel: str
    events: int
    failures: int
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


class Window(NamedTuple):
    """One minute: its start (UTC), whether it is closed, and its totals."""

    minute: datetime
    closed: bool
    lines: list[MinuteTotals]


@dataclass(slots=True)
class _Tally:
    events: int = 0
    failures: int = 0
    latencies: list[float] = field(default_factory=list)


_Key = tuple[str, str, str]


class Windows:
    """Counters of records per minute. Feed each partition's records in order; repeated records count once."""

    def __init__(self, deliveries: Iterable[Delivery] = (), kept: timedelta = KEPT) -> None:
        self._deliveries = {delivery.context: delivery for delivery in deliveries}
        self._kept = kept
        self._seen: dict[tuple[str, int], int] = {}
        self._minutes: dict[datetime, dict[_Key, _Tally]] = {}
        self._under_way: OrderedDict[tuple[str, str, str], datetime] = OrderedDict()

    def see(self, record: Record) -> None:
        """Count a record, unless it was counted before."""
        place = (record.context, record.partition)
        if record.sequence <= self._seen.get(place, 0):
            return
        self._seen[place] = record.sequence
        if not record.stream.startswith(f"{OUTCOMES}/"):
            self._count(record)

    def forget(self, now: datetime) -> None:
        """Drop the minutes older than the kept period."""
        for minute in [minute for minute in self._minutes if minute < now - self._kept]:
            del self._minutes[minute]

    def windows(self, now: datetime) -> list[Window]:
        """The windows of all minutes with events, oldest first."""
        return [
            Window(
                minute, minute + MINUTE + GRACE <= now, [_totals(key, tally) for key, tally in sorted(tallies.items())]
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
    """Limits of a minute's share of failed deliveries and of its p95 latency in seconds.

    A channel with fewer than `minimum` ended deliveries in the minute raises no alert: the sample is too small.
    """

    failure_share: float = 0.05
    p95_seconds: float = 30.0
    minimum: int = 20


class Alert(NamedTuple):
    """A threshold exceeded in a closed minute."""

    minute: datetime
    context: str
    channel: str
    kind: str
    value: float
    threshold: float


def alerts(windows: Sequence[Window], deliveries: Iterable[Delivery], thresholds: Thresholds) -> list[Alert]:
    """The alerts of the closed minutes, oldest first."""
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
    minute: datetime, context: str, channel: str, lines: Sequence[MinuteTotals], thresholds: Thresholds
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
    """The start of the time's minute, in UTC."""
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def percentile(values: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile: the smallest value with at least this share of all values at or below it.

    None when there are no values.
    """
    return sorted(values)[max(0, ceil(share * len(values)) - 1)] if values else None


def report(windows: Sequence[Window], raised: Sequence[Alert]) -> bytes:
    """Windows and alerts as JSON."""
    return orjson.dumps(
        {
            "windows": [window._asdict() | {"lines": [line._asdict() for line in window.lines]} for window in windows],
            "alerts": [alert._asdict() for alert in raised],
        }
    )


def _totals(key: _Key, tally: _Tally) -> MinuteTotals:
    latencies = sorted(tally.latencies)
    p50, p95, p99 = (percentile(latencies, share) for share in (0.5, 0.95, 0.99))
    return MinuteTotals(*key, tally.events, tally.failures, p50, p95, p99)
