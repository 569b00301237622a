"""Reports of the CRM: read page by page, and counted once for each recipient."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from commands.content_generator.recipient import RecordReport, ReportKind, Resubscribe, Unsubscribe
from commands.content_generator.reports import RecordReports, RequestReports
from domain.content_generator.campaign import ReportsRead, ReportsRequested
from domain.content_generator.recipient import (
    Recipient,
    RecipientBounced,
    RecipientComplained,
    RecipientDelivered,
    RecipientLinkClicked,
    RecipientOpened,
    RecipientResubscribed,
    RecipientStatus,
    RecipientUnsubscribed,
    UnsubscribeSource,
    evolve,
)
from domain.messages import Event
from streams.testing import Scenario
from tests.commands.content_generator.campaigns import REQUESTED, batch, of_job, sending
from tests.commands.content_generator.stories import (
    CAMPAIGN_ID,
    HOUR,
    NOW,
    STORY,
    accepted,
    deferred,
    only,
    rejected,
)

SENT = sending(REQUESTED, 1).when(batch(1))
REPLY = RecordReports(at=NOW, campaign_id=CAMPAIGN_ID)


def ask(look: int | None = None, since: datetime | None = None) -> RequestReports:
    return RequestReports(at=NOW, campaign_id=CAMPAIGN_ID, look=look, since=since)


def line(id_: str = "r1", kind: str = "opened", **more: Any) -> dict[str, Any]:
    return {"report_id": id_, "mark": "ann", "kind": kind, "at": NOW.isoformat()} | more


def page(*reports: Any, following: str | None = "c1", more: bool = False) -> dict[str, Any]:
    return {"reports": list(reports), "next": following, "more": more}


def test_reports_are_read_from_where_the_last_page_ended() -> None:
    asked = SENT.when(ask(0))
    assert (only(asked, ReportsRequested).cursor, only(asked, ReportsRequested).look) == (None, 0)
    read = asked.when(accepted(REPLY, page(line(), more=True)))
    assert (only(read, ReportsRead).cursor, only(read, ReportsRead).more) == ("c1", True)
    assert only(read.when(ask()), ReportsRequested).cursor == "c1"


def test_a_reading_under_way_serves_another_by_request_but_not_a_timed_one() -> None:
    SENT.when(ask()).when(ask()).then_nothing()
    SENT.when(ask()).when(ask(3)).then_kinds(ReportsRequested)


def test_looks_from_the_end_before_a_retry_stop_and_those_from_the_new_end_go_on() -> None:
    failed = sending(REQUESTED, 2).when(batch(1)).when(batch(2, "failed"))
    later = NOW + timedelta(hours=1)
    ended = failed.when(of_job(run=1)).when(batch(2, run=1).model_copy(update={"at": later}))
    ended.when(ask(3, since=NOW)).then_nothing()
    assert only(ended.when(ask(0, since=later)), ReportsRequested).since == later


def test_a_campaign_that_has_not_begun_to_send_has_no_reports() -> None:
    REQUESTED.when(ask()).then_nothing()
    STORY.when(ask()).then_nothing()


def test_a_page_that_cannot_be_had_leaves_the_cursor_where_it_is() -> None:
    read = SENT.when(ask()).when(accepted(REPLY, page(line()))).when(ask()).when(rejected(REPLY))
    assert (only(read, ReportsRead).cursor, only(read, ReportsRead).reports) == ("c1", ())
    SENT.when(ask()).when(deferred(REPLY)).then_nothing()


def test_a_report_that_cannot_be_read_holds_up_no_other() -> None:
    junk = [line(kind="teleported"), {"kind": "opened"}, "junk", line("r2") | {"at": "yesterday"}]
    read = only(SENT.when(ask()).when(accepted(REPLY, page(*junk, line("r3")))), ReportsRead)
    assert ([one.report_id for one in read.reports], read.cursor) == (["r3"], "c1")


def test_a_page_that_leads_to_itself_is_the_last_one() -> None:
    first = SENT.when(ask()).when(accepted(REPLY, page(more=True))).when(ask())
    assert only(first.when(accepted(REPLY, page(more=True))), ReportsRead).more is False


def report(kind: str, id_: str = "r1", campaign_id: str = CAMPAIGN_ID, **more: Any) -> RecordReport:
    return RecordReport(
        at=NOW + HOUR,
        mark="ann",
        campaign_id=campaign_id,
        report_id=id_,
        kind=ReportKind(kind),
        reported_at=NOW,
        **more,
    )


def status(story: Scenario) -> RecipientStatus:
    recipient = Recipient()
    for event in story.given().history:
        if event.aggregate == "recipient":
            recipient = evolve(recipient, event)  # type: ignore[arg-type]
    return recipient.status


def test_a_report_is_of_the_time_that_it_tells() -> None:
    for kind in ReportKind:
        assert {event.at for event in STORY.when(report(kind)).produced} == {NOW}


def test_a_delivery_counts_once() -> None:
    first = STORY.when(report("delivered"))
    assert only(first, RecipientDelivered).delivers is True
    first.when(report("delivered", "r2")).then_nothing()


def test_an_open_or_a_click_proves_a_delivery_once() -> None:
    opened = STORY.when(report("opened"))
    assert (only(opened, RecipientOpened).first, only(opened, RecipientOpened).delivers) == (True, True)
    again = opened.when(report("opened", "r2"))
    assert (only(again, RecipientOpened).first, only(again, RecipientOpened).delivers) == (False, False)
    clicked = opened.when(report("clicked", "r3", url="https://example.com"))
    assert (only(clicked, RecipientLinkClicked).first, only(clicked, RecipientLinkClicked).delivers) == (True, False)
    opened.when(report("delivered", "r4")).then_nothing()


def test_a_machines_open_is_kept_apart() -> None:
    machine = STORY.when(report("opened", machine=True))
    assert only(machine, RecipientOpened).delivers is True
    assert only(machine.when(report("opened", "r2")), RecipientOpened).first is True
    assert only(machine.when(report("opened", "r3", machine=True)), RecipientOpened).first is False


def test_campaigns_are_counted_each_for_itself() -> None:
    other = STORY.when(report("opened")).when(report("opened", "r2", campaign_id="other"))
    assert (only(other, RecipientOpened).first, only(other, RecipientOpened).delivers) == (True, True)


@pytest.mark.parametrize("kind", ["bounced", "complained"])
def test_a_bounce_and_a_complaint_are_first_once(kind: str) -> None:
    types: dict[str, type[RecipientBounced | RecipientComplained]] = {
        "bounced": RecipientBounced,
        "complained": RecipientComplained,
    }
    first = STORY.when(report(kind))
    assert only(first, types[kind]).first is True
    assert only(first.when(report(kind, "r2")), types[kind]).first is False


def test_a_complaint_unsubscribes() -> None:
    complained = STORY.when(report("complained"))
    complained.then_kinds(RecipientComplained, RecipientUnsubscribed)
    assert only(complained, RecipientUnsubscribed).source is UnsubscribeSource.COMPLAINT


def test_no_later_report_makes_a_recipient_active_again() -> None:
    for kind, left in (("unsubscribed", RecipientStatus.UNSUBSCRIBED), ("bounced", RecipientStatus.BOUNCED)):
        story = STORY.when(report(kind))
        for number, later in enumerate(("delivered", "opened", "clicked")):
            story = story.when(report(later, f"later-{number}"))
        assert status(story) is left


def test_an_unsubscribed_recipient_stays_so_when_mail_bounces() -> None:
    assert status(STORY.when(report("unsubscribed")).when(report("bounced", "r2"))) is RecipientStatus.UNSUBSCRIBED
    assert status(STORY.when(report("bounced")).when(report("unsubscribed", "r2"))) is RecipientStatus.UNSUBSCRIBED


def gone(campaign_id: str | None = None) -> Unsubscribe:
    return Unsubscribe(at=NOW, mark="ann", source=UnsubscribeSource.ONE_CLICK, campaign_id=campaign_id)


def test_an_unsubscribe_counts_once_for_a_campaign_and_once_without_any() -> None:
    events: list[Event] = []
    story = STORY
    for campaign_id in (None, None, "a", "a", "b", None):
        story = story.when(gone(campaign_id))
        events += story.produced
    told = [(event.campaign_id, event.first) for event in events if isinstance(event, RecipientUnsubscribed)]
    assert told == [(None, False), ("a", True), ("b", True)]


def test_only_an_unsubscribed_recipient_subscribes_again() -> None:
    back = Resubscribe(at=NOW, mark="ann", source="crm")
    again = STORY.when(gone()).when(back)
    again.then_kinds(RecipientResubscribed)
    assert status(again) is RecipientStatus.ACTIVE
    STORY.when(back).then_nothing()
    STORY.when(report("bounced")).when(back).then_nothing()
    again.when(gone()).then_kinds(RecipientUnsubscribed)
