"""Why a message was sent, held, redirected or not sent: read from the journal alone, each input linked to its event."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple, cast
from uuid import UUID

from psycopg import AsyncConnection

from domain.communication.decision import Decision
from domain.communication.explanation import told
from domain.communication.message import DeliveryEvent, MessageEvent, ReceiptNoted
from projections.communication.journal import Written, events_of
from streams.database import Row

REFERENCES = ("consent", "preferences", "suppression")
"""Inputs that are the version of an event in the recipient's stream."""


class Link(NamedTuple):
    """An event in the log."""

    stream: str
    version: int
    event_id: UUID
    position: str
    name: str
    at: datetime


class Rule(NamedTuple):
    """What one rule said. `evidence` are the events behind its inputs, by the input's name."""

    rule: str
    version: int
    verdict: str
    channel: str | None
    reason: str
    inputs: dict[str, Any]
    evidence: dict[str, Link]


class Happening(NamedTuple):
    """One event of the message, as a sentence, with the rules that decided it where it was a decision."""

    sentence: str
    event: Link
    rules: list[Rule]


class Explanation(NamedTuple):
    """`sentence` sums up the latest decision and what came of it; `history` is everything, the oldest first."""

    sentence: str
    history: list[Happening]


async def explanation_of(connection: AsyncConnection[Row], message_id: UUID) -> Explanation | None:
    """The explanation of a message, None if there is no such message."""
    written = await events_of(connection, f"message/{message_id}", without=(ReceiptNoted,))
    if not written:
        return None
    evidence = await _evidence(connection, written)
    history = [happening for one in written if (happening := _happening(one, evidence)) is not None]
    return Explanation(_summary(written), history)


def _summary(written: list[Written]) -> str:
    """The last decision and the last word on what came of it."""
    facts = [cast(MessageEvent, one.fact) for one in written]
    decided = [told(fact) for fact in facts if not isinstance(fact, DeliveryEvent)]
    after = [told(fact) for fact in facts if isinstance(fact, DeliveryEvent)]
    sentences = [sentence for sentence in decided if sentence][-1:] + [sentence for sentence in after if sentence][-1:]
    return " ".join(sentences)


async def _evidence(connection: AsyncConnection[Row], written: list[Written]) -> dict[int, Link]:
    """The events of the recipient's stream that the decisions refer to, by version."""
    versions = {
        step.inputs[name]
        for one in written
        for step in _decision(one).steps
        for name in REFERENCES
        if step.inputs.get(name)
    }
    if not versions:
        return {}
    user_id = cast(MessageEvent, written[0].fact).user_id
    found = await events_of(connection, f"recipient/{user_id}", versions=sorted(versions))
    return {one.version: _link(one) for one in found}


def _decision(written: Written) -> Decision:
    decision: Decision | None = getattr(written.fact, "decision", None)
    return decision if decision is not None else Decision(verdict="allow")


def _happening(written: Written, evidence: dict[int, Link]) -> Happening | None:
    sentence = told(cast(MessageEvent, written.fact))
    if sentence is None:
        return None
    return Happening(sentence, _link(written), _rules(_decision(written), evidence))


def _rules(decision: Decision, evidence: dict[int, Link]) -> list[Rule]:
    return [
        Rule(
            step.rule, step.version, step.verdict, step.channel, step.reason, dict(step.inputs),
            {name: evidence[step.inputs[name]] for name in REFERENCES if step.inputs.get(name) in evidence},
        )
        for step in decision.steps
    ]  # fmt: skip


def _link(written: Written) -> Link:
    fact = written.fact
    return Link(written.stream, written.version, written.event_id, str(written.position), fact.name, fact.at)
