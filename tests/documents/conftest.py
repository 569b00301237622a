"""Fixture of one renderer, shared by all tests that need no separate process."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from documents.render.renderer import Renderer
from tests.documents.documents import request

Render = Callable[..., bytes]


@pytest.fixture(scope="session")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Renderer:
    return Renderer(tmp_path_factory.mktemp("nothing"))


@pytest.fixture(scope="session")
def render(renderer: Renderer) -> Render:
    """Markdown, and what `request` takes beside it, into a PDF within this process."""
    return lambda content, **options: renderer.pdf(request(content, **options))
