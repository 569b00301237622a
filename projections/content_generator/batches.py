"""One row per batch of a campaign that was opened, with its answer."""

from __future__ import annotations

from collections.abc import Iterator

from domain.content_generator.campaign import BatchFailed, BatchPhase, BatchSent, BatchUnconfirmed, SendingStarted
from domain.content_generator.events import ContentGeneratorEvent
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, change, put


def project(event: Recorded[ContentGeneratorEvent]) -> Iterator[Change]:
    match event.fact:
        case SendingStarted() as started:
            for batch in started.first:
                yield put(started.campaign_id, batch, phase=BatchPhase.IN_FLIGHT.value)
            for batch in started.following:
                yield put(started.campaign_id, batch, phase=BatchPhase.OPEN.value)
        case BatchSent() | BatchFailed() | BatchUnconfirmed() as answered:
            yield change(answered.campaign_id, answered.batch, answered_at=answered.at, **_answer(answered))
            if answered.following is not None:
                yield change(answered.campaign_id, answered.following, phase=BatchPhase.IN_FLIGHT.value)


def _answer(fact: BatchSent | BatchFailed | BatchUnconfirmed) -> dict[str, object]:
    match fact:
        case BatchSent():
            counts = {"accepted": fact.accepted, "suppressed": fact.suppressed}
            return {"phase": BatchPhase.SENT.value, "code": None, "reason": None, **counts}
        case BatchFailed():
            return {"phase": BatchPhase.FAILED.value, "code": fact.code, "reason": fact.reason}
        case BatchUnconfirmed():
            return {"phase": BatchPhase.UNCONFIRMED.value, "code": None, "reason": fact.reason}


BATCHES = ReadModel(
    "content_generator_batches",
    version=1,
    key=("campaign_id", "batch"),
    project=project,
    ddl="""
    create table {table} (
        campaign_id     text not null,
        batch           int not null,
        phase           text not null,
        answered_at     timestamptz,
        accepted        int not null default 0,
        suppressed      int not null default 0,
        code            text,
        reason          text,
        primary key (campaign_id, batch)
    );
""",
)
