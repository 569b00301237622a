"""A third product, made of files in its own rooms and one line: taken through both runtimes.

Its files are in `tests/third`, laid out as in the tree. They are put into a copy of the tree, which then runs as an
operator would run it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from tests.imitations.webhook_sink import WebhookSink
from tests.streams.kafka.broker import Kafka, free_port
from tests.streams.kafka.runtime import new_cluster

pytestmark = pytest.mark.faults
ROOT = Path(__file__).parents[2]
THIRD = ROOT / "tests" / "third"
ROOMS = (
    "api",
    "commandline",
    "commands",
    "connectors",
    "content",
    "documents",
    "domain",
    "effects",
    "products",
    "projections",
    "streams",
    "tests/project",
)
FILES = ("bootstrap.py", "cli.py", "settings.py", "pyproject.toml")
LISTED = "PRODUCTS: tuple[Product, ...] = ("
PATIENCE_SECONDS = 60.0
ENTRY = {"text": "It was lovely here.", "phone_number": "+15550001111"}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree with the third product in it. Nothing that was there is changed but the list of products."""
    copy = tmp_path_factory.mktemp("tree")
    for room in ROOMS:
        shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    for file in FILES:
        shutil.copy(ROOT / file, copy / file)
    for path in (path for path in THIRD.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        target = copy / path.relative_to(THIRD)
        assert not target.exists(), f"{target} is there already"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    listed = (copy / "products" / "__init__.py").read_text()
    added = "from products.guestbook import GUESTBOOK\n" + listed.replace(LISTED, f"{LISTED}GUESTBOOK, ")
    (copy / "products" / "__init__.py").write_text(added.replace("from __future__ import annotations\n", ""))
    return copy


class Installed(NamedTuple):
    """The installation with three products: where its program is, its settings, and its address."""

    tree: Path
    environment: dict[str, str]
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def says(self, *arguments: str) -> str:
        """What a `headwater` command prints that must succeed."""
        done = subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            cwd=self.tree,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @contextmanager
    def running(self, role: str) -> Iterator[None]:
        """A role as a process of its own."""
        with (Path(self.environment["HEADWATER_DATA"]).parent / f"{role}.txt").open("ab") as words:
            process = subprocess.Popen(
                [sys.executable, "-m", "cli", role], cwd=self.tree, env=self.environment, stdout=words, stderr=words
            )
        try:
            yield
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)


def installed(tree: Path, data: Path, **settings: str) -> Installed:
    port = free_port()
    own = {"DATA": str(data), "PORT": str(port), "ALLOW_PRIVATE_WEBHOOKS": "true", "LOG_LEVEL": "warning"} | settings
    environment = os.environ | {f"HEADWATER_{name}": value for name, value in own.items()}
    return Installed(tree, environment | {"PYTHONDONTWRITEBYTECODE": "1"}, port)


def until(condition: Callable[[], bool], complaint: str) -> None:
    """Returns once the condition holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.05)


def answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=5).status_code == 200
    except httpx2.HTTPError:
        return False


def sign_and_follow(there: Installed, sink: WebhookSink) -> None:
    """An entry through the whole product: command, event, read model, effect, reply, webhook, live figures."""
    until(lambda: answers(f"{there.url}/ready"), "the product does not answer")
    _, sink.secrets["/guests"] = there.says("webhook", "add", "guestbook", f"{sink.url}/guests").split()
    bearer = {"Authorization": f"Bearer {there.says('keys', 'issue', 'guestbook', '--subject', 'ada')}"}
    with httpx2.Client(base_url=f"{there.url}/guestbook/api", headers=bearer, timeout=PATIENCE_SECONDS) as client:
        refused = client.post("/entries", json=ENTRY | {"text": "x" * 281})
        assert (refused.status_code, refused.json()) == (
            422,
            {"error": "an entry has at most 280 characters, this one has 281"},
        )
        signed = client.post("/entries", json=ENTRY, headers={"Idempotency-Key": "first"})
        assert signed.status_code == 200, signed.text
        again = client.post("/entries", json=ENTRY, headers={"Idempotency-Key": "first"})
        assert again.json() == signed.json()
        until(lambda: client.get("/entries").json()["entries"][0]["thanked"] is True, "the author was not thanked")
        (entry,) = client.get("/entries").json()["entries"]
    assert (entry["author"], entry["text"]) == ("ada", ENTRY["text"])
    (thanks,) = Path(there.environment["HEADWATER_DATA"]).glob("outbox/sms-*.json")
    assert ENTRY["phone_number"] in thanks.read_text()
    until(lambda: told(sink) == {"entry.signed", "entry.thanked"}, "the webhooks did not come")
    assert "guestbook_entries" in there.says("projection", "list")
    assert "guestbook.entry.signed.v1" in there.says("audit", "events", "guestbook_entries", entry["entry_id"])
    assert "erased" in there.says("erase", "guestbook:ada")
    assert "whole" in there.says("audit", "verify")


def told(sink: WebhookSink) -> set[str]:
    return {received.content["type"] for received in sink.journal.received}


def test_it_runs_in_one_process(tree: Path, tmp_path: Path) -> None:
    there = installed(tree, tmp_path / "data")
    with WebhookSink() as sink, there.running("up"):
        sign_and_follow(there, sink)
        live: dict[str, Any] = httpx2.get(f"{there.url}/live", timeout=5).json()
    assert "guestbook" in str(live)


def test_it_runs_on_kafka(tree: Path, tmp_path: Path, kafka: Kafka, database: str) -> None:
    cluster = new_cluster(kafka)
    there = installed(
        tree,
        tmp_path / "data",
        KAFKA=cluster.bootstrap,
        PREFIX=cluster.prefix,
        POSTGRES=database,
        REPLICAS="1",
        MIN_INSYNC="1",
        PARTITIONS="2",
    )
    assert cluster.events("guestbook") in there.says("topics", "create")
    with WebhookSink() as sink, ExitStack() as stack:
        for role in ("processor", "projector", "worker", "api"):
            stack.enter_context(there.running(role))
        sign_and_follow(there, sink)


@pytest.mark.parametrize("file", ["test_rooms.py"])
def test_it_keeps_the_rules_of_the_house(tree: Path, file: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", f"tests/project/{file}", "-p", "no:cacheprovider"],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS * 2,
    )
    assert done.returncode == 0, done.stdout
    assert "guestbook" in done.stdout or "passed" in done.stdout


def test_its_types_are_checked_like_any_other(tree: Path) -> None:
    files = [str(path.relative_to(THIRD)) for path in THIRD.rglob("*.py")]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--follow-imports=silent", *files],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS * 5,
    )
    assert done.returncode == 0, done.stdout
