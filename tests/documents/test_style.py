"""Style options of a request, and the errors for invalid ones."""

from __future__ import annotations

import pytest

from documents.errors import InvalidStyling
from documents.render.style import Styling, styling_of
from tests.documents.conftest import Render
from tests.documents.reading import Letter


def test_the_documented_example_is_honoured() -> None:
    asked = {"headerColor": "#1a365d", "fontSize": 11, "lineHeight": 1.7}
    assert styling_of(asked) == Styling("#1a365d", 11.0, 1.7)


@pytest.mark.parametrize("fields", [None, {}, {"headerColor": None, "fontSize": None, "lineHeight": None}])
def test_what_is_absent_or_null_has_its_default(fields: dict[str, object] | None) -> None:
    assert styling_of(fields) == Styling()


@pytest.mark.parametrize("colour", ["red", "1a365d", "#1a36", "#12345g", "#١٢٣", "", "#fff\n", 255, True, ["#fff"]])
def test_a_colour_that_is_no_hex_colour_is_refused_by_name(colour: object) -> None:
    with pytest.raises(InvalidStyling, match=r"^styling\.headerColor must be a hex colour such as #1a365d") as refusal:
        styling_of({"headerColor": colour})
    assert refusal.value.field == "styling.headerColor"


@pytest.mark.parametrize("size", ["11", "11pt", 5.9, 36.1, -1, 0, 10**400, float("nan"), float("inf"), True, []])
def test_a_font_size_that_cannot_be_set_is_refused_by_name_with_its_bounds(size: object) -> None:
    with pytest.raises(InvalidStyling, match=r"^styling\.fontSize must be a number from 6 to 36 pt$"):
        styling_of({"fontSize": size})


@pytest.mark.parametrize("height", ["1.5", 0.9, 3.1, -2, float("nan"), True, {}])
def test_a_line_height_that_cannot_be_set_is_refused_by_name_with_its_bounds(height: object) -> None:
    with pytest.raises(InvalidStyling, match=r"^styling\.lineHeight must be a number from 1 to 3$"):
        styling_of({"lineHeight": height})


def test_a_field_that_does_not_exist_is_refused_by_name_rather_than_ignored() -> None:
    with pytest.raises(InvalidStyling, match=r"^styling\.fontsize is not known: headerColor, fontSize and lineHeight"):
        styling_of({"fontsize": 12})


@pytest.mark.parametrize("size", [6.0, 11.0, 36.0])
@pytest.mark.parametrize("height", [1.0, 1.7, 3.0])
def test_lines_are_as_far_apart_as_was_asked_and_their_letters_as_large(
    render: Render, size: float, height: float
) -> None:
    pdf = render("first\\\nsecond `code`", styling=Styling(font_size=size, line_height=height))
    first, second = Letter(pdf, "first"), Letter(pdf, "second")
    assert first.size == pytest.approx(size)
    assert first.y - second.y == pytest.approx(size * height, abs=0.01)


@pytest.mark.parametrize(("asked", "seen"), [("#c0ffee", "#c0ffee"), ("#F00", "#ff0000")])
def test_headings_have_the_colour_that_was_asked_and_the_text_has_not(render: Render, asked: str, seen: str) -> None:
    pdf = render("# Heading\n\ntext\n\n###### Lowest", styling=Styling(header_color=asked))
    assert Letter(pdf, "Heading").color == seen
    assert Letter(pdf, "Lowest").color == seen
    assert Letter(pdf, "text").color == "#000000"


def test_a_small_formula_does_not_push_its_line_away(render: Render) -> None:
    pdf = render("first\\\nsecond $x^2_i$")
    assert Letter(pdf, "first").y - Letter(pdf, "second").y == pytest.approx(11 * 1.5, abs=0.01)
