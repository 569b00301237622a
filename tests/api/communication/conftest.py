"""One product per test module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.communication.product import Served, serving
from tests.api.communication.world import World, between_providers


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A module's tests run in one xdist worker: they share a product."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.fixture(scope="module")
def product() -> Iterator[Served]:
    """The product with its default settings: the sandbox for a provider."""
    with serving() as served:
        yield served


@pytest.fixture
def user(product: Served) -> int:
    """Somebody who agrees to everything."""
    user_id = product.new_user()
    product.agree(user_id)
    return user_id


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """The product between a Twilio and a Resend."""
    with between_providers() as world:
        yield world


@pytest.fixture
def recipient(world: World) -> int:
    """Somebody who agrees to everything."""
    return world.person()[0]
