"""Broker that the tests of passwords, certificates and rights share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import bootstrap
from tests.streams.kafka.rights import documented, grant
from tests.streams.kafka.runtime import ROOT
from tests.streams.kafka.secured import BROKER, Secured, secured

USERS = ("topics", "processor", "projector", "worker", "api", "live", "move", "rebuild")


@pytest.fixture(scope="session")
def secure(startable: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A broker whose users have the rights of the operator's page, but for those of the tests' own."""
    with secured(tmp_path_factory.mktemp("secured"), [*USERS, "stranger", "halfway", "reader"]) as broker:
        contexts = [context.name for context in bootstrap.CONTEXTS]
        grant(broker.cluster(BROKER, ""), documented(ROOT / "docs" / "kafka.md", contexts))
        yield broker
