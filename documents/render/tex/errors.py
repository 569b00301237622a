"""The refusal of a formula."""

from __future__ import annotations


class Unset(ValueError):
    """The formula has something that is not known, or is no formula: it is shown as it is written."""
