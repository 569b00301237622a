"""Secrets stored in a data directory."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from streams.secret_files import read_or_create_secret


def test_a_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    secret = read_or_create_secret(tmp_path / "a.key")
    assert len(secret) == 32
    assert read_or_create_secret(tmp_path / "a.key") == secret
    assert stat.S_IMODE((tmp_path / "a.key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["a.key"]


def test_many_who_come_first_at_once_have_the_same_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        for turn in range(20):
            path = tmp_path / f"{turn}.key"
            assert len(set(pool.map(read_or_create_secret, [path] * 16))) == 1
    assert len(list(tmp_path.iterdir())) == 20


def test_a_secret_of_another_length_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.key").write_text("00" * 31)
    with pytest.raises(ValueError, match="must hold 32 bytes"):
        read_or_create_secret(tmp_path / "a.key")
