"""Analytics over all recipients, from the daily counters. Days are UTC, ends are inclusive, rates are fractions.

Denominators, the same everywhere: delivery_rate = delivered / sent. open_rate, click_rate and action_rate, and a
channel's engagement_rate = opened, clicked, acted / delivered. The overall engagement_rate = acted / sent.
cost_per_message = cost / sent, cost_per_engagement = cost / acted. "Engaged" is "took the action", as in the document's
examples. A rate without a denominator is 0. Messages alone are counted here, not the texts with verification codes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Literal, NamedTuple

from psycopg import AsyncConnection

from domain.communication.kinds import BOTH_CHANNELS, Channel
from domain.money import Microcents, dollars
from projections.communication.daily import VERIFICATION
from streams.core.read_models import Row

Metric = Literal["delivery_rate", "engagement_rate", "cost"]
Granularity = Literal["daily", "weekly", "monthly"]
TRUNCATED: dict[Granularity, str] = {"daily": "day", "weekly": "week", "monthly": "month"}


def rate(part: float, whole: float) -> float:
    """The quotient, to four decimals; 0 if the denominator is 0."""
    return round(part / whole, 4) if whole else 0.0


class Totals(NamedTuple):
    """The counters of a range of days, and the rates computed from them."""

    dispatched: int = 0
    sent: int = 0
    delivered: int = 0
    opened: int = 0
    clicked: int = 0
    acted: int = 0
    failed: int = 0
    unconfirmed: int = 0
    cost: Microcents = 0

    @property
    def delivery_rate(self) -> float:
        return rate(self.delivered, self.sent)

    @property
    def open_rate(self) -> float:
        return rate(self.opened, self.delivered)

    @property
    def click_rate(self) -> float:
        return rate(self.clicked, self.delivered)

    @property
    def action_rate(self) -> float:
        return rate(self.acted, self.delivered)

    @property
    def engagement_rate(self) -> float:
        """The overall rate, over sent messages. For one channel use `action_rate`."""
        return rate(self.acted, self.sent)

    @property
    def cost_per_message(self) -> float:
        """Dollars."""
        return rate(dollars(self.cost), self.sent)

    @property
    def cost_per_engagement(self) -> float:
        """Dollars."""
        return rate(dollars(self.cost), self.acted)


NOTHING = Totals()
COLUMNS = ", ".join(f"coalesce(sum({name}), 0)::bigint" for name in Totals._fields)
BY_CHANNEL = f"""
    select channel, {COLUMNS} from communication_daily
     where (%s::date is null or day >= %s) and (%s::date is null or day <= %s)
       and trigger_type <> '{VERIFICATION}' group by channel
"""


async def totals_by_channel(
    connection: AsyncConnection[Row], start: date | None, end: date | None
) -> dict[Channel, Totals]:
    """The counters of both channels from start to end; None: without bound."""
    rows = await (await connection.execute(BY_CHANNEL, (start, start, end, end))).fetchall()
    return dict.fromkeys(BOTH_CHANNELS, NOTHING) | {Channel(name): Totals(*counters) for name, *counters in rows}


def overall(totals: Mapping[Channel, Totals]) -> Totals:
    """The sum over the channels."""
    return Totals(*map(sum, zip(*totals.values(), strict=True)))


SERIES = f"""
    with periods as (
        select distinct date_trunc(%(unit)s, day)::date as start
          from generate_series(%(start)s::date, %(end)s::date, interval '1 day') day)
    select p.start, {COLUMNS}
      from periods p
      left join communication_daily d on date_trunc(%(unit)s, d.day)::date = p.start
           and d.day between %(start)s and %(end)s and (%(channel)s::text is null or d.channel = %(channel)s)
           and d.trigger_type <> '{VERIFICATION}'
     group by p.start order by p.start
"""


async def series(
    connection: AsyncConnection[Row],
    start: date,
    end: date,
    period: Granularity = "daily",
    channel: Channel | None = None,
) -> list[tuple[date, Totals]]:
    """The counters of every day, week (from Monday) or month from start to end, without gaps.

    A period is named by its first day, also if the range begins in its middle.
    """
    values = {"unit": TRUNCATED[period], "start": start, "end": end, "channel": channel and channel.value}
    rows = await (await connection.execute(SERIES, values)).fetchall()
    return [(first_day, Totals(*counters)) for first_day, *counters in rows]


class Trend(NamedTuple):
    """A trend. `points` are (first day of the period, value); cost is in dollars."""

    points: list[tuple[date, float]]
    trend: Literal["increasing", "decreasing", "stable"]
    change_percentage: float


def trend_of(metric: Metric, periods: Sequence[tuple[date, Totals]]) -> Trend:
    """The trend of a metric. Change = (last - first) / first × 100, to two decimals, between the first and the last
    period with sent messages; 0 if there are fewer than two, or the first is 0."""
    points = [(start, value_of(metric, totals)) for start, totals in periods]
    values = [value_of(metric, totals) for _, totals in periods if totals.sent]
    first, last = (values[0], values[-1]) if values else (0.0, 0.0)
    change = round((last - first) / first * 100, 2) + 0.0 if first else 0.0  # turns -0.0 into 0.0
    direction: Literal["increasing", "decreasing", "stable"] = "stable"
    if last != first:
        direction = "increasing" if last > first else "decreasing"
    return Trend(points, direction, change)


def value_of(metric: Metric, totals: Totals) -> float:
    """The metric's value for these counters."""
    if metric == "cost":
        return dollars(totals.cost)
    return totals.delivery_rate if metric == "delivery_rate" else totals.engagement_rate


def last_days(today: date, days: int) -> tuple[date, date]:
    """The first and the last day of a range of this many days that ends today."""
    return today - timedelta(days=days - 1), today


def column(periods: Iterable[tuple[date, Totals]], name: str) -> list[int]:
    """One counter, period by period."""
    return [getattr(totals, name) for _, totals in periods]
