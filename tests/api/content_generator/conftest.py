"""The products that the tests of a module share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.content_generator.live_product import Live, new_session
from tests.api.content_generator.world import World, world
from tests.api.product import serving


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """The product, with the sandbox in the place of every provider."""
    with serving(Live, {}) as product:
        yield product


@pytest.fixture
def session() -> str:
    """The id of a session that nobody has joined."""
    return new_session()


@pytest.fixture(scope="module")
def shared() -> Iterator[World]:
    """The product between imitations of everything that it calls."""
    with world() as made:
        yield made


@pytest.fixture
def here(shared: World) -> World:
    """The shared world as if nothing had come yet."""
    shared.begin_anew()
    return shared
