"""The HTML of one recipient's mail: which links count, and that their tokens serve nothing else."""

from __future__ import annotations

from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from content.content_generator.links import CLICK, OPEN, UNSUBSCRIBE, MailLinks, recipient_of
from content.content_generator.mail_html import LONGEST_URL, mail_html
from streams.core.secrets import Secrets

MAC = Secrets(bytes(32)).mac
LINKS = MailLinks(MAC, "https://news.example/content-generator", "ab" * 32, f"email-job-{'f' * 32}")
END = f'<p><a href="{LINKS.unsubscribe}">Unsubscribe</a></p><img src="{LINKS.pixel}" alt="" width="1" height="1">'


@pytest.mark.parametrize(
    ("html", "counted"),
    [
        ("<p>News</p>", f"<p>News</p>{END}"),
        ("<html><body>News</body></html>", f"<html><body>News{END}</body></html>"),
        (
            '<a class="b" href="https://a.example/?x=1&amp;y=2" title="a > b">A</a>',
            f'<a class="b" href="{LINKS.click("https://a.example/?x=1&y=2")}" title="a > b">A</a>{END}',
        ),
        (
            '<a title="1 > 0" href="HTTP://a.example">A</a><a href="https://b.example">B</a>',
            f'<a title="1 > 0" href="{LINKS.click("HTTP://a.example")}">A</a>'
            f'<a href="{LINKS.click("https://b.example")}">B</a>{END}',
        ),
    ],
)
def test_links_of_the_web_count_and_the_way_out_and_a_picture_come_last(html: str, counted: str) -> None:
    assert mail_html(html, LINKS) == counted


@pytest.mark.parametrize(
    "html",
    [
        '<a href="mailto:ana@example.com">Write</a>',
        '<a href="#top">Up</a>',
        '<a href="/relative">Here</a>',
        f'<a href="https://a.example/{"a" * LONGEST_URL}">Long</a>',
        '<a href="https://a.example/\u202eb">Odd</a>',
        '<img src="https://a.example/a.png"><link href="https://a.example/a.css">',
        "<a>No address</a>",
        "https://a.example",
    ],
)
def test_anything_else_stays_as_it_is(html: str) -> None:
    assert mail_html(html, LINKS) == html + END


@given(url=st.text(min_size=1), other=st.text())
def test_a_token_leads_where_the_mail_said_and_serves_its_purpose_alone(url: str, other: str) -> None:
    token = LINKS.click(url).rpartition("/")[2]
    linked = recipient_of(MAC, CLICK, token)
    assert linked is not None
    assert (linked.mark, linked.campaign_id, linked.url) == (LINKS.mark, LINKS.campaign_id, url)
    assert recipient_of(MAC, OPEN, token) is None
    assert recipient_of(MAC, UNSUBSCRIBE, token) is None
    assert recipient_of(MAC, CLICK, other) is None
    assert recipient_of(Secrets(b"1" * 32).mac, CLICK, token) is None


@given(html=st.text())
def test_no_text_stops_a_mail(html: str) -> None:
    assert LINKS.pixel in mail_html(html, LINKS)
    assert escape(LINKS.unsubscribe) in mail_html(html, LINKS)
