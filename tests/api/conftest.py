"""Requests that wait for a busy machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from api import actions, inbound
from api.communication import public

PATIENCE_SECONDS = 60.0


@pytest.fixture(scope="session", autouse=True)
def _patience() -> Iterator[None]:
    """A shared machine may stand still for longer than a caller is kept waiting; what is tested here is not that."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (actions, inbound, public):
            patch.setattr(module, "DEADLINE_SECONDS", PATIENCE_SECONDS)
        yield
