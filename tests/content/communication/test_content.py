"""What people read: honest texts from whatever data there is."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from content.communication import (
    LONGEST_SMS,
    STOP_SENTENCE,
    Links,
    Mail,
    TextMessage,
    UnknownTemplate,
    lost_address,
    mail,
    money,
    percent,
    preview,
    text_message,
    verification_text,
)
from content.communication.addresses import LONGEST_ADDRESS
from domain.communication.kinds import TEMPLATE_VERSION, Channel, TriggerType

LINKS = Links(unsubscribe="https://news.example.com/u?token=a&b")
TEMPLATES = [f"{type_}/{version}" for type_, version in TEMPLATE_VERSION.items()]
ALERT = {"amount": 100.5, "account": "checking", "threshold": 200.0}


def test_an_alert_says_what_is_the_matter_in_one_segment() -> None:
    text = text_message("financial_alert/1", ALERT)
    assert text.body == (
        "MINGUS alert: your checking account stands at $100.50, below your limit of $200.00. Reply STOP to opt out."
    )
    assert text.length.segments == 1


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_text_tells_how_to_opt_out_and_leaves_no_gap_where_data_is_missing(template: str) -> None:
    body = text_message(template, {}).body
    assert body.endswith(STOP_SENTENCE)
    assert "  " not in body
    assert "None" not in body


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_mail_can_be_unsubscribed_from_with_one_click(template: str) -> None:
    message = mail(template, {}, LINKS)
    assert message.headers == {
        "List-Unsubscribe": f"<{LINKS.unsubscribe}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    assert f"Unsubscribe: {LINKS.unsubscribe}" in message.text
    assert 'href="https://news.example.com/u?token=a&amp;b"' in message.html


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_uses_what_it_is_given(template: str) -> None:
    data = {"message": "Mind the gap", "title": "Mind the gap"}
    assert "Mind the gap" in text_message(template, data).body
    assert "Mind the gap" in mail(template, data, LINKS).text


def test_nothing_in_the_data_becomes_markup() -> None:
    message = mail("payment_reminder/1", {"payee": "<script>alert(1)</script>"}, LINKS)
    assert "<script>" not in message.html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in message.html


def test_nothing_in_the_data_is_a_template() -> None:
    assert "{{ 7 * 7 }}" in text_message("career_insight/1", {"title": "{{ 7 * 7 }}"}).body


def test_no_value_breaks_a_header() -> None:
    message = mail("career_insight/1", {"title": "Hello\r\nBcc: all@example.com"}, LINKS)
    assert message.subject == "Hello Bcc: all@example.com"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 10**400, True, None, [1], {"a": 1}])
def test_what_no_sentence_can_hold_is_left_out(number: Any) -> None:
    body = text_message("payment_reminder/1", {"amount": number}).body
    assert body.startswith("MINGUS: a payment is due soon.")


@pytest.mark.parametrize("name", ["financial_alert/2", "financial_alert", "unknown/1", "../v1/layout/1", "x/y/1"])
def test_a_template_that_was_never_written_is_refused(name: str) -> None:
    with pytest.raises(UnknownTemplate):
        text_message(name, {})


def long_address(characters: int) -> str:
    return "https://example.com/".ljust(characters, "x")


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("characters", [301, LONGEST_ADDRESS])
def test_an_address_is_whole_in_both_forms_however_much_prose_stands_beside_it(template: str, characters: int) -> None:
    url = long_address(characters)
    data = {"title": "T" * 400, "message": "M" * 400, "url": url, "minutes": 10**14, "industry": "I" * 400}
    assert lost_address(template, data) is None
    if "url" in text_message(template, {"url": "https://url"}).body:
        assert f" {url} " in text_message(template, data).body
        assert url in mail(template, data, LINKS).text
        assert url in mail(template, data, LINKS).html


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({"url": long_address(LONGEST_ADDRESS + 1)}, "url"),
        ({"message": f"See {long_address(400)} for more"}, "message"),
        ({"message": "M" * 300 + " https://example.com"}, "message"),
        ({"title": long_address(800), "message": long_address(799) + "y", "url": "https://example.org"}, "message"),
    ],
)
def test_an_address_that_would_be_cut_is_named_and_no_part_of_it_is_sent(data: dict[str, str], name: str) -> None:
    assert lost_address("career_insight/1", data) == name
    assert data[name].partition("https://")[2] not in text_message("career_insight/1", data).body
    parts = text_message("career_insight/1", data).body.split() + mail("career_insight/1", data, LINKS).subject.split()
    assert all(part.rstrip(".") in " ".join(data.values()) for part in parts if part.startswith("https://"))


@pytest.mark.parametrize(
    "data", [{}, {"message": "M" * 400}, {"message": "See https://example.com"}, {"unused": "M" * 300 + " https://a.b"}]
)
def test_what_loses_no_address_is_sent(data: dict[str, str]) -> None:
    assert lost_address("career_insight/1", data) is None


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(-0.004, "$0.00"), (-0.0, "$0.00"), (0.004, "$0.00"), (-0.006, "-$0.01"), (-1234.5, "-$1,234.50"), (0, "$0.00")],
)
def test_the_sign_of_an_amount_is_that_of_the_rounded_amount(amount: float, shown: str) -> None:
    assert money(amount) == shown


@pytest.mark.parametrize(
    ("number", "shown"), [(-0.04, "0%"), (-0.06, "-0.1%"), (-10, "-10%"), (0.0, "0%"), (2.55, "2.5%"), (100.0, "100%")]
)
def test_the_sign_of_a_percentage_is_that_of_the_rounded_one(number: float, shown: str) -> None:
    assert percent(number) == shown


def test_a_preview_is_what_would_be_sent() -> None:
    assert preview(TriggerType.FINANCIAL_ALERT, Channel.SMS, ALERT) == text_message("financial_alert/1", ALERT)
    assert isinstance(preview(TriggerType.FINANCIAL_ALERT, Channel.EMAIL, ALERT), Mail)
    assert isinstance(preview(TriggerType.FINANCIAL_ALERT, Channel.SMS, {}), TextMessage)


def test_a_code_comes_in_one_segment() -> None:
    text = verification_text("123456")
    assert "123456" in text.body
    assert text.length.segments == 1


class Tags(HTMLParser):
    """Counts the elements of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)


def tags(html: str) -> list[str]:
    parser = Tags()
    parser.feed(html)
    return parser.found


VALUES = st.text(max_size=400) | st.floats() | st.integers() | st.booleans() | st.none() | st.lists(st.text())
NAMES = st.sampled_from(
    [
        "amount",
        "account",
        "threshold",
        "message",
        "payee",
        "due_date",
        "week",
        "spent",
        "saved",
        "goal",
        "month",
        "income",
        "change",
        "title",
        "industry",
        "salary",
        "url",
        "topic",
        "minutes",
        "self",
        "loop",
        "brand",
        "range",
    ]
)


@given(st.sampled_from(TEMPLATES), st.dictionaries(NAMES | st.text(max_size=8), VALUES, max_size=8))
def test_no_data_makes_rendering_fail_or_a_text_too_long(template: str, data: dict[str, Any]) -> None:
    text = text_message(template, data)
    assert len(text.body) <= LONGEST_SMS
    assert "\n" not in text.body
    message = mail(template, data, LINKS)
    assert "\n" not in message.subject
    assert set(tags(message.html)) == set(tags(mail(template, {}, LINKS).html))
    text.body.encode()
    message.html.encode()
