"""The how-tos: every edit, file and command of a page, made and run in order in a copy of the tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.project.pages import blocks, copy_tree, tracked, workspace
from tests.streams.kafka.broker import free_port

HOW_TOS = sorted(path for path in tracked() if path.startswith("docs/howto/"))


@pytest.mark.parametrize("page", HOW_TOS)
def test_what_a_how_to_shows_works(page: str, tmp_path: Path, database: str) -> None:
    environment = {"HEADWATER_PORT": str(free_port()), "HEADWATER_POSTGRES": database}
    with workspace(copy_tree(tmp_path / "tree"), environment) as copy:
        for block in blocks(page):
            copy.run_block(block)
