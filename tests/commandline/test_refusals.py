"""Commands that make no sense here: refused in a sentence, and nothing is made of them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from unittest.mock import patch

import jwt
import pytest

from cli import main
from streams.postgres.database import connect_plain
from tests.api.product import installed
from tests.databases import fresh_database
from tests.imitations import listener

COMMANDS = [
    "keys issue communication",
    "keys list communication",
    "keys revoke communication --subject ana",
    "keys rotate",
    "keys backup copy.jsonl",
    "keys restore copy.jsonl",
    "status",
    "projection list",
    "projection rebuild communication_daily",
    "projection swap communication_daily",
    "projection retry communication_daily",
    "projection drop communication_daily",
    "clock advance 1s",
    "erase communication:1",
    "audit verify",
    "audit sign",
    "audit replay",
    "audit as-of communication_daily now",
    "webhook add communication https://example.com/hook",
    "webhook list communication",
    "move --to-kafka 127.0.0.1:1",
]
SECRET = "ab" * 32


def run(capsys: pytest.CaptureFixture[str], command: str, **variables: str) -> tuple[int, str, str]:
    """The exit code of a command in this process, and what it says on both outputs."""
    own = {f"HEADWATER_{name}": value for name, value in variables.items()}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")} | own
    argv = patch.object(sys, "argv", ["headwater", *command.split()])
    with patch.dict(os.environ, environment, clear=True), argv, pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return int(ended.value.code or 0), said.out, " ".join(said.err.split())


def refused(capsys: pytest.CaptureFixture[str], command: str, **variables: str) -> str:
    code, _, said = run(capsys, command, **variables)
    assert code != 0
    return said


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_makes_nothing_where_there_is_no_installation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    said = refused(capsys, command, DATA=str(tmp_path / "nothing"))
    assert "headwater: there is no " in said
    assert list(tmp_path.iterdir()) == []


def test_a_start_on_a_taken_port_makes_and_shows_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with listener() as taken:
        port = str(taken.getsockname()[1])
        code, shown, said = run(capsys, "up", DATA=str(tmp_path / "nothing"), PORT=port)
        two = refused(capsys, "up", DATA=str(tmp_path / "nothing"), PORT=port, INTERNAL_PORT=port)
    assert (code, shown) == (1, "")
    assert f"could not listen on 127.0.0.1:{port}" in said
    assert "HEADWATER_INTERNAL_PORT must be another port" in two
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("PUBLIC_URL", "example.com", "must be an address that begins with http:// or https://"),
        ("PUBLIC_URL", "https://example.com/?x=1", "must be an address without a query"),
        ("ROOT_PATH", "outer", "must begin with a slash"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,proxy", "must be addresses or networks"),
        ("INTERNAL_TOKEN", "short", "must have 32 characters or more"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, value: str, reason: str
) -> None:
    said = refused(capsys, "status", DATA=str(tmp_path), **{name: value})
    assert f"HEADWATER_{name} " in said
    assert reason in said


@pytest.mark.parametrize("command", ["status", "keys list communication", "projection list", "audit verify"])
def test_a_database_of_something_else_is_no_installation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, database: str
) -> None:
    assert "there is nothing here yet" in refused(capsys, command, DATA=str(tmp_path), POSTGRES=database)


@pytest.mark.parametrize("command", ["status", "keys list communication", "projection list", "audit verify"])
def test_a_database_of_another_format_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    for dsn in fresh_database(installed()):
        with connect_plain(dsn) as connection:
            connection.execute("update headwater.installation set format = 99")
        assert "has format 99" in refused(capsys, command, DATA=str(tmp_path), POSTGRES=dsn)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("version = 99", "the database has version 99"),
        ("halted_at = 'communication/0/1', error = 'a bug'", "has halted at communication/0/1 (a bug)"),
    ],
)
@pytest.mark.parametrize(
    ("command", "table"),
    [
        ("keys list communication", "communication_tokens"),
        ("keys revoke communication --subject ana", "communication_token_holders"),
        ("webhook list communication", "communication_webhook_endpoints"),
    ],
)
def test_a_table_of_another_version_or_that_has_halted_is_not_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, table: str, change: str, reason: str
) -> None:
    for dsn in fresh_database(installed()):
        with connect_plain(dsn) as connection:
            connection.execute(f"update headwater.projections set {change} where name = '{table}'".encode())
        said = refused(capsys, command, DATA=str(tmp_path), POSTGRES=dsn)
        assert table in said
        assert reason in said


def test_a_rebuilt_table_of_another_version_or_that_has_halted_is_not_swapped_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, here = "communication_daily", {"DATA": str(tmp_path), "MASTER_KEY": "11" * 32}
    for dsn in fresh_database(installed()):
        assert run(capsys, f"projection rebuild {name}", POSTGRES=dsn, **here)[0] == 0
        with connect_plain(dsn) as connection:
            for change, reason in (
                ("version = 99", "is of version 99"),
                ("version = 1, halted_at = 'x'", "has halted"),
            ):
                connection.execute(f"update headwater.projections set {change} where state = 'shadow'".encode())
                assert reason in refused(capsys, f"projection swap {name}", POSTGRES=dsn, **here)


@pytest.mark.parametrize("option", ["--no-scope", "--tier gold", "--tenant acme", "--refresh", "--role owner"])
def test_an_option_that_a_surface_has_no_use_for_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    said = refused(capsys, f"keys issue communication {option}", DATA=str(tmp_path), TOKEN_SECRET=SECRET)
    assert f"communication has no use for {option.split(maxsplit=1)[0]}" in said


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("issue communication --lifetime 1h --days 1", "give either --lifetime or --days"),
        ("issue communication --lifetime soon", "a duration reads 30s, 15m, 2h or 3d"),
        ("issue communication --lifetime 0d", "a duration reads 30s, 15m, 2h or 3d"),
        ("revoke communication", "which token?"),
        ("revoke communication --subject a --id b", "which token?"),
        ("rotate", "the key is a setting"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: str, reason: str
) -> None:
    assert reason in refused(capsys, f"keys {arguments}", DATA=str(tmp_path), TOKEN_SECRET=SECRET)


def test_with_the_key_alone_a_token_is_issued_and_its_scopes_and_missing_record_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, token, said = run(
        capsys,
        "keys issue communication --subject ana --scope all --lifetime 12h",
        DATA=str(tmp_path / "nothing"),
        TOKEN_SECRET=SECRET,
    )
    assert code == 0
    claims = jwt.decode(token.strip(), bytes.fromhex(SECRET), ["HS256"], audience="communication")
    assert claims["exp"] - int(claims["iat"]) == 12 * 3600
    assert f"scopes: {claims['scope']}; subject ana;" in said
    assert f"id {claims['jti']} not on record, as no database answers" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["TOKEN_SECRET", "TOKEN_SECRET_NEXT", "MASTER_KEY", "SECRET"])
@pytest.mark.parametrize("value", ["00", "ab" * 16, "ab" * 33, "no hexadecimal"], ids=repr)
def test_a_secret_of_another_length_is_refused_without_being_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    said = refused(capsys, "status", DATA=str(tmp_path), **{name: value})
    assert f"HEADWATER_{name} " in said
    assert "must hold 32 bytes in hexadecimal (64 digits)" in said
    assert len(value) < 10 or value not in said


@pytest.mark.parametrize("content", [b"00", b"no hexadecimal\n", b"\xff\xfe", b""], ids=repr)
def test_a_key_file_of_another_length_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    (tmp_path / "token.key").write_bytes(content)
    said = refused(capsys, "keys issue communication", DATA=str(tmp_path))
    assert "token.key must hold 32 bytes in hexadecimal (64 digits)" in said
