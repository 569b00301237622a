"""Campaigns, their batches and recipients, from a real database behind the real engine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from commands.content_generator.campaign import CancelCampaign, RetryCampaign
from commands.content_generator.effects import ReadReports, ResolveAudience, SendBatch
from commands.content_generator.recipient import Unsubscribe
from domain.content_generator.campaign import CampaignPhase
from domain.content_generator.kinds import JobStatus
from domain.content_generator.recipient import RecipientStatus, UnsubscribeSource
from projections.content_generator.campaign_recipients import CAMPAIGN_RECIPIENTS
from projections.content_generator.campaigns import CampaignRow, campaign_by_id
from projections.content_generator.links import LONGEST_BYTES, kept
from projections.content_generator.queries.batch import Addressee, Batch, batch_of
from projections.content_generator.queries.campaign_analytics import campaign_analytics
from projections.content_generator.queries.coverage import covers
from projections.content_generator.queries.recipient_analytics import recipient_analytics
from projections.content_generator.recipients import RECIPIENTS
from streams.core.calls import Accepted, Rejected
from streams.core.read_models import ReadModel
from streams.core.wiring import EraseSubject
from tests.projections.content_generator.examples import NEWSLETTER, newsletter
from tests.projections.content_generator.running import NOW, TENANT, Running, person

ANA, BEA, CLEO = (Addressee(f"mark-{name}", f"{name}@example.com", name.title()) for name in ("ana", "bea", "cleo"))


async def campaign(world: Running) -> CampaignRow:
    found = await campaign_by_id(world.connection, TENANT, NEWSLETTER)
    assert found is not None
    return found


def pages(*each: list[str], failing: int | None = None) -> Any:
    """An audience in pages; the page with the number `failing` is refused."""

    def answer(effect: ResolveAudience) -> Accepted | Rejected:
        page = int(effect.cursor or 0)
        if page == failing:
            return Rejected("credentials", "the key is wrong")
        following = str(page + 1) if page + 1 < len(each) else None
        return Accepted("page", {"recipients": [person(name) for name in each[page]], "next": following})

    return answer


async def test_a_newsletter_is_an_email_job_that_ends_with_what_was_accepted(world: Running) -> None:
    await world.finish(newsletter())
    found = await campaign(world)
    assert (found.status, found.counted, found.addressed, found.accepted) == (JobStatus.COMPLETED, 3, 3, 3)
    assert (found.requested_at, found.ended_at, found.root) == (NOW, NOW, None)
    assert await campaign_by_id(world.connection, "another", NEWSLETTER) is None


async def test_a_newsletter_that_waits_is_pending_and_one_called_off_has_failed(world: Running) -> None:
    await world.finish(newsletter(due_at=NOW + timedelta(hours=1)))
    assert ((await campaign(world)).status, (await campaign(world)).counted) == (JobStatus.PENDING, 3)
    await world.finish(CancelCampaign(at=NOW, campaign_id=NEWSLETTER, tenant=TENANT, cancelled_by="ana"))
    found = await campaign(world)
    assert (found.status, found.phase, found.code) == (JobStatus.FAILED, CampaignPhase.CANCELLED, "cancelled")


async def test_a_campaign_of_which_a_batch_was_refused_has_failed_with_its_numbers(world: Running) -> None:
    world.providers[ResolveAudience].answer = pages(["ana"], ["bea"])
    world.providers[SendBatch].verdicts.extend([Accepted("b", {"accepted": 1}), Rejected("quota", "enough for today")])
    await world.finish(newsletter())
    found = await campaign(world)
    assert (found.status, found.code, found.accepted) == (JobStatus.FAILED, "refused", 1)
    analytics = await campaign_analytics(world.connection, TENANT, NEWSLETTER)
    assert analytics is not None
    assert (analytics.sent, analytics.delivered, analytics.open_rate) == (1, 0, 0.0)


async def test_an_audience_that_cannot_be_read_fails_the_campaign(world: Running) -> None:
    world.providers[ResolveAudience].answer = pages(["ana"], ["bea"], failing=1)
    await world.finish(newsletter())
    found = await campaign(world)
    assert (found.status, found.code, found.reason) == (JobStatus.FAILED, "credentials", "the key is wrong")


async def test_a_recipient_on_two_pages_is_in_the_later_batch(world: Running) -> None:
    world.providers[ResolveAudience].answer = pages(["ana", "bea"], ["cleo", "ana"])
    await world.finish(newsletter())
    assert await batch_of(world.connection, NEWSLETTER, 1, 1) == Batch([BEA], 0)
    assert await batch_of(world.connection, NEWSLETTER, 1, 2) == Batch([ANA, CLEO], 0)
    assert await batch_of(world.connection, NEWSLETTER, 1, 3) == Batch([], 0)


async def test_a_batch_leaves_out_those_who_want_no_mail_and_those_who_were_erased(world: Running) -> None:
    await world.finish(newsletter())
    await world.do(Unsubscribe(at=NOW, mark="mark-ana", source=UnsubscribeSource.ONE_CLICK))
    await world.do(EraseSubject(at=NOW, partition_key="mark-bea", erased="content_generator:mark-bea"))
    assert await batch_of(world.connection, NEWSLETTER, 1, 1) == Batch([CLEO], 2)
    ana = await recipient_analytics(world.connection, "mark-ana")
    assert ana is not None
    assert (ana.status, ana.since, ana.source) == (RecipientStatus.UNSUBSCRIBED, NOW, "one_click")
    rows = await (
        await world.connection.execute("select r::text from content_generator_campaign_recipients r")
    ).fetchall()
    assert "bea@example.com" not in str(rows)
    assert len(rows) == 3


async def test_an_unsubscribe_survives_the_erasure_of_the_person(world: Running) -> None:
    await world.do(Unsubscribe(at=NOW, mark="mark-ana", source=UnsubscribeSource.LINK))
    await world.do(EraseSubject(at=NOW, partition_key="mark-ana", erased="content_generator:mark-ana"))
    await world.finish(newsletter())
    assert await batch_of(world.connection, NEWSLETTER, 1, 1) == Batch([BEA, CLEO], 1)


async def test_rows_cover_the_position_that_the_effect_names_unless_a_table_stands_still(world: Running) -> None:
    seen = []

    def answer(effect: SendBatch) -> Accepted:
        seen.append(effect)
        return Accepted("b", {"accepted": 3})

    world.providers[SendBatch].answer = answer
    await world.finish(newsletter())
    (effect,) = seen
    assert await covers(world.connection, effect.partition, effect.position)
    assert not await covers(world.connection, effect.partition, effect.position + 1000)
    behind = """
        update headwater.projection_checkpoints c set sequence = %s from headwater.projections p
         where p.table_name = c.table_name and p.name = %s and c.partition = %s
    """
    values = (effect.position - 1, CAMPAIGN_RECIPIENTS.name, effect.partition)
    await world.connection.execute(behind, values)
    assert not await covers(world.connection, effect.partition, effect.position)


@pytest.mark.parametrize("model", [CAMPAIGN_RECIPIENTS, RECIPIENTS])
async def test_a_table_that_has_halted_since_does_not_say_who_is_mailed(world: Running, model: ReadModel) -> None:
    await world.finish(newsletter())
    assert await covers(world.connection, 0, 0)
    halt = "update headwater.projections set halted_at = %s, error = 'broken' where name = %s"
    await world.connection.execute(halt, ("0/1", model.name))
    assert not await covers(world.connection, 0, 0)
    await world.connection.execute(halt, (None, model.name))


async def test_a_batch_has_the_recipients_of_its_own_reading_alone(world: Running) -> None:
    readings = [["ana", "bea"], ["bea", "cleo"]]
    world.providers[ResolveAudience].answer = pages(readings[0], ["dora"], failing=1)
    await world.finish(newsletter())
    world.providers[ResolveAudience].answer = pages(readings[1])
    await world.finish(RetryCampaign(at=NOW, campaign_id=NEWSLETTER, tenant=TENANT))
    assert await batch_of(world.connection, NEWSLETTER, 2, 1) == Batch([BEA, CLEO], 0)
    assert await batch_of(world.connection, NEWSLETTER, 1, 1) == Batch([ANA], 0)


async def test_reports_make_the_figures_of_campaign_and_recipient(world: Running) -> None:
    at = "2026-01-05T09:00:30Z"
    clicked = {"kind": "clicked", "at": at, "url": "https://example.com/" + "x" * 9000}
    told: list[dict[str, Any]] = [
        {"report_id": "1", "mark": "mark-ana", "kind": "opened", "at": at},
        {"report_id": "2", "mark": "mark-ana", **clicked},
        {"report_id": "3", "mark": "mark-bea", "kind": "opened", "at": at, "machine": True},
        {"report_id": "4", "mark": "mark-cleo", "kind": "complained", "at": at},
        {"report_id": "1", "mark": "mark-ana", "kind": "opened", "at": at},
    ]
    world.providers[ReadReports].verdicts.append(Accepted("r", {"reports": told, "next": "c", "more": False}))
    await world.finish(newsletter())
    await world.settle(timedelta(minutes=1))
    found = await campaign_analytics(world.connection, TENANT, NEWSLETTER)
    assert found is not None
    assert (found.sent, found.delivered, found.opens, found.machine_opens, found.clicks) == (3, 2, 1, 1, 1)
    assert (found.open_rate, found.click_rate, found.unsubscribe_rate) == (50.0, 50.0, 50.0)
    assert found.observed_at == NOW + timedelta(minutes=1)
    assert [(len(link.url), link.clicks) for link in found.links] == [(LONGEST_BYTES, 1)]
    ana = await recipient_analytics(world.connection, "mark-ana")
    assert ana is not None
    assert (ana.received, ana.opened, ana.clicked, ana.engagement_score) == (1, 1, 1, 100.0)
    assert ana.last_open == NOW + timedelta(seconds=30)
    cleo = await recipient_analytics(world.connection, "mark-cleo")
    assert cleo is not None
    assert (cleo.status, cleo.source, cleo.engagement_score) == (RecipientStatus.UNSUBSCRIBED, "complaint", 0.0)
    assert await recipient_analytics(world.connection, "mark-nobody") is None
    assert await campaign_analytics(world.connection, "another", NEWSLETTER) is None


def test_a_long_address_is_cut_between_characters() -> None:
    assert len(kept("https://example.com/" + "ä" * 3000).encode()) == LONGEST_BYTES
    assert kept("x" + "ä" * 3000).encode() == ("x" + "ä" * 999).encode()
