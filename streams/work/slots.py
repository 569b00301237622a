"""Slots of a worker: the number of tasks of one name, and of one partition key under it, that run at the same time.

Every name has separate slots, so a slow kind of call holds up no other kind; all timers count as one name. Within a
name no key takes more than its share while others wait, so a slow endpoint holds up no other endpoint. All counts are
this process's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

SLOTS = 64
"""Tasks of one name that run at the same time."""

SHARE = 8
"""Slots of a name that one key takes while others wait, and that always stay free for keys with less."""

PAGE = 256
"""Waiting keys of a name that are looked at in one round."""


class Slots:
    """The slots of one name. `limited`: whether due tasks may wait for which there was no room."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()
        self.limited = False
        self.after = ""
        """The key after which the next page of waiting keys begins."""

    @property
    def room(self) -> int:
        return max(0, SLOTS - self._held.total())

    @property
    def crowded(self) -> bool:
        """Whether a key holds its share, so that the next ones have to be chosen by their keys."""
        return bool(self._held) and max(self._held.values()) >= SHARE

    def take(self, key: str) -> None:
        self._held[key] += 1

    def free(self, key: str) -> None:
        self._held[key] -= 1
        if not self._held[key]:
            del self._held[key]

    def rooms(self, page: Sequence[tuple[str, datetime]], now: datetime) -> dict[str, int]:
        """Number of calls that each waiting key may have now, given the first due time of each.

        Keys that hold their share have what is left by the others, but for the slots that always stay free.
        """
        due = [key for key, first in sorted(page, key=lambda waiting: waiting[1]) if first <= now]
        rooms, room = dict[str, int](), self.room
        for key in due:
            if (given := min(room, SHARE - self._held[key])) > 0:
                rooms[key] = given
                room -= given
        if not rooms and len(page) < PAGE and room > SHARE:
            rooms = {key: max(1, (room - SHARE) // len(due)) for key in due[: room - SHARE]}
        return rooms

    def turn(self, page: Sequence[tuple[str, datetime]]) -> bool:
        """Move on to the next page; False at the last one, after which the first one follows."""
        self.after = page[-1][0] if len(page) == PAGE else ""
        return bool(self.after)
