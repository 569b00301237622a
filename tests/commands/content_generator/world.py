"""The whole context on the runtime in memory, with tasks in any order, answers that come twice, and people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from commands.content_generator.campaign import RetryCampaign
from commands.content_generator.effects import SendBatch
from commands.content_generator.post import ResolvePost
from commands.content_generator.publication import RequestMetrics
from commands.content_generator.reports import RequestReports
from commands.content_generator.sync_job import CancelSyncJob
from commands.content_generator.wiring import CONTENT_GENERATOR
from domain.content_generator.campaign import RecipientAddressed
from domain.content_generator.kinds import Channel, campaign_id, post_id
from domain.content_generator.sync_job import ChannelPhase, SyncJob, evolve
from domain.messages import Command, Event, Reply
from streams.core.calls import Verdict
from streams.core.clock import ManualClock
from streams.core.envelope import Outcome, Recorded, Status
from streams.core.wiring import Later, Reaction
from streams.testing import MemoryRuntime
from tests.commands.content_generator.providers import Providers
from tests.commands.content_generator.stories import NOW, TENANT, requested_job, retried_job


def react_without_looks(event: Recorded[Event]) -> Iterator[Reaction]:
    """The context's reactions, but for the looks at figures, of which there are hundreds in a month."""
    for reaction in CONTENT_GENERATOR.react(event):
        looks = isinstance(reaction, Later) and isinstance(reaction.command, RequestMetrics | RequestReports)
        if not looks:
            yield reaction


CONTEXT = replace(CONTENT_GENERATOR, react=react_without_looks)


class Runtime(MemoryRuntime):
    """The runtime in memory, which keeps the replies of its tasks."""

    replies: list[Reply]

    def do(self, command: Command, context: str, actor: str = "test", **envelope: Any) -> Outcome:
        if isinstance(command, Reply) and actor == "worker":
            self.replies.append(command)
        return super().do(command, context, actor, **envelope)


class World:
    """Commands in, providers' answers and time as drawn, journal out."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOW)
        self.runtime = Runtime([CONTEXT], self.clock, partitions=1)
        self.runtime.replies = []
        self.providers = Providers(self.recipients_of)
        self.calls: list[tuple[int, Any]] = []

    def do(self, command: Command) -> Outcome:
        outcome = self.runtime.do(command.model_copy(update={"at": self.clock.now()}), CONTEXT.name)
        assert outcome.status is not Status.FAILED, outcome
        return outcome

    def step(self, number: int) -> None:
        """Do one of the things that are due; or let time pass, where none is."""
        if not self.runtime.run_one(number, self._perform, idempotent=False):
            due = self.runtime.next_due()
            self.clock.set(self.clock.now() if due is None else max(due, self.clock.now()))

    def rest(self) -> None:
        """Let everything happen that is to happen; from now on every provider answers."""
        self.providers.draws = iter(())
        end = self.clock.now() + timedelta(days=2)
        while (due := self.runtime.next_due()) is not None and due <= end:
            self.clock.set(max(due, self.clock.now()))
            self.runtime.run_due(self._perform, idempotent=False)
        assert self.runtime.halts == []
        assert self.runtime.kept() == []

    def _perform(self, effect: Any, key: str) -> Verdict:
        self.calls.append((len(self.runtime.journal), effect))
        return self.providers.answer(effect, key)

    def facts(self) -> list[Event]:
        return [recorded.fact for recorded in self.runtime.journal]

    def recipients_of(self, effect: SendBatch) -> set[str]:
        """What the worker reads: each person's last row of this reading."""
        rows = {
            fact.mark: fact
            for fact in self.facts()
            if isinstance(fact, RecipientAddressed) and fact.campaign_id == effect.campaign_id
        }
        return {mark for mark, row in rows.items() if (row.batch, row.round) == (effect.batch, effect.round)}

    def job(self, root: str) -> SyncJob:
        job, stream = SyncJob(), f"sync_job/{root}"
        for recorded in self.runtime.journal:
            if recorded.record.stream == stream:
                job = evolve(job, recorded.fact)  # type: ignore[arg-type]
        return job

    def request(self, root: str, channels: tuple[Channel, ...], wait: int) -> None:
        due_at = self.clock.now() + timedelta(minutes=wait) if wait else None
        self.do(requested_job(*channels, root=root, due_at=due_at))

    def retry(self, root: str, word: bool) -> None:
        """A person repeats what is unconfirmed only where they have looked, and nothing was posted."""
        posted = [self.providers.posts[id_] for id_ in self._unconfirmed_posts(root)]
        self.do(retried_job(root=root, repeat_unconfirmed=word and not any(posted)))

    def resolve(self, root: str) -> None:
        """A person looks at every unconfirmed post, and says what is there."""
        for id_ in self._unconfirmed_posts(root):
            delivered = self.providers.posts[id_] > 0
            self.do(
                ResolvePost(at=NOW, post_id=id_, tenant=TENANT, delivered=delivered, url=None, resolved_by="marketer")
            )

    def _unconfirmed_posts(self, root: str) -> list[str]:
        channels = self.job(root).in_phase(ChannelPhase.UNCONFIRMED)
        return [post_id(root, channel.network) for channel in channels if channel.network is not None]

    def cancel(self, root: str) -> None:
        self.do(CancelSyncJob(at=NOW, root=root, run=0, tenant=TENANT, cancelled_by="marketer"))

    def retry_campaign(self, root: str, word: bool) -> None:
        self.do(RetryCampaign(at=NOW, campaign_id=campaign_id(root), tenant=TENANT, repeat_unconfirmed=word))

    def echo(self, number: int) -> None:
        """A reply comes once more, as from a worker that was held to be lost."""
        if self.runtime.replies:
            self.do(self.runtime.replies[number % len(self.runtime.replies)])
