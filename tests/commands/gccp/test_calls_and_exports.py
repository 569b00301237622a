"""Proxied calls and exports: each begins and ends once, and what it used is on record however it ended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from commands.gccp.ai_call import INTERRUPTED, LONGEST, CompleteAiCall, ExpireAiCall, FailAiCall, StartAiCall
from commands.gccp.export import RecordPdfExport, RecordPdfExportFailure
from commands.gccp.wiring import GCCP
from domain.gccp.ai_call import (
    AiReplyCompleted,
    AiReplyFailed,
    AiReplyStarted,
    AiStreamCompleted,
    AiStreamFailed,
    AiStreamStarted,
)
from domain.gccp.export import PdfExported, PdfExportFailed
from domain.gccp.usage import Usage
from streams.core.clock import ManualClock
from streams.testing import MemoryRuntime, Scenario
from tests.commands.gccp.examples import OWNER, START, after, later

CALL = UUID(int=1)
USED = Usage(model="claude", input_tokens=15, output_tokens=150, cost_microcents=2_000)
BASE: dict[str, Any] = {"at": later(2), "owner": OWNER, "call_id": CALL}


def begin(streamed: bool = True) -> StartAiCall:
    return StartAiCall(at=START, owner=OWNER, call_id=CALL, streamed=streamed, model="claude", max_tokens=100)


def complete(**changed: Any) -> CompleteAiCall:
    told = {"usage": USED, "stop_reason": "end_turn", "duration_ms": 2_000, "first_chunk_ms": 300}
    return CompleteAiCall.model_validate(BASE | told | changed)


FAIL = FailAiCall(**BASE, usage=USED, code="overloaded_error", reason="busy", duration_ms=2_000)
EXPIRE = ExpireAiCall(**BASE)


def test_a_call_is_on_record_before_it_is_made() -> None:
    Scenario(GCCP).when(begin()).then(
        AiStreamStarted(at=START, owner=OWNER, call_id=CALL, model="claude", max_tokens=100)
    )
    Scenario(GCCP).when(begin(streamed=False)).then_kinds(AiReplyStarted)
    after(Scenario(GCCP), begin()).when(begin()).then_nothing()


def test_a_stream_that_ends_says_what_it_used() -> None:
    after(Scenario(GCCP), begin()).when(complete()).then(
        AiStreamCompleted(
            **BASE, usage=USED, duration_ms=2_000, stop_reason="end_turn", first_chunk_ms=300, disconnected=False
        )
    )


def test_a_client_that_leaves_does_not_take_the_usage_along() -> None:
    left = complete(disconnected=True, stop_reason="client_disconnected", usage=USED)
    event = after(Scenario(GCCP), begin()).when(left).produced[0]
    assert isinstance(event, AiStreamCompleted)
    assert (event.disconnected, event.usage) == (True, USED)


def test_a_call_that_fails_says_what_it_used() -> None:
    event = after(Scenario(GCCP), begin()).when(FAIL).then_kinds(AiStreamFailed).produced[0]
    assert isinstance(event, AiStreamFailed)
    assert event.usage == USED


def test_a_whole_reply_has_events_of_its_own() -> None:
    opened = after(Scenario(GCCP), begin(streamed=False))
    opened.when(complete()).then(AiReplyCompleted(**BASE, usage=USED, duration_ms=2_000, stop_reason="end_turn"))
    opened.when(FAIL).then_kinds(AiReplyFailed)


@pytest.mark.parametrize("end", [complete(), FAIL, EXPIRE])
def test_a_call_ends_once(end: Any) -> None:
    Scenario(GCCP).when(end).then_nothing()
    after(after(Scenario(GCCP), begin()), complete()).when(end).then_nothing()


def test_a_call_whose_process_was_lost_is_ended_as_interrupted() -> None:
    clock = ManualClock(START)
    runtime = MemoryRuntime([GCCP], clock)
    runtime.do(begin(), "gccp")
    clock.advance(LONGEST - timedelta(seconds=1))
    assert runtime.run_due(None) == 0  # type: ignore[arg-type]
    clock.advance(timedelta(seconds=1))
    assert runtime.run_due(None) == 1  # type: ignore[arg-type]
    (failed,) = (one.fact for one in runtime.journal if isinstance(one.fact, AiStreamFailed))
    assert (failed.code, failed.usage.estimated) == (INTERRUPTED, True)


EXPORT: dict[str, Any] = {"at": START, "owner": OWNER, "export_id": UUID(int=2), "content_bytes": 9, "duration_ms": 30}


def test_an_export_is_recorded_once_with_its_size() -> None:
    made = RecordPdfExport(**EXPORT, filename="ml-intro.pdf", pages=3, pdf_bytes=12_345)
    done = Scenario(GCCP).when(made).then(PdfExported(**EXPORT, filename="ml-intro.pdf", pages=3, pdf_bytes=12_345))
    done.when(made).then_nothing()


def test_an_export_that_failed_says_why() -> None:
    failed = RecordPdfExportFailure(**EXPORT, code="too_long", reason="more than 500 pages")
    done = Scenario(GCCP).when(failed).then(PdfExportFailed(**EXPORT, code="too_long", reason="more than 500 pages"))
    done.when(failed).then_nothing()
