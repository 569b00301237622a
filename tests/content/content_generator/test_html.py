"""HTML that callers hand in: cleaned of whatever runs, and as plain text."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from content.content_generator.html_text import LONGEST_TEXT, text_of_html
from content.content_generator.plain_text import has_control_characters
from content.content_generator.sanitizer import MAIL_TAGS, PAGE_TAGS, TooNested, clean_mail, clean_page
from domain.content_generator.composed import TooLarge
from tests.content.content_generator.strategies import Html, read

NEWSLETTER = """\
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN">
<html><head><title>March</title><meta name="x" content="y">
<style media="screen">@media (max-width:600px) { .wide > td { width: 100% } }</style></head>
<body bgcolor="#fff" onload="track()">
<!--[if mso]><p>Outlook</p><![endif]-->
<table width="600" cellpadding="0" style="border:0"><tr><td align="center" bgcolor="#eee">
<h1>March&nbsp;news</h1><p style="color:#333">Hello <b>Ana</b> &amp; all,<br>read
<a href="https://example.com/?a=1&amp;b=2" target="_blank">the
page</a> or <a href="{{unsubscribe_url}}">leave</a>.</p>
<ul><li>Box breathing<li>Calm</ul><img src="https://example.com/a.png" alt="A strap" width="10">
<table><tr><td>Band</td><td>21.5 g</td></tr></table>
</td></tr></table>
<script>alert(1)</script><form action="https://evil.example"><input name="x"><button>Go</button></form>
</body></html>
"""
HOSTILE = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    '<a href="java&#10;script:alert(1)">x</a>',
    '<a href=" &#14; javascript:alert(1)">x</a>',
    '<a href="data:text/html;base64,PHNjcmlwdD4=">x</a>',
    "<iframe src=https://evil.example></iframe>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<svg/onload=alert(1)>",
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror=alert(1)&gt;">',
    "<style></style><img src=x onerror=alert(1)></style>",
    "<style>a{}</style onload=alert(1)>",
    '<p title="<style onload=alert(1)>a</style>">x</p>',
    '<p title="<style>a</style><script>alert(1)</script>">x</p>',
    '<style media="x" onload="alert(1)">a{}</style>',
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "<body onload=alert(1)>",
    "<object data=x></object><embed src=x>",
    '<meta http-equiv="refresh" content="0;url=javascript:alert(1)">',
    '<base href="https://evil.example/"><link rel=stylesheet href=x>',
    "<form><input autofocus onfocus=alert(1)></form>",
    "<template><script>alert(1)</script></template>",
    "<title></title><script>alert(1)</script>",
    "<textarea></textarea><script>alert(1)</script>",
    "\x00<scr\x00ipt>alert(1)</script>",
]
MARKUP = st.lists(
    st.sampled_from(
        [*HOSTILE, "<p>", "</p>", "<style>", "</style>", "<td>", "<!--", "-->", "<![CDATA[", '"', "'", ">", "<", "a"]
    ),
    max_size=8,
).map("".join)


def assert_harmless(seen: Html, tags: set[str]) -> None:
    assert seen.tags <= tags
    for _, attributes in seen.elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("srcdoc", "action", "formaction")]
        for name in ("href", "src"):
            value = re.sub(r"[\x00-\x20]", "", attributes.get(name, ""))
            assert not re.match(r"(?:javascript|data|vbscript|file):", value, re.IGNORECASE)


@settings(deadline=None)
@given(MARKUP | st.text())
def test_nothing_that_runs_is_left_in_mail_and_pages(html: str) -> None:
    assert_harmless(read(clean_page(html)), PAGE_TAGS)
    assert_harmless(read(clean_mail(html, html)), MAIL_TAGS | {"html", "head", "body", "meta", "title"})


@pytest.mark.parametrize("html", HOSTILE)
def test_what_is_known_to_run_is_dropped(html: str) -> None:
    assert_harmless(read(clean_page(html)), PAGE_TAGS)
    assert_harmless(read(clean_mail(html, "March")), MAIL_TAGS | {"html", "head", "body", "meta", "title"})


def test_a_newsletter_keeps_its_layout_styles_links_and_pictures() -> None:
    cleaned = clean_mail(NEWSLETTER, "March <news>")
    head, body = cleaned.split("</head>")
    assert "<title>March &lt;news&gt;</title>" in head
    assert '<style media="screen">@media (max-width:600px) { .wide > td { width: 100% } }</style>' in head
    assert "<style" not in body
    for kept in (
        'style="border:0"',
        'bgcolor="#eee"',
        'target="_blank"',
        'href="{{unsubscribe_url}}"',
        'alt="A strap"',
    ):
        assert kept in body
    assert 'href="https://example.com/?a=1&amp;b=2"' in body
    for dropped in ("script", "form", "input", "onload", "mso", "alert"):
        assert dropped not in cleaned
    assert clean_mail(cleaned, "March <news>") == cleaned


def test_a_page_keeps_its_structure_and_drops_styles() -> None:
    page = clean_page(
        '<article class="a"><h2 style="x" id="b">T</h2><style>p{}</style><a href="https://example.com">x</a></article>'
    )
    assert (
        page
        == '<article class="a"><h2 id="b">T</h2><a href="https://example.com" rel="noopener noreferrer">x</a></article>'
    )


def test_html_is_readable_as_text() -> None:
    assert text_of_html(NEWSLETTER) == (
        "March news\n\nHello Ana & all,\nread the page (https://example.com/?a=1&b=2) or leave.\n\n"
        "- Box breathing\n- Calm\n\nA strap\n\nBand 21.5 g\n\nGo\n"
    )


@settings(deadline=None)
@given(MARKUP | st.text())
def test_any_html_has_a_text(html: str) -> None:
    text = text_of_html(html)
    assert "\n\n\n" not in text
    assert text.endswith("\n")


@pytest.mark.parametrize(
    "piece", ["<div></div>", "<p>", "<a href=x></a>", "<", "&", "<table><tr><td></table>", "<!--", "<!-- -->"]
)
def test_no_html_takes_long(piece: str) -> None:
    html = piece * (50_000 // len(piece))
    began = time.process_time()
    text_of_html(html)
    clean_mail(html, "March")
    assert time.process_time() - began < 10


@pytest.mark.parametrize("html", ["<div>" * 80_000, "<b><p>" * 2_000, "<x></y>" * 2_000])
def test_html_nested_without_end_is_refused(html: str) -> None:
    with pytest.raises(TooNested):
        clean_page(html)
    with pytest.raises(TooNested):
        clean_mail(html, "March")


def test_html_that_escaping_makes_too_large_is_refused() -> None:
    with pytest.raises(TooLarge):
        clean_page("&" * 100_000)
    with pytest.raises(TooLarge):
        clean_mail("&" * 100_000, "March")


def test_a_text_that_is_too_long_is_cut_at_a_sentence() -> None:
    text = text_of_html("<p>Breathe in. " * 10_000)
    assert len(text) <= LONGEST_TEXT + 1
    assert text.endswith("Breathe in.\n")


@pytest.mark.parametrize("subject", ["a\nb", "a\r\nBcc: all@example.com", "\x00", "a\tb", "a\u2028b", "a\x85b"])
def test_a_subject_with_control_characters_is_known(subject: str) -> None:
    assert has_control_characters(subject)
    assert not has_control_characters("Für Ana 👩‍👩‍👧: 呼吸\u00a0& calm")
