"""Imports everything that a product is built from, by building one that never runs: what is forked then has it."""

from __future__ import annotations

from pathlib import Path

from tests.api.product import Installation

Installation("dbname=none", Path("none"), 1, {})
