"""Costs are whole microcents, by the longest family that fits a model's name."""

from __future__ import annotations

import pytest

from connectors.prices import ANTHROPIC, FREE, Price, PriceList


@pytest.mark.parametrize(
    ("model", "dollars_in", "dollars_out"),
    [
        ("claude-sonnet-4-5-20250929", 3, 15),
        ("claude-sonnet-4-20250514", 3, 15),
        ("claude-sonnet-5-5", 2, 10),
        ("claude-opus-5-5", 4, 20),
        ("claude-opus-5", 5, 25),
        ("claude-opus-4-5-20251101", 5, 25),
        ("claude-opus-4-1-20250805", 15, 75),
        ("claude-opus-4-20250514", 15, 75),
        ("claude-haiku-4-5-20251001", 1, 5),
    ],
)
def test_a_million_tokens_cost_what_the_price_page_says(model: str, dollars_in: int, dollars_out: int) -> None:
    price = ANTHROPIC.of(model)
    assert price.cost(1_000_000, 0) == dollars_in * 100 * 1_000_000
    assert price.cost(0, 1_000_000) == dollars_out * 100 * 1_000_000


def test_a_prompt_over_the_limit_raises_the_price_of_the_whole_call() -> None:
    price = ANTHROPIC.of("claude-haiku-5-5")
    assert price.cost(100_000, 1_000) == 100_000 * 10 + 1_000 * 50
    assert price.cost(100_001, 1_000) == 5 * (100_001 * 10 + 1_000 * 50)


@pytest.mark.parametrize("model", ["claude-omega-9", "claude-opus-42", "", "gpt"])
def test_an_unknown_model_is_charged_like_the_dearest_current_family(model: str) -> None:
    assert ANTHROPIC.of(model) == ANTHROPIC.default == ANTHROPIC.of("claude-fable-5-1")


def test_a_model_on_ones_own_machine_is_free() -> None:
    assert FREE.of("llama3.2").cost(10_000, 10_000) == 0


def test_prices_can_be_replaced() -> None:
    prices = PriceList({"claude-sonnet-4-5": Price(1, 2)}, default=Price(3, 4))
    assert prices.of("claude-sonnet-4-5-20250929").cost(10, 10) == 30
    assert prices.of("claude-sonnet-4").cost(10, 10) == 70
