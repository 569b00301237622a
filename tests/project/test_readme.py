"""The commands of the README, word by word, against a product that `make run` has started; and those of a backup."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.project.pages import BIN, ROOT, Block, Workspace, blocks, workspace
from tests.streams.kafka.broker import free_port

pytestmark = pytest.mark.xdist_group("readme")
PATIENCE_SECONDS = 120.0
FIRST_REQUEST = re.compile(r"^  (eval .*)$", re.MULTILINE)
TARGET = re.compile(r"`make (\w+)`")
OF_A_CLUSTER = "HEADWATER_KAFKA"
"""Blocks with this are run by `tests/streams/kafka/test_pages_on_kafka.py`."""

BY_HAND = {"make test\n"}
"""Blocks that are not run here, as this test is one of what they run."""


class Started(NamedTuple):
    """A product that `make run` has started, and what its first requests printed, by surface."""

    workspace: Workspace
    answers: dict[str, str]


def shell_blocks() -> dict[str, Block]:
    """The README's commands that need no cluster, each block by its first words."""
    found = [block for block in blocks("README.md") if block.language == "sh" and OF_A_CLUSTER not in block.text]
    return {block.text: block for block in found if block.text not in BY_HAND}


def block_with(words: str) -> Block:
    """The one block that holds these words."""
    (found,) = (block for text, block in shell_blocks().items() if words in text)
    return found


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """The first start, and the first requests that it prints, pasted."""
    directory = tmp_path_factory.mktemp("first") / "headwater"
    _install(directory)
    with workspace(directory, {"HEADWATER_PORT": str(free_port())}) as here:
        here.run_block(block_with("make run"))
        pasted = FIRST_REQUEST.findall(here.printed())
        answers = {surface: here.run(text) for text in reversed(pasted) for surface in [_surface_of(text)]}
        yield Started(here, answers)


def _install(directory: Path) -> None:
    """A directory in which `make run` has nothing to install: the environment is the one that runs this."""
    (directory / ".venv").mkdir(parents=True)
    (directory / ".venv" / "bin").symlink_to(BIN)
    for file in ("Makefile", "pyproject.toml", "requirements.lock", "requirements-dev.lock"):
        shutil.copy(ROOT / file, directory)
    for installed in (".runtime", ".dev"):
        (directory / ".venv" / installed).touch()


def _surface_of(request: str) -> str:
    found = re.search(r"first-request ([\w-]+)", request)
    assert found is not None, request
    return found[1]


def test_the_first_request_of_each_product_is_answered_as_it_is_printed(started: Started) -> None:
    assert set(started.answers) == {"communication", "content-generator", "creator-hub", "gccp"}
    assert '"rules"' in started.answers["communication"]
    assert '"status":"completed"' in started.answers["gccp"]
    assert '"text":"How do I calm down?"' in started.answers["creator-hub"]
    assert '"status":"received"' in started.answers["creator-hub"]
    assert '"content":"A long breath out' in started.answers["creator-hub"]
    assert '"job_id":"sync-job-' in started.answers["content-generator"]
    status = 'curl -s $API/status/$TASK -H "Authorization: Bearer $TOKEN"'
    deadline = time.monotonic() + PATIENCE_SECONDS
    while '"SUCCESS"' not in started.workspace.run(status):
        assert time.monotonic() < deadline, "the message was not sent"
    outbox = started.workspace.directory / "headwater-data" / "outbox"
    assert list(outbox.glob("email-*.json"))
    while not list(outbox.glob("post-*.json")):
        assert time.monotonic() < deadline, "nothing was posted"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("headwater status", ("communication_messages_v1", "eyJ", "segment", "whsec_", "Usage: ")),
        ("projection list", ("communication_daily v1", "equal", "is live", "is gone")),
        ("audit verify", ("communication.message.requested.v1", "is erased", "whole")),
    ],
)
def test_its_commands_do_what_the_readme_says(started: Started, words: str, expected: tuple[str, ...]) -> None:
    printed = started.workspace.run_block(block_with(words))
    assert [one for one in expected if one not in printed] == [], printed


def test_time_stands_still_until_it_is_told_to_move(started: Started) -> None:
    started.workspace.run_block(block_with("headwater up"))
    assert started.workspace.run_block(block_with("clock advance")).strip().endswith("+00:00")


def test_a_backup_brings_a_lost_installation_back(started: Started) -> None:
    """As `docs/operating.md` says; the last test that uses the installation, which is stopped when it is lost."""
    shown = [block for block in blocks("docs/operating.md") if block.language == "sh" and "POSTGRES" not in block.text]
    printed = []
    for block in shown:
        if "mv headwater-data" in block.text:
            started.workspace.stop()
        printed.append(started.workspace.run_block(block))
    assert any("whole" in text for text in printed)
    assert (started.workspace.directory / "keys.jsonl").stat().st_size > 0


def test_every_command_that_needs_no_cluster_is_run_here() -> None:
    run = ("make run", "headwater status", "projection list", "audit verify", "headwater up", "clock advance")
    assert set(shell_blocks()) == {block_with(words).text for words in run}


@pytest.mark.parametrize("target", sorted(set(TARGET.findall((ROOT / "README.md").read_text()))))
def test_every_target_of_make_that_it_names_is_there(target: str) -> None:
    done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
