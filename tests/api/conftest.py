"""The product that tests of all surfaces share, and requests that wait for a busy machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from api import actions, inbound, unsubscribe
from tests.api.conformance import surfaces
from tests.api.product import Served, installed, serving
from tests.databases import fresh_database

PATIENCE_SECONDS = 60.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A module's tests run in one xdist worker: they share a product."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.xdist_group(f"api {item.path.stem}"))


@pytest.fixture
def database() -> Iterator[str]:
    """A new database in which nothing has happened since the product was installed."""
    yield from fresh_database(installed())


@pytest.fixture(scope="module")
def product() -> Iterator[Served]:
    """The product between everything that its surfaces ask for."""
    with ExitStack() as stack:
        variables = [stack.enter_context(surface.surroundings()) for surface in surfaces()]
        together = {name: value for one in variables for name, value in one.items()}
        yield stack.enter_context(serving(Served, together))


@pytest.fixture(scope="session", autouse=True)
def _patience() -> Iterator[None]:
    """A shared machine may stand still for longer than a caller is kept waiting; what is tested here is not that."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (actions, inbound, unsubscribe):
            patch.setattr(module, "DEADLINE_SECONDS", PATIENCE_SECONDS)
        yield
