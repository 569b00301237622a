"""HTML that callers give: cleaned, or a 400 that names the field."""

from __future__ import annotations

import pytest

from api.content_generator.cleaned_html import cleaned
from api.errors import ApiError
from content.content_generator.html_text import text_of_html
from content.content_generator.sanitizer import clean_mail, clean_page


async def test_html_is_cleaned() -> None:
    assert await cleaned("content", clean_page, "<p onclick=x>Calm</p>") == "<p>Calm</p>"
    mail = await cleaned("html_content", clean_mail, "<p>Calm", "News")
    assert await cleaned("html_content", text_of_html, mail) == "Calm\n"


@pytest.mark.parametrize("html", ["<div>" * 2_000, "&" * 100_000])
async def test_a_fault_of_the_html_is_one_of_the_field(html: str) -> None:
    with pytest.raises(ApiError) as refusal:
        await cleaned("html_content", clean_mail, html, "News")
    assert refusal.value.status == 400
    assert [fault.field for fault in refusal.value.fields] == ["html_content"]
