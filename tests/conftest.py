"""What every test may ask for, and the loud word about Kafka tests that could not run."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import fresh_database
from tests.streams.kafka.broker import Broker, Kafka, missing

NOT_RUN = "no Kafka broker"
MEMORY, ENOUGH_BYTES = Path("/dev/shm"), 8 << 30


def _write_to_memory() -> None:
    """A shared machine's disk may stand still for longer than a caller, or a lock, waits: no test depends on one.

    The servers keep their durable settings; what survives kill -9 on a disk survives it here.
    """
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH_BYTES:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


_write_to_memory()


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """The broker at HEADWATER_TEST_KAFKA, or one started for this session."""
    if elsewhere := os.environ.get("HEADWATER_TEST_KAFKA"):
        yield Kafka(elsewhere)
        return
    _require_broker()
    with Broker() as shared:
        yield Kafka(shared.bootstrap)


@pytest.fixture(scope="session")
def startable() -> None:
    """That a broker can be started on this machine."""
    _require_broker()


@pytest.fixture
def broker(startable: None) -> Iterator[Broker]:
    """A started broker that belongs to one test, which may kill it, stop it and start it again."""
    with Broker() as own:
        yield own


def _require_broker() -> None:
    reason = missing()
    if reason is None:
        return
    if os.environ.get("CI"):
        pytest.fail(f"{NOT_RUN}: {reason}")
    pytest.skip(f"{NOT_RUN}: {reason}")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever needs a broker is marked so, and runs in one xdist worker: two cores carry one broker, not two."""
    for item in items:
        if {"kafka", "startable"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.kafka)
        if item.get_closest_marker("kafka"):
            item.add_marker(pytest.mark.xdist_group("kafka"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reasons = [str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", [])]
    unrun = [reason.partition(f"{NOT_RUN}: ")[2] for reason in reasons if NOT_RUN in reason]
    if unrun:
        terminalreporter.write_sep("!", f"KAFKA TESTS NOT RUN: {unrun[0]} ({len(unrun)} skipped)", red=True, bold=True)


@pytest.fixture
def database() -> Iterator[str]:
    """A new, empty PostgreSQL database."""
    yield from fresh_database()
