"""The prompt for a language model, as an effect."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from domain.messages import Effect, Personal


class PromptMessage(BaseModel):
    """One turn of the conversation that a prompt holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Literal["user", "assistant"]
    content: str


class Completion(Effect, name="completion.v1", subject="recipient_id"):
    """A prompt to answer. It holds what a person wrote, so it belongs to that person (`context`, `recipient_id`).

    `temperature` goes only to models that accept one. `brief` and `step` are a structured twin of the prompt, for a
    writer that reads no prose.
    """

    context: str
    recipient_id: str
    reference: str
    model: str
    max_tokens: int
    temperature: float | None = None
    step: str | None = None
    system: Personal[str] = None
    messages: Personal[tuple[PromptMessage, ...]] = None
    brief: Personal[dict[str, JsonValue]] = None

    @property
    def subject(self) -> str | None:
        return f"{self.context}:{self.recipient_id}"
