"""Garbage collection of a process that keeps a lot: pauses that don't grow with what is cached.

A full collection walks over everything alive. Cached states and keys live long, hold no cycles and are freed by their
reference counts, so walking over them again and again finds nothing and stops the process for hundreds of milliseconds.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping

YOUNG = 10_000
"""Objects made between two collections of the youngest: what one batch makes is gone before it is looked at."""

OLDEST = 2


def spare_what_lives() -> None:
    """From now on whatever survives a full collection is left out of later ones (see `gc.freeze`); idempotent.

    Only a cycle that outlives a full collection and is dropped afterwards is never found: connections and the like,
    which are few.
    """
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
    if _freeze not in gc.callbacks:
        gc.callbacks.append(_freeze)
    gc.collect()


def _freeze(phase: str, info: Mapping[str, int]) -> None:
    if phase == "stop" and info["generation"] == OLDEST:
        gc.freeze()
