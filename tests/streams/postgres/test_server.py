"""The bundled server: dead processes are removed from its list of users."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from streams.postgres.server import remove_dead_users


def test_a_process_that_was_killed_does_not_keep_the_server_running(tmp_path: Path) -> None:
    killed = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    killed.kill()
    killed.wait()
    users = tmp_path / "users.json"
    users.write_text(json.dumps([killed.pid, os.getpid()]))
    remove_dead_users(users)
    assert json.loads(users.read_text()) == [os.getpid()]


def test_a_server_that_nobody_has_used_yet_has_no_list(tmp_path: Path) -> None:
    remove_dead_users(tmp_path / "users.json")
    assert list(tmp_path.iterdir()) == []
