"""Lists and metrics of jobs against a naive count over random histories, and the same after a rebuild."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from random import Random
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commands.content_generator import channel_outcome, sync_job
from commands.content_generator.channel_outcome import ChannelOutcome, RecordChannel
from commands.content_generator.sync_job import (
    CancelSyncJob,
    ReadJobDocument,
    RecordJobContent,
    RequestSyncJob,
    RetrySyncJob,
    StartSyncJob,
)
from domain.calls.document import Source
from domain.content_generator.kinds import Channel, JobKind, JobStatus, Options, job_id
from domain.content_generator.sync_job import ChannelResult, RunOver, SyncJob, SyncJobEvent, evolve
from domain.messages import Attempt, Event, Refused, Result
from projections.content_generator.queries.jobs import job_by_id, jobs_page
from projections.content_generator.queries.metrics import metrics_of
from tests.projections.content_generator.running import NOW, TENANT
from tests.projections.tables import Tables, Written

Decide = Callable[[Any, SyncJob], Sequence[SyncJobEvent]]
Step = tuple[int, str, tuple[Channel, ...], int]
"""A job, what happens to it, to which channels, and how many seconds after the step before."""

STARTS = ("request", "later", "summary", "start", "read", "unread", "content")
ANSWERS = {
    "deliver": ChannelOutcome.DELIVERED,
    "fail": ChannelOutcome.FAILED,
    "lose": ChannelOutcome.UNCONFIRMED,
}
STEPS = (*STARTS, *ANSWERS, "retry", "cancel")
steps = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(STEPS),
        st.lists(st.sampled_from(list(Channel)[:3]), min_size=1, max_size=3, unique=True).map(tuple),
        st.sampled_from([0, 7, 3600]),
    ),
    min_size=25,
    max_size=60,
)


class World:
    """Jobs by root, and the history of all of them."""

    def __init__(self) -> None:
        self.jobs: dict[str, SyncJob] = {}
        self.history: list[Written] = []
        self.now = NOW

    def step(self, number: int, word: str, channels: tuple[Channel, ...], after: int) -> None:
        self.now += timedelta(seconds=after)
        root = f"{number:032x}"
        if word in ANSWERS:
            for channel in channels:
                self._decide(root, channel_outcome.record_channel, self._answer(root, channel, word))
        else:
            self._decide(root, *self._command(root, word, channels))

    def _decide(self, root: str, decide: Decide, command: Any) -> None:
        job = self.jobs.get(root, SyncJob())
        try:
            events = decide(command, job)
        except Refused:
            return
        for event in events:
            job = evolve(job, event)
            self.history.append((root, event))
        self.jobs[root] = job

    def _command(self, root: str, word: str, channels: tuple[Channel, ...]) -> tuple[Decide, Any]:
        run = max(self.jobs.get(root, SyncJob()).last, 0)
        at: dict[str, Any] = {"at": self.now, "root": root}
        by = at | {"run": run, "tenant": TENANT}
        match word:
            case "request" | "later" | "summary":
                return sync_job.request, self._request(root, word, channels)
            case "start":
                return sync_job.start, StartSyncJob(**at)
            case "read":
                return sync_job.read_document, ReadJobDocument(**at, run=run, version=1)
            case "unread":
                return sync_job.read_document, ReadJobDocument(**at, run=run, code="forbidden", reason="not shared")
            case "content":
                attempt = Attempt(result=Result.ACCEPTED, number=1, output={"title": "News"})
                return sync_job.record_content, RecordJobContent(**at, run=run, version=1, attempt=attempt)
            case "retry":
                retry = RetrySyncJob(**by, repeat_unconfirmed=True, correlation_id="c", requested_by="ana")
                return sync_job.retry, retry
            case _:
                return sync_job.cancel, CancelSyncJob(**by, cancelled_by="ana")

    def _request(self, root: str, word: str, channels: tuple[Channel, ...]) -> RequestSyncJob:
        return RequestSyncJob(
            at=self.now,
            root=root,
            tenant=TENANT,
            kind=JobKind.SUMMARY if word == "summary" else JobKind.SYNC,
            source=Source.NOTION,
            document="document",
            document_id=f"notion:{int(root, 16) % 2}",
            summary=None,
            channels=channels,
            due_at=self.now + timedelta(hours=1) if word == "later" else None,
            correlation_id="c",
            options=Options(),
            requested_by="ana",
        )

    def _answer(self, root: str, channel: Channel, word: str) -> RecordChannel:
        return RecordChannel(
            at=self.now,
            root=root,
            run=max(self.jobs.get(root, SyncJob()).last, 0),
            channel=channel,
            outcome=ANSWERS[word],
            result=ChannelResult(status=word),
            code="" if word == "deliver" else "refused",
        )


class Run(NamedTuple):
    """What is known of a run without any counter."""

    job_id: str
    status: JobStatus
    channels: tuple[Channel, ...]
    created_at: Any
    seconds: float | None


def runs_of(world: World) -> list[Run]:
    """Every run of sync jobs, the newest first."""
    found = [
        Run(job_id(root, number), run.status, run.channels, run.created_at, _seconds(world, root, number))
        for root, job in world.jobs.items()
        if job.kind is JobKind.SYNC
        for number, run in enumerate(job.runs)
    ]
    return sorted(found, key=lambda run: (-run.created_at.timestamp(), run.job_id))


def _seconds(world: World, root: str, number: int) -> float | None:
    """From creation, or the due time if that is later, to the first end of a run that was started."""
    job = world.jobs[root]
    ends = [e.at for key, e in world.history if key == root and isinstance(e, RunOver) and e.run == number]
    run = job.runs[number]
    if not ends or not run.started:
        return None
    begun = max(run.created_at, job.due_at) if number == 0 and job.due_at else run.created_at
    return max(0.0, (ends[0] - begun).total_seconds())


def check(tables: Tables, world: World) -> None:
    """Metrics, lists and each job say what a count of the runs says."""
    runs = runs_of(world)
    metrics = tables.ask(metrics_of, TENANT)
    assert metrics.total == len(runs)
    assert metrics.statuses == {status: sum(run.status is status for run in runs) for status in JobStatus}
    assert metrics.channels == {channel: sum(channel in run.channels for run in runs) for channel in Channel}
    completed = sum(run.status is JobStatus.COMPLETED for run in runs)
    assert metrics.success_rate == (int(1000 * completed / len(runs) + 0.5) / 10 if runs else 0.0)
    times = [run.seconds for run in runs if run.seconds is not None]
    assert abs(metrics.processing_seconds - (sum(times) / len(times) if times else 0.0)) <= 0.05
    for status, channel in [(s, c) for s in (None, *JobStatus) for c in (None, Channel.EMAIL, Channel.TWITTER)]:
        check_list(tables, runs, status, channel)
    for run in runs:
        check_job(tables, world, run.job_id)


def check_list(tables: Tables, runs: list[Run], status: JobStatus | None, channel: Channel | None) -> None:
    wanted = [
        run.job_id
        for run in runs
        if (status is None or run.status is status) and (channel is None or channel in run.channels)
    ]
    listed = []
    for page in range(1, len(wanted) // 2 + 2):
        found = tables.ask(jobs_page, TENANT, status, channel, page=page, limit=2)
        assert found.total == len(wanted)
        listed += [job.job_id for job in found.jobs]
    assert listed == wanted


def check_job(tables: Tables, world: World, id_: str) -> None:
    """While a run goes on its channels' answers are shown; once it is over, what its end says."""
    found = tables.ask(job_by_id, TENANT, id_)
    assert found is not None
    job = world.jobs[found.root]
    run = job.runs[found.run]
    assert (found.status, found.channels) == (run.status, run.channels)
    if run.status.over:
        assert (found.results, list(found.errors)) == (run.results, list(run.errors))
    else:
        mine = {channel: state for channel, state in job.channels.items() if state.run == found.run}
        assert found.results == {channel: state.result for channel, state in mine.items() if state.result is not None}


@given(steps=steps, seed=st.integers())
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_metrics_lists_and_jobs_are_what_a_count_over_the_history_says(
    tables: Tables, steps: list[Step], seed: int
) -> None:
    world = World()
    for step in steps:
        world.step(*step)
    tables.clear()
    tables.apply(world.history)
    check(tables, world)
    before = tables.rows()
    tables.clear()
    tables.apply(world.history, Random(seed))
    assert tables.rows() == before


def test_lists_are_exact_where_events_do_not_say_when_a_job_was_created(tables: Tables) -> None:
    """As those of a log from before they did."""
    world = World()
    for number in range(4):
        world.step(number, "request", (Channel.EMAIL,), 3600)
        world.step(number, "unread" if number % 2 else "start", (Channel.EMAIL,), 3600)
    tables.clear()
    tables.apply([(key, event.model_copy(update=_unknown(event))) for key, event in world.history])
    check(tables, world)


def _unknown(event: Event) -> dict[str, None]:
    return {"created_at": None} if "created_at" in type(event).model_fields else {}
