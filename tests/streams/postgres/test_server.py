"""The server that comes with the program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from streams.postgres.server import forget_the_dead


def test_a_process_that_was_killed_does_not_keep_the_server_running(tmp_path: Path) -> None:
    killed = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    killed.kill()
    killed.wait()
    users = tmp_path / "users.json"
    users.write_text(json.dumps([killed.pid, os.getpid()]))
    forget_the_dead(users)
    assert json.loads(users.read_text()) == [os.getpid()]


def test_a_server_that_nobody_has_used_yet_has_no_list(tmp_path: Path) -> None:
    forget_the_dead(tmp_path / "users.json")
    assert list(tmp_path.iterdir()) == []
