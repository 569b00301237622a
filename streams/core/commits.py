"""Announcement of commits to listeners in the same process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

LOOK_SECONDS = 0.01
"""The shortest time between two looks of one listener at what was committed."""

UNANNOUNCED_SECONDS = 1.0
"""The longest time between two looks: an announcement can be lost with a connection."""


class Commits:
    """Announcements that something was committed. They say no more: a listener reads the heads that it needs."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[], None]] = []

    def announce(self) -> None:
        """Call every listener. Only in the event loop of the engine."""
        for listener in tuple(self._listeners):
            listener()

    @contextmanager
    def listening(self, listener: Callable[[], None]) -> Iterator[None]:
        """Call the listener, which must not raise, at every announcement while the block runs."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)
