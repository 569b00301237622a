"""HTML that callers hand in, cleaned by an allow-list: mail and pages go out without scripts, forms and frames.

An authenticated marketer is trusted with words and layout, not with code in the mail programs of others: whatever could
run, send or load a document is dropped, and nothing is refused for it. What is pinned, shown and sent is the cleaned
HTML. Mail keeps inline styles and `<style>` sheets, which newsletters are built from; pages keep classes.
"""

from __future__ import annotations

import re
from collections import Counter

import nh3
from markupsafe import escape

from content.content_generator.plain_text import one_line, printable
from domain.content_generator.composed import LARGEST_HTML, TooLarge

PAGE_TAGS = set(
    """a abbr address article aside b bdi bdo blockquote br caption cite code col colgroup dd del details div dl dt em
    figcaption figure footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark nav ol p pre q s samp section small
    span strong sub summary sup table tbody td tfoot th thead time tr u ul var wbr""".split()  # noqa: SIM905
)
MAIL_TAGS = PAGE_TAGS | {"center", "font", "style"}

_EVERYWHERE = {"align", "class", "dir", "id", "lang", "title"}
_CELLS = {"bgcolor", "colspan", "height", "rowspan", "scope", "valign", "width"}
_ATTRIBUTES = {
    "a": {"href", "name", "target"},
    "col": {"span", "width"},
    "img": {"alt", "border", "height", "src", "width"},
    "ol": {"start", "type"},
    "table": {"bgcolor", "border", "cellpadding", "cellspacing", "height", "role", "summary", "width"},
    "td": _CELLS,
    "th": _CELLS,
    "time": {"datetime"},
    "tr": {"bgcolor", "height", "valign"},
}
PAGE_ATTRIBUTES = _ATTRIBUTES | {"*": _EVERYWHERE}
MAIL_ATTRIBUTES = _ATTRIBUTES | {
    "*": _EVERYWHERE | {"style"},
    "font": {"color", "face", "size"},
    "style": {"media", "type"},
}
MOST_OPEN = 1_000
"""Elements that are not closed: the time that an HTML parser takes grows with the square of their depth."""

_TAG = re.compile(r"<(/?)([a-z][^\s/>]*)", re.IGNORECASE)
_CLOSED_BY_OTHERS = frozenset(
    """area base br col dd dt embed hr img input li link meta option p source tbody td tfoot th thead tr
    wbr""".split()  # noqa: SIM905
)

_WITH_CONTENT = {"script", "title", "template", "textarea", "select", "object", "iframe", "svg", "math"}
"""Elements that are dropped with what is in them; of others the text stays."""

SCHEMES = {"http", "https", "mailto", "tel"}

_STYLE = re.compile(r'<style(?: media="[\w\s():,.-]*")?(?: type="text/css")?(?: media="[\w\s():,.-]*")?>[^<]*</style>')
"""A style sheet, word for word: text in an attribute that looks like one may be taken for it, but holds no more."""

_DOCUMENT = """\
<!doctype html>
<html>
<head>
<meta charset="utf-8">
<title>{title}</title>
{styles}</head>
<body>
{body}
</body>
</html>
"""


class TooNested(ValueError):
    """HTML has too many elements that are not closed."""


def clean_page(html: str) -> str:
    """The HTML of a page: structure, text, links and pictures. Raises TooNested, TooLarge."""
    return _bounded(structure_of(html))


def structure_of(html: str) -> str:
    """The HTML of a page, however large. Raises TooNested."""
    _check_nesting(html)
    cleaned = nh3.clean(
        printable(html),
        tags=PAGE_TAGS,
        clean_content_tags=_WITH_CONTENT | {"style"},
        attributes=PAGE_ATTRIBUTES,
        url_schemes=SCHEMES,
        link_rel="noopener noreferrer",
    )
    return cleaned.strip()


def clean_mail(html: str, subject: str) -> str:
    """The HTML of an e-mail as a whole document, with style sheets in its head. Raises TooNested, TooLarge."""
    _check_nesting(html)
    cleaned = nh3.clean(
        printable(html),
        tags=MAIL_TAGS,
        clean_content_tags=_WITH_CONTENT,
        attributes=MAIL_ATTRIBUTES,
        url_schemes=SCHEMES,
        link_rel=None,
    )
    styles = "".join(f"{sheet}\n" for sheet in _STYLE.findall(cleaned))
    body = _STYLE.sub("", cleaned).strip()
    return _bounded(_DOCUMENT.format(title=escape(one_line(subject)), styles=styles, body=body))


def _bounded(html: str) -> str:
    """The HTML, unless escaping has made it larger than can be kept."""
    size = len(html.encode())
    if size > LARGEST_HTML:
        raise TooLarge("html", size, LARGEST_HTML)
    return html


def _check_nesting(html: str) -> None:
    opened, closed = Counter[str](), Counter[str]()
    for end, name in _TAG.findall(html):
        (closed if end else opened)[name.lower()] += 1
    still_open = sum(max(0, count - closed[tag]) for tag, count in opened.items() if tag not in _CLOSED_BY_OTHERS)
    if still_open > MOST_OPEN:
        raise TooNested(f"{still_open:,} elements are not closed, and at most {MOST_OPEN:,} can be")
