"""The connectors of embeddings: OpenAI's format and Ollama's against imitations, and the built-in model itself."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from connectors.embed_local import DIMENSIONS, MODEL, LocalEmbeddings
from connectors.embed_ollama import OllamaEmbeddings
from connectors.embed_openai import OpenAiEmbeddings
from connectors.embeddings import Embedded, Embeddings
from connectors.providers import embeddings
from connectors.settings import EmbeddingSettings, ModelSettings
from streams.core.calls import Deferred, Rejected
from tests.imitations.llm_server import Act, LlmServer
from tests.imitations.ollama import OllamaServer
from tests.imitations.openai import API_KEY, OpenAiServer
from tests.imitations.vectors import vector_of

TEXTS = ["sleep well", "eat well", "run"]
Connected = tuple[LlmServer, Embeddings]


@pytest.fixture
async def openai() -> AsyncIterator[Connected]:
    async with OpenAiServer() as server:
        connector = OpenAiEmbeddings(server.url, API_KEY, timeout_seconds=0.5)
        yield server, connector
        await connector.close()


@pytest.fixture
async def ollama() -> AsyncIterator[Connected]:
    async with OllamaServer() as server:
        connector = OllamaEmbeddings(server.url, timeout_seconds=0.5)
        yield server, connector
        await connector.close()


@pytest.fixture(params=["openai", "ollama"])
def connected(request: pytest.FixtureRequest) -> Connected:
    found: Connected = request.getfixturevalue(request.param)
    return found


async def test_every_text_has_its_vector_whatever_the_order_of_the_answer(connected: Connected) -> None:
    _, connector = connected
    found = await connector.embed("nomic-embed-text", TEXTS)
    assert found == Embedded("nomic-embed-text", tuple(tuple(vector_of(text)) for text in TEXTS), 5)


async def test_openai_is_asked_as_it_documents(openai: Connected) -> None:
    server, connector = openai
    await connector.embed("text-embedding-3-small", TEXTS)
    [request] = server.received
    assert (request.method, request.path) == ("POST", "/v1/embeddings")
    assert request.headers["authorization"] == f"Bearer {API_KEY}"
    assert request.json == {"model": "text-embedding-3-small", "input": TEXTS, "encoding_format": "float"}


async def test_ollama_is_asked_as_it_documents_and_without_credentials(ollama: Connected) -> None:
    server, connector = ollama
    await connector.embed("nomic-embed-text", TEXTS)
    [request] = server.received
    assert (request.method, request.path) == ("POST", "/api/embed")
    assert "authorization" not in request.headers
    assert request.json == {"model": "nomic-embed-text", "input": TEXTS, "truncate": True}


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/", "/v1/embeddings"])
async def test_the_address_is_the_servers_or_the_endpoints(path: str) -> None:
    async with OpenAiServer() as server:
        connector = OpenAiEmbeddings(server.url + path, API_KEY)
        assert isinstance(await connector.embed("m", ["a"]), Embedded)
        await connector.close()
    assert [request.path for request in server.received] == ["/v1/embeddings"]


async def test_a_model_of_the_settings_is_used_whatever_model_is_named() -> None:
    async with OpenAiServer() as server:
        connector = OpenAiEmbeddings(server.url, API_KEY, "own-model")
        found = await connector.embed("named", ["a"])
        await connector.close()
    assert isinstance(found, Embedded)
    assert found.model == connector.model_for("named") == server.received[0].json["model"] == "own-model"


async def test_a_server_may_need_no_key() -> None:
    async with OpenAiServer() as server:
        connector = OpenAiEmbeddings(server.url)
        found = await connector.embed("m", ["a"])
        await connector.close()
    assert isinstance(found, Rejected)
    assert (found.code, "authorization" in server.received[0].headers) == ("credentials", False)
    assert found.reason == "Incorrect API key provided: None"


async def test_a_wrong_key_is_refused_and_stands_in_no_verdict() -> None:
    async with OpenAiServer() as server:
        connector = OpenAiEmbeddings(server.url, "sk-secret")
        found = await connector.embed("m", ["a"])
        await connector.close()
    assert found == Rejected("credentials", "Incorrect API key provided: Bearer [key]")


async def test_an_unknown_model_is_refused(connected: Connected) -> None:
    _, connector = connected
    found = await connector.embed("missing-model", ["a"])
    assert isinstance(found, Rejected)
    assert "missing-model" in found.reason


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_what_may_pass_is_deferred(connected: Connected, status: int) -> None:
    server, connector = connected
    server.script(Act(status=status, body={"error": "busy"}))
    assert isinstance(await connector.embed("m", ["a"]), Deferred)
    assert isinstance(await connector.embed("m", ["a"]), Embedded)


async def test_the_wait_that_a_server_asks_for_is_kept(connected: Connected) -> None:
    server, connector = connected
    server.script(Act(status=429, headers={"retry-after": "7"}, body={"error": {"message": "slow", "code": "limit"}}))
    found = await connector.embed("m", ["a"])
    assert isinstance(found, Deferred)
    assert found.after == 7


async def test_silence_is_deferred(connected: Connected) -> None:
    server, connector = connected
    server.script(Act(hang=True))
    found = await connector.embed("m", ["a"])
    assert isinstance(found, Deferred)
    assert "no answer came" in found.reason


async def test_nobody_there_is_deferred(nobody_there: int) -> None:
    connector = OllamaEmbeddings(f"http://127.0.0.1:{nobody_there}")
    found = await connector.embed("m", ["a"])
    await connector.close()
    assert isinstance(found, Deferred)


def answer_of(server: LlmServer, vectors: list[Any]) -> Any:
    if isinstance(server, OllamaServer):
        return {"embeddings": vectors}
    return {"data": [{"index": index, "embedding": vector} for index, vector in enumerate(vectors)]}


GOOD = [0.5, 0.5]
LIES: dict[str, list[Any]] = {
    "none": [],
    "fewer": [GOOD],
    "more": [GOOD] * 3,
    "other lengths": [GOOD, [0.5]],
    "empty": [[], []],
    "zeros": [GOOD, [0, 0]],
    "not a number": [GOOD, [float("nan"), 1]],
    "endless": [GOOD, [float("inf"), 1]],
    "strings": [GOOD, ["0.5", "0.5"]],
    "one text": [GOOD, "0.5"],
    "truth values": [GOOD, [True, False]],
    "nothing in it": [GOOD, [None, 1]],
    "nothing": [GOOD, None],
    "too many numbers": [[1.0] * 4_097] * 2,
}


@pytest.mark.parametrize("lie", LIES)
async def test_an_answer_that_lies_is_refused(connected: Connected, lie: str) -> None:
    server, connector = connected
    server.script(Act(body=answer_of(server, LIES[lie])))
    found = await connector.embed("m", ["a", "b"])
    assert isinstance(found, Rejected)
    assert found.code == "wrong_answer"
    assert " answered with " in found.reason


@pytest.mark.parametrize("body", ["no JSON", "[]", {}, {"data": 1}, {"data": [1]}, {"embeddings": {}}])
async def test_an_answer_of_another_form_is_refused(connected: Connected, body: Any) -> None:
    server, connector = connected
    server.script(Act(body=body))
    assert isinstance(await connector.embed("m", ["a"]), Rejected)


@pytest.mark.parametrize("indices", [[0, 0], [1, 2], [0, None], [0, "x"], [0, 0.5]])
async def test_vectors_that_do_not_say_whose_they_are_are_refused(openai: Connected, indices: list[Any]) -> None:
    server, connector = openai
    server.script(Act(body={"data": [{"index": index, "embedding": GOOD} for index in indices]}))
    assert isinstance(await connector.embed("m", ["a", "b"]), Rejected)


@pytest.fixture(scope="module")
def local() -> LocalEmbeddings:
    return LocalEmbeddings()


async def test_the_built_in_model_finds_the_text_that_is_meant(local: LocalEmbeddings) -> None:
    texts = ["How do I sleep better?", "Tips for a good night's rest", "Our prices and refunds"]
    found = await local.embed("nomic-embed-text", texts)
    assert isinstance(found, Embedded)
    assert (found.model, local.model_for("nomic-embed-text")) == (MODEL, MODEL)
    assert {len(vector) for vector in found.vectors} == {DIMENSIONS}
    assert found.tokens > 10
    asked, rest, prices = found.vectors
    assert likeness(asked, rest) > likeness(asked, prices)


def likeness(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    return float(product / (sum(a * a for a in one) * sum(b * b for b in other)) ** 0.5)


async def test_a_text_has_the_same_vector_alone_and_among_others(local: LocalEmbeddings) -> None:
    alone, together = await local.embed("", ["short"]), await local.embed("", ["a much longer text " * 300, "short"])
    assert isinstance(alone, Embedded)
    assert isinstance(together, Embedded)
    assert alone.vectors[0] == together.vectors[1]


async def test_a_text_without_tokens_has_no_vector(local: LocalEmbeddings) -> None:
    assert isinstance(await local.embed("", [""]), Rejected)


async def test_texts_may_be_embedded_at_the_same_time() -> None:
    fresh = LocalEmbeddings()
    found = await asyncio.gather(*(fresh.embed("", [f"text {number % 2}"]) for number in range(6)))
    assert found == [found[0], found[1]] * 3
    assert found[0] != found[1]


async def test_a_model_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("connectors.embed_local._package", lambda: tmp_path)
    found = await LocalEmbeddings().embed("", ["a"])
    assert found == Rejected("no_model", "the built-in model is not installed (FileNotFoundError)")


PROGRAM = """
import asyncio, json, socket, sys
from connectors.embed_local import LocalEmbeddings
assert not {"numpy", "tokenizers", "safetensors"} & set(sys.modules)
socket.socket.connect = None
found = asyncio.run(LocalEmbeddings().embed("", ["a text"]))
print(json.dumps([len(found.vectors), [name for name in ("wordllama", "requests", "httpx") if name in sys.modules]]))
"""


def test_the_built_in_model_is_loaded_late_without_a_network_or_its_package() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[1, []]"


@pytest.mark.parametrize(
    ("variables", "provider"),
    [
        ({}, "local"),
        ({"OLLAMA_BASE_URL": "http://127.0.0.1:1"}, "ollama"),
        ({"OLLAMA_BASE_URL": "http://127.0.0.1:1", "CREATOR_HUB_EMBEDDINGS_URL": "http://127.0.0.1:2"}, "openai"),
    ],
)
async def test_the_first_that_is_set_is_used(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], provider: str
) -> None:
    for name in ("OLLAMA_BASE_URL", "CREATOR_HUB_EMBEDDINGS_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    chosen = embeddings(EmbeddingSettings(), ModelSettings())
    assert chosen.provider == provider
    await chosen.close()


async def test_the_servers_key_and_model_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    async with OpenAiServer() as server:
        for name, value in {"URL": f"{server.url}/v1", "KEY": API_KEY, "MODEL": "own"}.items():
            monkeypatch.setenv(f"CREATOR_HUB_EMBEDDINGS_{name}", value)
        chosen = embeddings(EmbeddingSettings(), ModelSettings())
        found = await chosen.embed("named", ["a"])
        await chosen.close()
    assert isinstance(found, Embedded)
    assert found.model == "own"
