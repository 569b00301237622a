"""Answers to members: passages are searched, a prompt is made of them, and the language model is asked."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple, Protocol

import psycopg
from psycopg_pool import PoolTimeout

from commands.creator_hub.effects import AnswerMember
from commands.creator_hub.replies import LONGEST_REPLY, NO_MODEL, NOTHING_FOUND
from connectors.chat import ERASED
from content.creator_hub.prompts import PROMPT_VERSION, Passage, Question, Spoken, prompt_of
from domain.calls.completion import Completion
from domain.creator_hub.reply import Citation, Usage
from domain.social.text import shortened
from effects.lookup import AWAY, BEHIND
from projections.creator_hub.messages import InteractionType, SpokenMessage, conversation
from projections.creator_hub.queries.users import UserRow, user_by_id
from streams.core.calls import Accepted, Connector, Deferred, Rejected, Verdict
from streams.core.clock import SystemClock
from streams.postgres.reads import Reads

PASSAGES = 6
CONVERSATION = 20
"""The member's last messages that the model sees."""

MAX_TOKENS = 1_200


class FoundPassage(NamedTuple):
    """A passage that a search has found, with its score."""

    document_id: str
    chunk_id: str
    title: str
    content: str
    score: float


class Search(Protocol):
    """Search in a creator's documents; in all bases where none is named. Raises psycopg.Error, PoolTimeout."""

    async def __call__(
        self, creator_id: str, question: str, knowledge_base_ids: Sequence[str], limit: int
    ) -> Sequence[FoundPassage]: ...

    async def close(self) -> None: ...


class Known(NamedTuple):
    """What is known for an answer."""

    member: UserRow
    spoken: Sequence[SpokenMessage]
    passages: Sequence[FoundPassage]


class MemberAnswers:
    """Answers one member. Asking again costs again, but answers nobody twice: the reply counts once."""

    idempotent = True

    def __init__(self, dsn: str, search: Search, model: Connector[Completion] | None, name: str) -> None:
        self._reads = Reads(dsn, size=2)
        self._search = search
        self._model = model
        self._name = name
        self.provider = "none" if model is None else model.provider

    async def __call__(self, effect: AnswerMember, key: str) -> Verdict:
        if effect.text is None:
            return ERASED
        if self._model is None:
            return Rejected(NO_MODEL, "no language model is configured")
        try:
            known = await self._known(effect, effect.text)
        except (psycopg.Error, PoolTimeout):
            return AWAY
        if known is None:
            return BEHIND
        if effect.only_knowledge and not known.passages:
            return Rejected(NOTHING_FOUND, "nothing in the documents answers it")
        verdict = await self._model(self._completion(effect, effect.text, known), key)
        return _answer(verdict, known.passages, self._name) if isinstance(verdict, Accepted) else verdict

    async def _known(self, effect: AnswerMember, text: str) -> Known | None:
        await self._reads.open()
        async with self._reads.connection() as connection:
            member = await user_by_id(connection, effect.creator_id, effect.user_id, SystemClock().now())
            spoken = await conversation(connection, effect.creator_id, effect.user_id, CONVERSATION)
        if member is None:
            return None
        found = await self._search(effect.creator_id, text, effect.knowledge_base_ids, PASSAGES)
        return Known(member, spoken, found)

    def _completion(self, effect: AnswerMember, text: str, known: Known) -> Completion:
        question = Question(
            fence=f"=== {secrets.token_hex(8)} ===",
            text=text,
            instruction=effect.cause.program_id is not None,
            language=known.member.language,
            profile=known.member.profile,
            passages=[Passage(one.title, one.content) for one in known.passages],
            conversation=[Spoken(one.type is InteractionType.RECEIVED, one.text) for one in known.spoken if one.text],
            cite_sources=effect.cite_sources,
            only_knowledge=effect.only_knowledge,
        )
        prompt = prompt_of(question)
        return Completion(
            context="creator_hub",
            recipient_id=effect.user_id,
            reference=effect.reply_id,
            model=self._name,
            max_tokens=MAX_TOKENS,
            system=prompt.system,
            messages=prompt.messages,
        )

    async def close(self) -> None:
        await self._reads.close()
        await self._search.close()
        if self._model is not None:
            await self._model.close()


def _answer(verdict: Accepted, passages: Sequence[FoundPassage], name: str) -> Verdict:
    output = verdict.output or {}
    text = shortened(str(output.get("text", "")).strip(), LONGEST_REPLY)
    if not text:
        return Deferred("empty_answer", "the model has answered nothing")
    return Accepted(
        verdict.provider_id,
        {
            "text": text,
            "citations": [_citation(one).model_dump(mode="json") for one in passages],
            "prompt_version": PROMPT_VERSION,
            "model": str(output.get("model") or name),
            "usage": _usage(output).model_dump(),
        },
    )


def _citation(passage: FoundPassage) -> Citation:
    digest = sha256(passage.content.encode()).hexdigest()
    return Citation(
        document_id=passage.document_id, chunk_id=passage.chunk_id, hash=digest, score=round(passage.score, 6)
    )


def _usage(output: dict[str, Any]) -> Usage:
    counts = {key: output.get(key) for key in ("input_tokens", "output_tokens", "cost_microcents")}
    return Usage.model_validate({key: count for key, count in counts.items() if isinstance(count, int)})
