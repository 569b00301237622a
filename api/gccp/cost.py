"""Costs in the form of the answers."""

from __future__ import annotations

from typing import Any

from domain.money import dollars


def in_dollars(row: dict[str, Any]) -> dict[str, Any]:
    """The row with `cost_usd` in place of `cost_microcents`."""
    return {name: value for name, value in row.items() if name != "cost_microcents"} | {
        "cost_usd": dollars(row["cost_microcents"])
    }
