"""Exports: a verifier on the standard library alone finds every changed byte."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.audit import offline
from streams.audit.export import VERIFIER, export
from streams.audit.offline import Broken, Line, read, verify_export, written
from streams.audit.signed_heads import public_bytes, sign_heads
from tests.contract.runtimes import START
from tests.streams.audit.logs import Log, of_the_first_version, rechained, store, usual

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
FILE = "shelf.1.ndjson"


@pytest.fixture
def taken(log: Log, tmp_path: Path) -> Path:
    """An export of the usual log, signed."""
    export(log, tmp_path / "export", START, "1.2.3", KEY)
    return tmp_path / "export"


def run(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The verifier as an auditor runs it: isolated, out of the export itself."""
    command = [sys.executable, "-I", str(directory / VERIFIER), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_an_export_verifies_itself_with_nothing_installed(taken: Path) -> None:
    done = run(taken)
    assert (done.returncode, done.stderr) == (0, "")
    assert "shelf/1: 10 records, signed up to 10" in done.stdout
    assert done.stdout.endswith("whole\n")


def test_the_verifier_imports_nothing_but_the_standard_library(taken: Path) -> None:
    probe = "import runpy, sys; runpy.run_path(sys.argv[1]); print(*{name.partition('.')[0] for name in sys.modules})"
    command = [sys.executable, "-I", "-c", probe, str(taken / VERIFIER)]
    plain = {*sys.stdlib_module_names, "__main__", "__mp_main__"}
    bare = subprocess.run(
        [sys.executable, "-I", "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert set(loaded) <= plain | {name.partition(".")[0] for name in bare.stdout.split()}


def test_the_manifest_says_what_was_taken_when_and_with_what(taken: Path) -> None:
    manifest = json.loads((taken / "manifest.json").read_text())
    assert manifest["tool"] == {"name": "headwater", "version": "1.2.3"}
    assert manifest["exported_at"] == START.isoformat()
    assert [(p["context"], p["partition"], p["records"]) for p in manifest["partitions"]] == [
        ("shelf", 1, 10),
        ("shelf", 0, 0),
        ("shelf", 2, 0),
        ("shelf", 3, 0),
    ]


def test_a_line_can_be_read_by_anybody(taken: Path) -> None:
    first = json.loads((taken / FILE).read_text().splitlines()[0])
    assert (first["name"], first["stream"], first["actor"]) == ("shelf.jar.opened.v1", "jar/plums", "client:ada")
    assert json.loads(first["data"])["jar"] == "plums"
    assert "garden" not in first["data"]


@pytest.mark.parametrize("format_", ["headwater.export.v1", "headwater.export.v2"])
def test_an_export_of_either_format_is_read(log: Log, tmp_path: Path, format_: str) -> None:
    if format_ == "headwater.export.v1":
        store(log, of_the_first_version(usual()))
    export(log, tmp_path / "export", START, "1.2.3")
    rewrite_format(tmp_path / "export", format_)
    assert run(tmp_path / "export").stdout.endswith("whole\n")


def test_an_export_of_a_format_that_is_not_known_is_refused_in_a_sentence(taken: Path) -> None:
    assert json.loads((taken / "manifest.json").read_text())["format"] == "headwater.export.v2"
    rewrite_format(taken, "headwater.export.v3")
    done = run(taken)
    assert done.returncode == 1
    assert "an export of format headwater.export.v3; this program reads headwater.export.v1 and" in done.stderr
    assert "Traceback" not in done.stderr


def rewrite_format(directory: Path, format_: str) -> None:
    manifest = directory / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format": format_}))


def test_an_export_into_a_directory_that_holds_something_is_refused(log: Log, tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    with pytest.raises(FileExistsError):
        export(log, tmp_path, START, "1.2.3")


def test_heads_signed_before_are_taken_along(log: Log, tmp_path: Path) -> None:
    sign_heads(log, KEY, START)
    manifest = export(log, tmp_path / "export", START, "1.2.3")
    assert [head["sequence"] for head in manifest["signed_heads"]] == [10]
    assert run(tmp_path / "export", "--key", public_bytes(KEY).hex()).returncode == 0


def test_an_export_without_signatures_is_whole_but_not_for_somebody_who_trusts_a_key(log: Log, tmp_path: Path) -> None:
    export(log, tmp_path / "export", START, "1.2.3")
    assert run(tmp_path / "export").returncode == 0
    assert "no head of this partition is signed" in run(tmp_path / "export", "--key", "00" * 32).stderr


def test_an_export_signed_by_somebody_else_is_not_whole_for_who_trusts_a_key(taken: Path) -> None:
    assert run(taken, "--key", public_bytes(KEY).hex()).returncode == 0
    done = run(taken, "--key", "00" * 32)
    assert (done.returncode, "not trusted" in done.stderr) == (1, True)


def test_an_export_of_a_broken_log_says_where_it_is_broken(log: Log, tmp_path: Path) -> None:
    log.execute("update headwater.journal set actor = 'client:eve' where sequence = 4")
    export(log, tmp_path / "export", START, "1.2.3")
    assert "BROKEN at shelf/1/4" in run(tmp_path / "export").stderr


def test_records_of_a_partition_without_a_head_are_exported_and_found(log: Log, tmp_path: Path) -> None:
    log.execute("update headwater.journal set partition = 77 where sequence = 10")
    export(log, tmp_path / "export", START, "1.2.3")
    assert (tmp_path / "export" / "shelf.77.ndjson").exists()
    assert "BROKEN at shelf/1/10" in run(tmp_path / "export").stderr


def test_a_log_rewritten_chain_manifest_and_all_is_found_by_the_signature(log: Log, taken: Path) -> None:
    store(log, rechained(record._replace(actor="client:eve") for record in usual()))
    forged = export(log, taken.parent / "forged", START, "1.2.3")
    genuine = json.loads((taken / "manifest.json").read_text())
    (taken.parent / "forged" / "manifest.json").write_text(
        json.dumps(forged | {"signed_heads": genuine["signed_heads"]})
    )
    assert "BROKEN at shelf/1/10: another hash was signed here" in run(taken.parent / "forged").stderr


def test_a_gap_in_a_stream_is_found_offline_too(log: Log, tmp_path: Path) -> None:
    store(log, rechained(r._replace(version=r.version + (r.stream == "jar/plums" and r.version > 1)) for r in usual()))
    export(log, tmp_path / "export", START, "1.2.3")
    assert "BROKEN at shelf/1/4: jar/plums goes from version 1 to 3" in run(tmp_path / "export").stderr


def lines_of(taken: Path) -> list[bytes]:
    return (taken / FILE).read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize(
    ("keep", "sequence"),
    [
        (lambda lines: lines[:3] + lines[4:], 4),
        (lambda lines: lines[:9], 10),
        (lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]], 4),
        (lambda lines: [*lines, lines[9]], 10),
        (lambda lines: [*lines[:9], lines[9][:-1]], 10),
        (lambda _: [], 1),
    ],
)
def test_lines_taken_out_swapped_or_doubled_are_found(taken: Path, keep: object, sequence: int) -> None:
    assert callable(keep)
    (taken / FILE).write_bytes(b"".join(keep(lines_of(taken))))
    assert f"BROKEN at shelf/1/{sequence}:" in run(taken).stderr


@pytest.mark.parametrize(
    ("written_as", "instead"), [(b'","key":', b'", "key":'), (b'"hash":"', b'"hash":" '), (b"ada", b"\\u0061da")]
)
def test_a_line_that_means_the_same_but_is_written_otherwise_is_found(
    taken: Path, written_as: bytes, instead: bytes
) -> None:
    lines = lines_of(taken)
    lines[3] = lines[3].replace(written_as, instead, 1)
    (taken / FILE).write_bytes(b"".join(lines))
    assert "BROKEN at shelf/1/4: not written as an export writes it" in run(taken).stderr


@pytest.mark.parametrize("entry", [{"sha256": "00"}, {"records": 11}])
def test_a_manifest_that_describes_another_file_is_found(taken: Path, entry: dict[str, object]) -> None:
    manifest = json.loads((taken / "manifest.json").read_text())
    manifest["partitions"][0] |= entry
    (taken / "manifest.json").write_text(json.dumps(manifest))
    assert "BROKEN at shelf/1/10: the file is not the one" in run(taken).stderr


def test_a_missing_file_or_manifest_is_said_plainly(taken: Path) -> None:
    (taken / FILE).unlink()
    assert "not a readable export" in run(taken).stderr
    (taken / "manifest.json").write_text("{}")
    assert run(taken).returncode == 1


@pytest.fixture(scope="module")
def shared(open_database: Log, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store(open_database, usual())
    directory = tmp_path_factory.mktemp("shared") / "export"
    export(open_database, directory, START, "1.2.3", KEY)
    return directory


@given(data=st.data())
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_byte_changed_in_a_file_is_found_in_its_line(shared: Path, data: st.DataObject) -> None:
    whole = (shared / FILE).read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1), "place")
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[place]), "byte")
    try:
        (shared / FILE).write_bytes(whole[:place] + bytes([other]) + whole[place + 1 :])
        with pytest.raises(Broken) as broken:
            list(verify_export(shared))
        assert broken.value.fault.sequence == whole[:place].count(b"\n") + 1
    finally:
        (shared / FILE).write_bytes(whole)


TEXTS = st.text(st.characters(codec="utf-8"))


@given(text=TEXTS, data=st.binary(), number=st.integers(0, 2**62), cause=st.none() | st.uuids().map(str))
def test_a_line_is_read_as_it_was_written(text: str, data: bytes, number: int, cause: str | None) -> None:
    id_ = str(UUID(int=number))
    line = Line(text, 1, number, id_, text, text, number, text, cause, id_, cause, id_, text, text, data, data)
    assert read(written(line)) == line


def test_the_verifier_in_an_export_is_the_file_that_is_tested_here(taken: Path) -> None:
    assert (taken / VERIFIER).read_bytes() == Path(offline.__file__).read_bytes()
