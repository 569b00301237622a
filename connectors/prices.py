"""Prices of tokens, by model family, in microcents (a millionth of a US cent): $1 per million tokens is 100.

Source: the model overview and pricing pages of platform.claude.com (as of November 2026), standard, uncached rates.
Prompt caching and batches are not used, so their rates are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Price:
    """Microcents per token. Prompts over `long_over` tokens cost `long_factor` times as much, both ways."""

    input: int
    output: int
    long_over: int | None = None
    long_factor: int = 1

    def cost(self, input_tokens: int, output_tokens: int) -> int:
        factor = self.long_factor if self.long_over is not None and input_tokens > self.long_over else 1
        return factor * (input_tokens * self.input + output_tokens * self.output)


@dataclass(frozen=True, slots=True)
class PriceList:
    """Prices by model family. A model belongs to the longest family that begins its name, else it costs `default`."""

    families: Mapping[str, Price]
    default: Price

    def of(self, model: str) -> Price:
        fitting = [family for family in self.families if f"{model}-".startswith(f"{family}-")]
        return self.families[max(fitting, key=len)] if fitting else self.default


ANTHROPIC = PriceList(
    families={
        "claude-fable-5-1": Price(1000, 5000),
        "claude-opus-5-5": Price(400, 2000),
        "claude-opus-5": Price(500, 2500),
        "claude-opus-4-8": Price(500, 2500),
        "claude-opus-4-7": Price(500, 2500),
        "claude-opus-4-6": Price(500, 2500),
        "claude-opus-4-5": Price(500, 2500),
        "claude-opus-4": Price(1500, 7500),
        "claude-3-opus": Price(1500, 7500),
        "claude-sonnet-5": Price(200, 1000),
        "claude-sonnet-4": Price(300, 1500),
        "claude-3-7-sonnet": Price(300, 1500),
        "claude-3-5-sonnet": Price(300, 1500),
        "claude-haiku-5-5": Price(10, 50, long_over=100_000, long_factor=5),
        "claude-haiku-4-5": Price(100, 500),
        "claude-3-5-haiku": Price(80, 400),
        "claude-3-haiku": Price(25, 125),
    },
    default=Price(1000, 5000),
)
"""An unlisted model costs as much as the dearest current family, so that a cost is never understated."""

FREE = PriceList(families={}, default=Price(0, 0))
"""Prices of local models."""
