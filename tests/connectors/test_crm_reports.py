"""The CRM's reports: one or a list, in its words or others, signed over the exact body."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.crm_reports import Report, ReportKind, report_signed, reports_in
from connectors.signatures import hex_signature

AT = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
OPENED = {
    "id": "r-1",
    "event": "opened",
    "email": "Ada@acme.example",
    "campaign_id": "campaign-1",
    "timestamp": "2026-11-22T10:30:00Z",
}
REPORT = Report("r-1", ReportKind.OPENED, "Ada@acme.example", "campaign-1", AT)


def read(value: Any) -> tuple[Report, ...]:
    return reports_in(json.dumps(value).encode())


@pytest.mark.parametrize(
    "body", [OPENED, [OPENED], {"events": [OPENED]}, {"data": [OPENED]}, [{"event": "sent"}, 3, None, OPENED]]
)
def test_reports_come_alone_or_as_a_list(body: Any) -> None:
    assert read(body) == (REPORT,)


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("delivered", ReportKind.DELIVERED),
        ("delivery", ReportKind.DELIVERED),
        ("open", ReportKind.OPENED),
        ("email.opened", ReportKind.OPENED),
        ("Click", ReportKind.CLICKED),
        ("bounced", ReportKind.BOUNCED),
        ("spam", ReportKind.COMPLAINED),
        ("complaint", ReportKind.COMPLAINED),
        ("unsubscribe", ReportKind.UNSUBSCRIBED),
    ],
)
def test_a_kind_is_known_by_several_words(event: str, kind: ReportKind) -> None:
    assert [one.kind for one in read(OPENED | {"event": event})] == [kind]


@pytest.mark.parametrize(
    "change",
    [
        {"event": "sent"},
        {"event": None},
        {"email": "nothing"},
        {"email": None},
        {"campaign_id": None},
        {"event": ["opened"]},
    ],
)
def test_what_is_no_report_on_a_recipient_is_left_out(change: dict[str, Any]) -> None:
    assert read(OPENED | change) == ()


@pytest.mark.parametrize("name", ["job_id", "message_id"])
def test_a_campaign_may_be_named_by_its_job_or_message(name: str) -> None:
    assert (
        read({name: "email-job-1"} | {key: OPENED[key] for key in ("id", "event", "email")})[0].campaign_id
        == "email-job-1"
    )


@pytest.mark.parametrize(
    ("timestamp", "at"),
    [
        ("2026-11-22T12:30:00+02:00", AT),
        ("2026-11-22T10:30:00", AT),
        (1795343400, AT),
        (1795343400000, AT),
        ("yesterday", None),
        (None, None),
        (10**30, None),
        (True, None),
    ],
)
def test_a_time_is_read_in_utc_where_it_can_be(timestamp: Any, at: datetime | None) -> None:
    assert read(OPENED | {"timestamp": timestamp})[0].at == at


def test_a_click_has_its_link_and_says_whether_a_person_clicked() -> None:
    [report] = read(OPENED | {"event": "clicked", "url": "https://acme.example/a", "machine": True})
    assert (report.url, report.machine) == ("https://acme.example/a", True)
    assert not read(OPENED | {"machine": "no"})[0].machine


def test_a_report_without_an_id_has_one_of_its_content() -> None:
    nameless = {key: value for key, value in OPENED.items() if key != "id"}
    turned = dict(reversed(nameless.items()))
    assert read(nameless)[0].id == read(turned)[0].id
    assert read(nameless)[0].id != read(nameless | {"email": "ben@acme.example"})[0].id


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"["])
def test_a_body_without_json_is_an_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        reports_in(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*OPENED, "events", "x"]), inner, max_size=6)
    ),
    max_leaves=8,
)


@settings(max_examples=40)
@given(JSON)
def test_whatever_comes_is_read_or_left_out(value: Any) -> None:
    for report in read(value):
        assert "@" in report.address
        assert report.id


def test_a_signature_holds_for_the_exact_body_alone() -> None:
    body = json.dumps(OPENED).encode()
    signature = f"sha256={hex_signature('secret', body)}"
    assert report_signed("secret", body, signature)
    assert not report_signed("secret", body + b" ", signature)
    assert not report_signed("other", body, signature)
    assert not report_signed("secret", body, "")
