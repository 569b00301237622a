"""Figures of campaigns and recipients against a naive count over random reports, after a rebuild and an erasure too."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from random import Random
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commands.content_generator.recipient import (
    RecordReport,
    ReportKind,
    Resubscribe,
    Unsubscribe,
    record_report,
    resubscribe,
    unsubscribe,
)
from domain.content_generator.campaign import (
    BatchSent,
    CampaignRequested,
    RecipientAddressed,
    ReportsRead,
    SendingStarted,
)
from domain.content_generator.recipient import Recipient, RecipientEvent, RecipientStatus, UnsubscribeSource, evolve
from domain.messages import Event
from projections.content_generator.queries.campaign_analytics import CampaignAnalytics, Link, campaign_analytics
from projections.content_generator.queries.recipient_analytics import RecipientAnalytics, recipient_analytics
from tests.projections.content_generator.running import NOW, TENANT
from tests.projections.tables import Tables, Written, erased

CAMPAIGNS = ("email-job-1", "email-job-2")
MARKS = ("ana", "bea", "cleo")
URLS = ("https://example.com", "https://example.com/b", "")


class Reported(NamedTuple):
    """A report, or a word of the recipient's own."""

    mark: str
    campaign: str
    kind: ReportKind | str
    machine: bool
    url: str


LINK, BACK = "link", "back"
reports = st.lists(
    st.builds(
        Reported,
        st.sampled_from(MARKS),
        st.sampled_from(CAMPAIGNS),
        st.sampled_from((*ReportKind, LINK, BACK)),
        st.booleans(),
        st.sampled_from(URLS),
    ),
    min_size=20,
    max_size=60,
)


def campaign_events(campaign: str) -> list[Event]:
    """A campaign of all recipients in one batch that was accepted for two of them."""
    of = {"at": NOW, "campaign_id": campaign, "tenant": TENANT}
    asked = {"root": None, "run": 0, "subject_line": "News", "html": "<p>", "text": "News", "segment": None, "tags": ()}
    sending = {"root": None, "run": 0, "position": 9, "test_mode": False}
    people = [
        RecipientAddressed.model_validate(
            of | {"mark": mark, "address": f"{mark}@example.com", "recipient_name": mark, "batch": 1, "round": 1}
        )
        for mark in MARKS
    ]
    return [
        CampaignRequested.model_validate(of | asked | {"test_mode": False, "due_at": None}),
        *people,
        SendingStarted.model_validate(of | sending | {"first": (1,), "following": ()}),
        BatchSent.model_validate(of | sending | {"batch": 1, "following": None, "accepted": 2, "suppressed": 1}),
        ReportsRead.model_validate(of | {"cursor": "c", "reports": (), "more": False}),
    ]


def history_of(reported: list[Reported]) -> list[Written]:
    """The events of the campaigns and of every report, each decided by its recipient's state."""
    history: list[Written] = [(campaign, event) for campaign in CAMPAIGNS for event in campaign_events(campaign)]
    recipients = dict.fromkeys(MARKS, Recipient())
    for number, one in enumerate(reported):
        for event in decided(number, one, recipients[one.mark]):
            recipients[one.mark] = evolve(recipients[one.mark], event)
            history.append((one.mark, event))
    return history


def decided(number: int, one: Reported, recipient: Recipient) -> list[RecipientEvent]:
    at = NOW + timedelta(minutes=number)
    if one.kind == LINK:
        word = Unsubscribe(at=at, mark=one.mark, source=UnsubscribeSource.LINK, campaign_id=one.campaign)
        return list(unsubscribe(word, recipient))
    if one.kind == BACK:
        return list(resubscribe(Resubscribe(at=at, mark=one.mark, source="person"), recipient))
    command = RecordReport(
        at=at,
        mark=one.mark,
        campaign_id=one.campaign,
        report_id=f"report-{number}",
        kind=ReportKind(one.kind),
        reported_at=at,
        url=one.url or None,
        machine=one.machine,
    )
    return list(record_report(command, recipient))


PROVES = (ReportKind.DELIVERED, ReportKind.OPENED, ReportKind.CLICKED)
AWAY = (ReportKind.UNSUBSCRIBED, ReportKind.COMPLAINED, LINK)


def of_kind(reported: list[Reported], *kinds: str, machine: bool = False) -> list[Reported]:
    """The reports of these kinds; of opens, those by machines or by people."""
    return [one for one in reported if one.kind in kinds and (one.kind != ReportKind.OPENED or one.machine == machine)]


def counted(campaign: str, every: list[Reported]) -> CampaignAnalytics:
    """The figures of a campaign, counted from the reports."""
    reported = [one for one in every if one.campaign == campaign]
    opens, clicks = of_kind(reported, ReportKind.OPENED), of_kind(reported, ReportKind.CLICKED)
    machine_opens = of_kind(reported, ReportKind.OPENED, machine=True)
    clicked = Counter(one.url for one in clicks if one.url)
    return CampaignAnalytics(
        campaign,
        NOW,
        sent=2,
        delivered=len({one.mark for one in reported if one.kind in PROVES}),
        opens=len(opens),
        openers=len({one.mark for one in opens}),
        machine_opens=len(machine_opens),
        clicks=len(clicks),
        clickers=len({one.mark for one in clicks}),
        unsubscribed=len({one.mark for one in of_kind(reported, *AWAY)}),
        bounces=len(of_kind(reported, ReportKind.BOUNCED)),
        complaints=len(of_kind(reported, ReportKind.COMPLAINED)),
        links=[Link(*link) for link in sorted(clicked.items(), key=lambda link: (-link[1], link[0]))],
    )


def counted_of(mark: str, every: list[Reported]) -> RecipientAnalytics:
    """The figures of a recipient, counted from the reports; the status aside."""
    mine = [(NOW + timedelta(minutes=number), one) for number, one in enumerate(every) if one.mark == mark]
    opens = [(at, one) for at, one in mine if one in of_kind(every, ReportKind.OPENED)]
    clicks = [(at, one) for at, one in mine if one.kind == ReportKind.CLICKED]
    return RecipientAnalytics(
        received=len({one.campaign for _, one in mine if one.kind in PROVES}),
        opened=len({one.campaign for _, one in opens}),
        clicked=len({one.campaign for _, one in clicks}),
        last_open=max((at for at, _ in opens), default=None),
        last_click=max((at for at, _ in clicks), default=None),
        observed_at=NOW,
        status=RecipientStatus.ACTIVE,
        since=None,
        source=None,
    )


def check(tables: Tables, reported: list[Reported], history: list[Written]) -> None:
    for campaign in CAMPAIGNS:
        assert tables.ask(campaign_analytics, TENANT, campaign) == counted(campaign, reported)
    states = dict.fromkeys(MARKS, Recipient())
    for mark, event in history:
        if mark in states:
            states[mark] = evolve(states[mark], event)  # type: ignore[arg-type]
    for mark in MARKS:
        found = tables.ask(recipient_analytics, mark)
        assert found is not None
        assert found.status is states[mark].status
        naive = counted_of(mark, reported)
        assert found._replace(status=RecipientStatus.ACTIVE, since=None, source=None) == naive
        assert found.engagement_score <= 100


@given(reported=reports, seed=st.integers(), gone=st.sampled_from(MARKS))
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_figures_of_campaigns_and_recipients_are_what_a_count_over_the_reports_says(
    tables: Tables, reported: list[Reported], seed: int, gone: str
) -> None:
    history = history_of(reported)
    tables.clear()
    tables.apply(history)
    check(tables, reported, history)
    tables.erase(f"content_generator:{gone}")
    check(tables, reported, history)
    blank = tables.rows()
    assert f"{gone}@example.com" not in str(blank)
    tables.clear()
    tables.apply(erased(history, f"content_generator:{gone}"), Random(seed))
    assert tables.rows() == blank
    check(tables, reported, history)
