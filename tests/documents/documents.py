"""Builders of render requests for the tests."""

from __future__ import annotations

from datetime import UTC, datetime

from documents.render.request import DocumentRequest, Options
from documents.render.style import Styling

AT = datetime(2026, 1, 30, 21, 30, tzinfo=UTC)


def request(
    content: str, title: str | None = None, author: str | None = None, styling: Styling | None = None
) -> DocumentRequest:
    return DocumentRequest(content, AT, Options(title, author, styling or Styling()))
