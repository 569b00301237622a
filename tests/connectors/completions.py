"""Completions to ask for, and how to read a stream to its end or its failure."""

from __future__ import annotations

from typing import Any

from connectors.anthropic import AnthropicModel
from connectors.model import Finished, StreamedAnswer, TextChunk, UpstreamBroke
from domain.calls.completion import Completion, PromptMessage
from streams.core.calls import Verdict
from tests.imitations.anthropic import AnthropicServer
from tests.imitations.llm_server import Act

KEY = "sk-ant-secret-0123456789"
TEXT = "Neural networks are layered functions."


def completion(**given: Any) -> Completion:
    usual: dict[str, Any] = {
        "context": "gccp",
        "recipient_id": "550e8400-e29b-41d4-a716-446655440001",
        "reference": "generation-1",
        "model": "claude-sonnet-4-5-20250929",
        "max_tokens": 4000,
        "temperature": 0.7,
        "system": "You are an expert educator.",
        "messages": (PromptMessage(role="user", content="Explain neural networks"),),
    }
    return Completion(**(usual | given))


async def read(answer: StreamedAnswer) -> tuple[str, Finished | UpstreamBroke | None]:
    """The text that came, and how it ended."""
    texts: list[str] = []
    end: Finished | UpstreamBroke | None = None
    try:
        async for chunk in answer:
            match chunk:
                case TextChunk(text):
                    texts.append(text)
                case Finished():
                    end = chunk
    except UpstreamBroke as broke:
        end = broke
    return "".join(texts), end


async def answer_to(server: AnthropicServer, act: Act, **options: Any) -> Verdict:
    """What the connector makes of one scripted answer."""
    server.script(act)
    connector = AnthropicModel(KEY, server.url, **options)
    try:
        return await connector(completion(), "key-1")
    finally:
        await connector.close()
