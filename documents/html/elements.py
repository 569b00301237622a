"""Elements of HTML, by what they mean for the text in them."""

from __future__ import annotations

import re
from collections.abc import Mapping

HEADINGS = {f"h{level}": level for level in range(1, 7)}
LISTS = frozenset({"ul", "ol", "menu", "dir"})
BOLD = frozenset({"b", "strong"})
ITALIC = frozenset({"i", "em", "cite", "dfn", "var"})
BLOCKS = frozenset(
    {"address", "article", "aside", "body", "caption", "center", "dd", "details", "dialog", "div", "dl", "dt"}
    | {"fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup", "hr", "html", "legend", "main", "nav"}
    | {"option", "p", "search", "section", "summary", "title"}
)
"""Elements that begin and end a block, and say nothing more about it."""

LEFT_OUT = frozenset(
    {"script", "style", "template", "noscript", "svg", "math", "button", "select", "textarea", "iframe", "object"}
    | {"video", "audio", "canvas", "datalist", "xmp", "noembed", "noframes"}
)
REGIONS = ("main", "article")
MARGINS = frozenset({"nav", "aside", "footer"})
HIDEABLE = frozenset({"div", "span", "section", "article", "ul", "ol", "table", "a", "strong", "em", *HEADINGS})
"""Elements whose end has to be written, so that hiding one hides no more than it."""

_UNSHOWN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


def is_unshown(attributes: Mapping[str, str]) -> bool:
    """Whether the element says of itself that it is not shown."""
    hidden = "hidden" in attributes or attributes.get("aria-hidden", "").lower() == "true"
    return hidden or _UNSHOWN.search(attributes.get("style", "")) is not None
