"""Minutes and alerts over events: late, repeated or reordered records give the same totals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.envelope import GENESIS, Record
from streams.telemetry.live_figures import Delivery, Thresholds, Windows, alerts, minute_of, percentile, report

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
MAIL = Delivery("post", frozenset({"post.sent.v1"}), frozenset({"post.arrived.v1"}), frozenset({"post.lost.v1"}))
LATER = START + timedelta(hours=1)


def record(
    sequence: int, name: str, at: float, stream: str = "letter/1", channel: str = "air", partition: int = 0
) -> Record:
    id_ = UUID(int=sequence)
    data = orjson.dumps({"channel": channel})
    moment = START + timedelta(seconds=at)
    return Record(
        "post", partition, sequence, id_, "k", stream, 1, name, None, data, id_, None, id_, "a", moment, GENESIS
    )


def letters(number: int, seconds: float, lost: int = 0) -> list[Record]:
    """So many letters that take so long, some of them for ever."""
    records = []
    for n in range(number):
        ending = "post.lost.v1" if n < lost else "post.arrived.v1"
        records.append(record(2 * n + 1, "post.sent.v1", n / 10, f"letter/{n}"))
        records.append(record(2 * n + 2, ending, n / 10 + seconds, f"letter/{n}"))
    return records


def counted(records: list[Record]) -> Windows:
    windows = Windows([MAIL])
    for one in records:
        windows.see(one)
    return windows


def test_latencies_are_taken_from_the_beginning_to_the_end_of_each_delivery() -> None:
    (window,) = counted(letters(20, 2.0)).windows(LATER)
    line = next(line for line in window.lines if line.type == "post.arrived.v1")
    assert (line.channel, line.events, line.failures, line.p50, line.p99) == ("air", 20, 0, 2.0, 2.0)


def test_outcomes_of_commands_are_no_events() -> None:
    assert counted([record(1, "headwater.command.decided.v2", 0, "command/1")]).windows(LATER) == []


def test_a_window_closes_after_its_minute_and_a_little_grace() -> None:
    windows = counted(letters(1, 1.0))
    assert [w.closed for w in windows.windows(START + timedelta(seconds=89))] == [False]
    assert [w.closed for w in windows.windows(START + timedelta(seconds=90))] == [True]


def test_old_minutes_are_forgotten() -> None:
    windows = counted(letters(1, 1.0))
    windows.forget(START + timedelta(minutes=61))
    assert windows.windows(LATER) == []


@pytest.mark.parametrize(
    ("records", "kinds"),
    [
        (letters(100, 1.0, lost=5), []),
        (letters(100, 1.0, lost=6), ["failures"]),
        (letters(19, 50.0, lost=19), []),
        (letters(100, 31.0), ["latency"]),
    ],
)
def test_alarms_are_raised_beyond_the_stated_thresholds_and_not_on_too_few(
    records: list[Record], kinds: list[str]
) -> None:
    windows = counted(records).windows(LATER)
    assert [alert.kind for alert in alerts(windows, [MAIL], Thresholds())] == kinds
    assert alerts(counted(records).windows(START), [MAIL], Thresholds()) == []


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["a", "b"]), st.floats(0, 600)), max_size=60))
def test_totals_are_a_plain_recount_whatever_is_repeated(
    events: list[tuple[int, str, float]],
) -> None:
    records = [
        record(n, f"post.{name}.v1", at, partition=partition) for n, (partition, name, at) in enumerate(events, 1)
    ]
    repeated = [one for n, one in enumerate(records) for one in [*records[max(0, n - 3) : n], one]]
    by_partition = sorted(repeated, key=lambda one: one.partition)
    recount: dict[tuple[datetime, str], int] = {}
    for one in records:
        key = (minute_of(one.at), one.name)
        recount[key] = recount.get(key, 0) + 1
    for order in (records, by_partition):
        found = {(w.minute, line.type): line.events for w in counted(order).windows(LATER) for line in w.lines}
        assert found == recount


@given(st.lists(st.floats(0, 1000), min_size=1), st.floats(0.01, 1.0))
def test_a_percentile_is_a_value_that_enough_are_not_above(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found is not None
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9


def test_the_report_is_json() -> None:
    windows = counted(letters(100, 1.0, lost=50)).windows(LATER)
    body = orjson.loads(report(windows, alerts(windows, [MAIL], Thresholds())))
    assert body["alerts"][0]["kind"] == "failures"
    assert body["windows"][0]["minute"] == "2026-01-05T09:00:00+00:00"
