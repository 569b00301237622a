"""The styling of a document by a request: the colour of headings, the font size, the line height."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from documents.errors import InvalidStyling

HEX_COLOUR = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})", re.ASCII)
FONT_SIZES = (6.0, 36.0)
LINE_HEIGHTS = (1.0, 3.0)


@dataclass(frozen=True, slots=True)
class Styling:
    """The styling. `header_color` is `#rgb` or `#rrggbb`, `font_size` in pt, `line_height` a multiple of it.

    Everything else on the page (headings, code, margins between blocks) is sized in proportion.
    """

    header_color: str = "#1a365d"
    font_size: float = 11.0
    line_height: float = 1.5


def styling_of(fields: Mapping[str, object] | None) -> Styling:
    """The styling of a request, from `headerColor`, `fontSize` and `lineHeight`; absent or null is the default.

    Raises InvalidStyling with the field's name for an unknown field or an unusable value.
    """
    given = {name: value for name, value in (fields or {}).items() if value is not None}
    for name in given.keys() - {"headerColor", "fontSize", "lineHeight"}:
        raise InvalidStyling(f"styling.{name}", "is not known: headerColor, fontSize and lineHeight are")
    usual = Styling()
    return Styling(
        header_color=_colour("styling.headerColor", given.get("headerColor", usual.header_color)),
        font_size=_number("styling.fontSize", given.get("fontSize", usual.font_size), FONT_SIZES, " pt"),
        line_height=_number("styling.lineHeight", given.get("lineHeight", usual.line_height), LINE_HEIGHTS, ""),
    )


def _colour(field: str, value: object) -> str:
    if not isinstance(value, str) or not HEX_COLOUR.fullmatch(value):
        raise InvalidStyling(field, "must be a hex colour such as #1a365d or #fff")
    return value


def _number(field: str, value: object, bounds: tuple[float, float], unit: str) -> float:
    low, high = bounds
    wanted = f"must be a number from {low:g} to {high:g}{unit}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidStyling(field, wanted)
    if not low <= value <= high:  # false for NaN
        raise InvalidStyling(field, wanted)
    return float(value)
