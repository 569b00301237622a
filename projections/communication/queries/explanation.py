"""The explanation of a message, read from the journal alone, with each input linked to its event."""

from __future__ import annotations

from typing import NamedTuple, cast
from uuid import UUID

from psycopg import AsyncConnection

from domain.communication.decision import DecisionStep
from domain.communication.delivery import DeliveryEvent, ReceiptNoted
from domain.communication.explanation import describe
from domain.communication.message import MessageEvent
from projections.communication.queries.evidence import Evidence, Source, decision_in, evidence_of
from projections.communication.queries.journal import events_of
from projections.journal import JournalEvent, Link, link
from streams.core.mapper import Mapper
from streams.core.read_models import Row


class ExplainedRule(NamedTuple):
    """The verdict of one rule. `sources` and `evidence` give the source and the events of each input, by its name."""

    rule: str
    version: int
    verdict: str
    channel: str | None
    reason: str
    inputs: dict[str, object]
    sources: dict[str, Source]
    evidence: dict[str, Link | list[Link]]


class ExplainedEvent(NamedTuple):
    """One event of the message, as a sentence; a decision has its rules."""

    sentence: str
    event: Link
    rules: list[ExplainedRule]


class Explanation(NamedTuple):
    """An explanation. `sentence` sums up the latest decision and its outcome; `history` begins with the oldest."""

    sentence: str
    history: list[ExplainedEvent]


async def explanation_of(connection: AsyncConnection[Row], message_id: UUID, mapper: Mapper) -> Explanation | None:
    """The explanation of a message; None if there is none."""
    written = await events_of(connection, f"message/{message_id}", without=(ReceiptNoted,), mapper=mapper)
    if not written:
        return None
    evidence = await evidence_of(connection, written, mapper)
    history = [happening for one in written if (happening := _happening(one, evidence)) is not None]
    return Explanation(_summary(written), history)


def _summary(written: list[JournalEvent]) -> str:
    facts = [cast(MessageEvent, one.fact) for one in written]
    decided = [describe(fact) for fact in facts if not isinstance(fact, DeliveryEvent)]
    after = [describe(fact) for fact in facts if isinstance(fact, DeliveryEvent)]
    sentences = [sentence for sentence in decided if sentence][-1:] + [sentence for sentence in after if sentence][-1:]
    return " ".join(sentences)


def _happening(written: JournalEvent, evidence: Evidence) -> ExplainedEvent | None:
    sentence = describe(cast(MessageEvent, written.fact))
    if sentence is None:
        return None
    rules = [_rule(step, written, evidence) for step in decision_in(written).steps]
    return ExplainedEvent(sentence, link(written), rules)


def _rule(step: DecisionStep, decided: JournalEvent, evidence: Evidence) -> ExplainedRule:
    inputs = evidence.inputs_of(step, decided)
    bases = {name: evidence.basis(name, step, decided) for name in inputs}
    return ExplainedRule(
        step.rule,
        step.version,
        step.verdict,
        step.channel,
        step.reason,
        inputs,
        {name: basis.source for name, basis in bases.items()},
        {name: basis.evidence for name, basis in bases.items() if basis.evidence is not None},
    )
