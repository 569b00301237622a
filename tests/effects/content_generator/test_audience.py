"""The audience and the reports of a campaign: people by their marks, nobody who does not want mail, bounded records."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from commands.content_generator.effects import CountAudience, ReadReports, ResolveAudience
from connectors.crm import Audience, ReportPage, Subscriber
from connectors.crm_reports import Report, ReportKind
from effects.content_generator.audience import LONGEST_NAME, NOWHERE, AudienceCount, AudienceReading
from effects.content_generator.reports import LONGEST_URL, ReportReading
from effects.lookup import AWAY, BEHIND
from streams.core.calls import Accepted, Deferred, Rejected
from tests.effects.content_generator import providers
from tests.effects.content_generator.providers import NotingCrm, performed
from tests.projections.content_generator.examples import NEWSLETTER, newsletter
from tests.projections.content_generator.running import NOW, Running

READ = ResolveAudience(campaign_id=NEWSLETTER, segment="all", tags=("beta",), cursor="c", test_mode=False)
TEST = READ.model_copy(update={"test_mode": True})
REPORTS = ReadReports(campaign_id=NEWSLETTER, cursor=None)


def mark(tenant: str, address: str) -> str:
    return f"{tenant}:{address.lower()}"


def reading(dsn: str, crm: NotingCrm, *tests: str) -> AudienceReading:
    return AudienceReading(dsn, crm, mark, tests, 500)


async def waiting(world: Running) -> None:
    """A newsletter that waits for its time."""
    await world.finish(newsletter(due_at=NOW + timedelta(hours=1)))


async def test_the_number_of_a_filter_is_what_the_crm_counts() -> None:
    crm = NotingCrm()
    effect = CountAudience(campaign_id=NEWSLETTER, segment=None, tags=())
    assert await performed(AudienceCount(crm), effect) == Accepted(NEWSLETTER, {"recipients": 3})
    crm.counted = Rejected("credentials", "the key is wrong")
    assert await performed(AudienceCount(crm), effect) == crm.counted


async def test_a_page_holds_the_active_subscribers_once_each_by_their_marks(world: Running, database: str) -> None:
    await waiting(world)
    crm = NotingCrm(
        None,
        Subscriber("1", "Ana@example.com", "Ana"),
        Subscriber("2", "ana@example.com", "Ana again"),
        Subscriber("3", "bea@example.com", "Bea", "unsubscribed"),
        Subscriber("4", "", "Nobody"),
        Subscriber("5", "x" * 400 + "@example.com", "Long"),
        Subscriber("6", "cleo@example.com", "C" * 5000),
    )
    rows = [
        {"mark": "acme:ana@example.com", "address": "ana@example.com", "name": "Ana again"},
        {"mark": "acme:cleo@example.com", "address": "cleo@example.com", "name": "C" * LONGEST_NAME},
    ]
    assert await performed(reading(database, crm), READ) == Accepted(NEWSLETTER, {"recipients": rows, "next": "next"})
    assert crm.pages == [(Audience("all", ("beta",)), 500, "c")]


@pytest.mark.parametrize("tests", [("qa@example.com",), ()])
async def test_a_test_reads_the_test_recipients_alone(world: Running, database: str, tests: tuple[str, ...]) -> None:
    await waiting(world)
    crm = NotingCrm(None, Subscriber("1", "ana@example.com"))
    verdict = await performed(reading(database, crm, *tests), TEST)
    assert isinstance(verdict, Accepted)
    output: dict[str, Any] = dict(verdict.output or {})
    assert [row["address"] for row in output["recipients"]] == list(tests or (NOWHERE.address,))
    assert (output["next"], crm.pages) == (None, [])


async def test_a_campaign_that_no_read_model_has_yet_is_waited_for(world: Running, database: str) -> None:
    assert await performed(reading(database, NotingCrm()), READ) == BEHIND
    assert await performed(ReportReading(database, NotingCrm(), mark), REPORTS) == BEHIND


async def test_a_database_that_is_away_puts_the_reading_off() -> None:
    crm = NotingCrm()
    assert await performed(reading(providers.NOWHERE, crm), READ) == AWAY
    assert crm.pages == []


async def test_reports_name_people_by_their_marks_and_hold_no_address(world: Running, database: str) -> None:
    await waiting(world)
    crm = NotingCrm()
    report = Report("r1", ReportKind.CLICKED, "Ana@Example.com", NEWSLETTER, NOW, "https://x/" + "a" * 9000, False)
    crm.reports = ReportPage((report,), "next", more=True)
    verdict = await performed(ReportReading(database, crm, mark), REPORTS)
    assert isinstance(verdict, Accepted)
    output: dict[str, Any] = dict(verdict.output or {})
    (read,) = output["reports"]
    assert (read["mark"], read["kind"], read["at"]) == ("acme:ana@example.com", "clicked", NOW.isoformat())
    assert len(read["url"]) == LONGEST_URL
    assert (output["next"], output["more"]) == ("next", True)
    assert "Ana@Example.com" not in str(output)


async def test_reports_that_cannot_be_had_are_put_off_as_the_crm_says(world: Running, database: str) -> None:
    await waiting(world)
    crm = NotingCrm()
    crm.reports = Deferred("busy", "later", 30.0)
    assert await performed(ReportReading(database, crm, mark), REPORTS) == crm.reports
