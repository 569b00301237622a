"""Contract of the engine: a call of unknown fate is looked up at its provider. The model in memory does not look."""

from __future__ import annotations

from datetime import datetime, timedelta
from unittest.mock import patch

import pytest

from domain.messages import Result
from streams.core.calls import Finding, Listed, Unknown
from streams.work.lookups import PAUSES
from tests.contract.runtimes import START, Runtime, do
from tests.contract.shelf import OrderFilling, Supply
from tests.contract.test_engine import results


class Listing:
    """A supplier's list of what it has taken, read by each look in turn."""

    def __init__(self, *findings: Finding) -> None:
        self.findings = list(findings)

    async def find(self, effect: Supply, since: datetime) -> Finding:
        return self.findings.pop(0)


@pytest.mark.parametrize("runtime", ["embedded", pytest.param("kafka", marks=pytest.mark.kafka)], indirect=True)
@pytest.mark.parametrize(
    ("findings", "sent", "result"),
    [
        ([Listed(), Listed(("taken",))], 1, Result.ACCEPTED),
        ([Listed()] * 4, 2, Result.ACCEPTED),
        ([Listed(), Unknown("it keeps no list any more")], 1, Result.UNCONFIRMED),
    ],
)
async def test_an_unknown_outcome_is_looked_up_between_pauses_and_sent_once_more_if_it_is_not_there(
    runtime: Runtime, findings: list[Finding], sent: int, result: Result
) -> None:
    runtime.supplier.idempotent = False
    runtime.supplier.verdicts.append(Unknown("the line went dead"))
    listing = Listing(*findings)
    with patch.object(type(runtime.supplier), "find", listing.find, create=True):
        await do(runtime, OrderFilling(at=START, jar="plums", owner="ada", grams=1))
        await runtime.settle()
        for seconds in PAUSES:
            runtime.clock.advance(timedelta(seconds=seconds))
            await runtime.settle()
    found = await results(runtime)
    assert (len(runtime.supplier.keys), found[-1]) == (sent, result)
    assert set(found[:-1]) == {Result.DEFERRED}
    assert listing.findings == []
