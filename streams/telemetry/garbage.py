"""Garbage collector settings for a process with large caches: pauses do not grow with the cache.

A full collection traverses every live object. Cached states and keys are long-lived, acyclic and freed by reference
counting, so traversing them finds nothing and stops the process for hundreds of milliseconds.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping

YOUNG = 10_000
"""Allocations between two collections of the youngest generation; a batch's objects are freed before the next one."""

OLDEST = 2


def spare_what_lives() -> None:
    """Exclude every object that survives a full collection from later ones (see `gc.freeze`); idempotent.

    Leaks only cycles dropped after they have survived a full collection: connections and the like, which are few.
    """
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
    if _freeze not in gc.callbacks:
        gc.callbacks.append(_freeze)
    gc.collect()


def _freeze(phase: str, info: Mapping[str, int]) -> None:
    if phase == "stop" and info["generation"] == OLDEST:
        gc.freeze()
