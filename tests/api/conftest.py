"""Requests that wait for a busy machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from api import actions
from api.communication import public, webhooks

PATIENCE_SECONDS = 60.0


@pytest.fixture(scope="session", autouse=True)
def _patience() -> Iterator[None]:
    """A shared machine may stand still for longer than a caller is kept waiting; what is tested here is not that."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (actions, public, webhooks):
            patch.setattr(module, "DEADLINE_SECONDS", PATIENCE_SECONDS)
        yield
