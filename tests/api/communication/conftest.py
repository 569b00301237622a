"""One product per test module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.communication.serving import Served, serving


@pytest.fixture(scope="module")
def product() -> Iterator[Served]:
    """The product with its default settings: the sandbox for a provider."""
    with serving() as served:
        yield served
