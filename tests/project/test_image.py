"""The files that the image is built from, and the wheel: installed alone, with every role started from them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import time
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.databases import fresh_database
from tests.project.pages import ROOT, copy_tree, tracked
from tests.streams.kafka.broker import Kafka, free_port
from tests.streams.kafka.runtime import new_cluster

NOT_INSTALLED = {"tests", "bench", "docs", "deploy"}
COMMANDS = ("up", "api", "processor", "projector", "worker", "live", "move", "status", "topics", "keys", "journal")
ROLES = ("processor", "projector", "worker", "live", "api")
PATIENCE_SECONDS = 120.0


def in_context(path: str) -> bool:
    """Whether `.dockerignore` lets a file through: the last pattern that fits it, or a folder above it, decides."""
    parts, let_in = path.split("/"), True
    above = ["/".join(parts[:number]) for number in range(1, len(parts) + 1)]
    for line in (ROOT / ".dockerignore").read_text().split():
        pattern = re.escape(line.removeprefix("!")).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
        if any(re.fullmatch(pattern, one) for one in above):
            let_in = line.startswith("!")
    return let_in


def build_wheel(tree: Path, target: Path) -> Path:
    """The wheel of a tree, as `pip install .` makes it."""
    return target / _build("build_wheel", tree, target)


def build_sdist(tree: Path, target: Path) -> Path:
    """A tree again: what a source distribution of the tree holds."""
    with tarfile.open(target / _build("build_sdist", tree, target)) as archive:
        archive.extractall(target, filter="data")
    (unpacked,) = (path for path in target.iterdir() if path.is_dir())
    return unpacked


def _build(what: str, tree: Path, target: Path) -> str:
    target.mkdir(parents=True, exist_ok=True)
    script = f"import sys; from setuptools import build_meta; print(build_meta.{what}(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", script, str(target)], cwd=tree, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1]


def files_of(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that the image installs: of the files that its build gets, and no others."""
    context = tmp_path_factory.mktemp("context") / "src"
    for path in filter(in_context, tracked()):
        (context / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, context / path)
    return build_wheel(context, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `headwater` command of an environment with that wheel and the packages it needs, and nothing of this tree."""
    directory = tmp_path_factory.mktemp("environment")
    venv.create(directory, with_pip=False)
    (site,) = directory.glob("lib/python*/site-packages")
    (site / "needed.pth").write_text(sysconfig.get_path("purelib") + "\n")  # a bare path: its own .pth files count not
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    command = directory / "bin" / "headwater"
    command.write_text(f"#!{directory}/bin/python\nfrom cli import main\nmain()\n")
    command.chmod(0o755)
    return command


def environment(directory: Path, **variables: str) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {**plain, "HEADWATER_DATA": str(directory / "data"), "HEADWATER_LOG_LEVEL": "warning", **variables}


def test_the_image_installs_every_file_of_the_product(wheel: Path) -> None:
    wanted = {path for path in tracked() if "/" in path and path.split("/")[0] not in NOT_INSTALLED}
    modules = {f"{name}.py" for name in ("bootstrap", "cli", "installation_secrets", "settings")}
    wanted = {path for path in wanted if not path.startswith(".")} | modules
    assert files_of(wheel) == wanted


def test_the_wheel_of_a_source_distribution_holds_the_same_files(
    wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tree = copy_tree(tmp_path_factory.mktemp("tree"))
    again = build_wheel(build_sdist(tree, tree / "dist"), tree / "wheel")
    assert files_of(again) == files_of(wheel)


def test_every_command_shows_its_help_in_an_environment_with_nothing_else(installed: Path, tmp_path: Path) -> None:
    for command in COMMANDS:
        shown = subprocess.run(
            [installed, command, "--help"],
            cwd=tmp_path,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )
        assert shown.returncode == 0, shown.stderr
        assert "Usage: " in shown.stdout


@pytest.mark.faults
def test_everything_in_one_process_starts_there(installed: Path, tmp_path: Path) -> None:
    port = str(free_port())
    process = start(installed, tmp_path, "up", HEADWATER_PORT=port)
    try:
        until_answers(f"http://127.0.0.1:{port}/ready", process, tmp_path / "up.txt")
    finally:
        process.terminate()
        assert process.wait(60) == 0


@pytest.fixture
def variables(kafka: Kafka) -> Iterator[dict[str, str]]:
    cluster, databases = new_cluster(kafka), fresh_database()
    yield {
        "HEADWATER_KAFKA": cluster.bootstrap,
        "HEADWATER_PREFIX": cluster.prefix,
        "HEADWATER_POSTGRES": next(databases),
        "HEADWATER_REPLICAS": "1",
        "HEADWATER_MIN_INSYNC": "1",
    }
    next(databases, None)


@pytest.mark.faults
def test_every_role_starts_there(installed: Path, tmp_path: Path, variables: dict[str, str]) -> None:
    made = subprocess.run(
        [installed, "topics", "create"], cwd=tmp_path, env=environment(tmp_path, **variables), check=False
    )
    assert made.returncode == 0
    ports = {role: str(free_port()) for role in ROLES}
    running = {}
    try:
        for role, port in ports.items():
            given = {"HEADWATER_PORT": port, "HEADWATER_METRICS_PORT": port}
            running[role] = start(installed, tmp_path, role, **variables, **given)
        for role, port in ports.items():
            until_answers(f"http://127.0.0.1:{port}/health", running[role], tmp_path / f"{role}.txt")
        until_answers(f"http://127.0.0.1:{ports['api']}/ready", running["api"], tmp_path / "api.txt")
    finally:
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.wait(60)


def start(installed: Path, directory: Path, role: str, **variables: str) -> subprocess.Popen[bytes]:
    with (directory / f"{role}.txt").open("wb") as output:
        given = environment(directory, **variables)
        return subprocess.Popen([installed, role], cwd=directory, env=given, stdout=output, stderr=output)


def until_answers(url: str, process: subprocess.Popen[bytes], output: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < deadline, output.read_text()
        try:
            if httpx2.get(url, timeout=5).status_code == 200:
                return
        except httpx2.HTTPError:
            time.sleep(0.1)
