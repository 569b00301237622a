"""Figures over all recipients and over one, and what has been spent, from a real database."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from commands.communication.delivery import RecordAction
from commands.communication.receipt_kinds import ReceiptKind
from domain.communication.budget import BudgetUsage
from domain.communication.kinds import Channel, TriggerType, Wish
from projections.communication.queries.analytics import (
    NOTHING,
    Totals,
    column,
    last_days,
    overall,
    series,
    totals_by_channel,
    trend_of,
)
from projections.communication.queries.engagement import engagement_of, history_of
from projections.communication.queries.expenditure import usage_on
from tests.commands.communication.people import ADA, DAY, NOW
from tests.projections.communication.running import Running, delivered

SMS, EMAIL = Channel.SMS, Channel.EMAIL
TODAY = NOW.date()


async def test_a_persons_figures_are_over_all_that_was_sent_to_them(world: Running) -> None:
    await delivered(world, ReceiptKind.CLICKED, wish=Wish.EMAIL)
    await delivered(world, ReceiptKind.OPENED, wish=Wish.EMAIL)
    await delivered(world)
    last = await world.ask(due_at=None)
    await world.pass_time()
    await world.do(RecordAction(at=NOW, message_id=last, user_id=ADA, action="viewed_forecast"))
    figures = await engagement_of(world.connection, ADA, recent=3)
    assert figures[:5] == (4, 0.75, 0.5, 0.25, 0.25)
    assert [(one.channel, one.status, one.action_taken) for one in figures.recent] == [
        ("sms", "sent", "viewed_forecast"),
        ("sms", "delivered", None),
        ("email", "opened", None),
    ]
    assert len({one.id for one in figures.recent}) == 3
    assert [sample.engaged for sample in await history_of(world.connection, ADA, EMAIL)] == [True, True]
    assert (await engagement_of(world.connection, 999))[:5] == (0, 0.0, 0.0, 0.0, 0.0)


async def test_totals_and_series_know_days_from_one_another(world: Running) -> None:
    await delivered(world)
    await delivered(world, ReceiptKind.CLICKED, wish=Wish.EMAIL)
    await world.pass_time(timedelta(hours=13, minutes=59, seconds=59))  # one second before midnight
    await delivered(world)
    await world.pass_time(timedelta(seconds=1))
    await world.ask()
    await world.pass_time()
    first = await totals_by_channel(world.connection, TODAY, TODAY)
    assert first[SMS] == Totals(dispatched=2, sent=2, delivered=2, cost=10_000_000)
    assert first[EMAIL] == Totals(1, 1, 1, 1, 1, cost=100_000)
    everything = overall(await totals_by_channel(world.connection, None, None))
    assert everything == Totals(4, 4, 3, 1, 1, cost=15_100_000)
    days = await series(world.connection, TODAY - DAY, TODAY + 2 * DAY)
    assert [day for day, _ in days] == [TODAY + n * DAY for n in (-1, 0, 1, 2)]
    assert column(days, "sent") == [0, 3, 1, 0]
    assert overall(dict(enumerate(t for _, t in days))) == everything  # type: ignore[arg-type]
    assert column(await series(world.connection, TODAY, TODAY + DAY, channel=EMAIL), "sent") == [1, 0]
    trend = trend_of("delivery_rate", days)
    assert (trend.trend, trend.change_percentage) == ("decreasing", -100.0)


async def test_weeks_begin_on_monday_and_months_on_their_first(world: Running) -> None:
    await delivered(world)
    weeks = await series(world.connection, date(2025, 1, 22), date(2025, 2, 3), "weekly")
    assert [(start, totals.sent) for start, totals in weeks] == [
        (date(2025, 1, 20), 0),
        (date(2025, 1, 27), 1),
        (date(2025, 2, 3), 0),
    ]
    months = await series(world.connection, date(2025, 1, 22), date(2025, 2, 3), "monthly")
    assert [(start, totals.sent) for start, totals in months] == [(date(2025, 1, 1), 1), (date(2025, 2, 1), 0)]


async def test_nothing_sent_is_zero_and_not_an_error(world: Running) -> None:
    assert await totals_by_channel(world.connection, None, None) == {SMS: NOTHING, EMAIL: NOTHING}
    assert (NOTHING.delivery_rate, NOTHING.cost_per_message, NOTHING.cost_per_engagement) == (0.0, 0.0, 0.0)
    assert trend_of("cost", await series(world.connection, *last_days(TODAY, 7))).change_percentage == 0.0


async def test_what_is_spent_is_known_by_day_and_by_month(world: Running) -> None:
    await world.ask()
    await world.pass_time(DAY)
    await world.ask(wish=Wish.EMAIL)
    assert await usage_on(world.connection, TODAY) == BudgetUsage(day=TODAY, daily=5_000_000, monthly=5_100_000)
    tomorrow = TODAY + DAY
    assert await usage_on(world.connection, tomorrow) == BudgetUsage(day=tomorrow, daily=100_000, monthly=5_100_000)
    february = date(2025, 2, 1)
    assert await usage_on(world.connection, february) == BudgetUsage(day=february)


@pytest.mark.parametrize("type_", TriggerType)
async def test_messages_of_every_kind_are_counted_as_their_kind(world: Running, type_: TriggerType) -> None:
    await world.ask(trigger_type=type_, wish=Wish.BOTH)
    await world.pass_time()
    rows = await (await world.connection.execute("select trigger_type, sent from communication_daily")).fetchall()
    assert rows == [(type_.value, 1), (type_.value, 1)]
