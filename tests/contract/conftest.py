"""Fixture of the contract's runtimes: each test runs on every one of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.contract.runtimes import InMemory, Runtime, embedded

RUNTIMES = ["memory", "embedded", pytest.param("kafka", marks=pytest.mark.kafka)]


@pytest.fixture(params=RUNTIMES)
async def runtime(request: pytest.FixtureRequest) -> AsyncIterator[Runtime]:
    match request.param:
        case "memory":
            yield InMemory()
        case "embedded":
            async with embedded(request.getfixturevalue("database")) as running:
                yield running
        case _:
            from tests.streams.kafka.runtime import distributed

            async with distributed(request.getfixturevalue("kafka"), request.getfixturevalue("database")) as running:
                yield running
