"""Run of one claimed task: its effect through a connector, and the submission of the answer or the timer's command.

A task that fails by a bug is kept in its row, with the provider's answer if there is one: no one else would repeat it.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID, uuid5

import psycopg
from psycopg import AsyncConnection

from domain.messages import Attempt, Command, Effect, Reply
from streams.core.calls import AnyConnector, Performers, Verdict, call_state
from streams.core.clock import Clock
from streams.core.envelope import Doubt, IdempotencyConflict, Outcome, Status, TaskEnd
from streams.core.gateway import Gateway, Unavailable, envelop, submit_until_recorded
from streams.core.mapper import Mapper
from streams.core.read_models import Row
from streams.core.refusals import TooLarge
from streams.postgres.task_claims import END, Claimed, keep
from streams.postgres.tasks import TIMER, error_of
from streams.telemetry.metrics import CALLS
from streams.work.attempts import answer_of, attempt_in_doubt, attempt_of, may_repeat, without_output
from streams.work.lookups import InDoubt, attempted, doubt_of_left_call

log = logging.getLogger(__name__)


class TaskRunner:
    """Runner of the tasks that the worker `name` has claimed. `persist` says whether to go on while the log is away."""

    def __init__(
        self,
        gateway: Gateway,
        mapper: Mapper,
        clock: Clock,
        performers: Performers,
        partitions: int,
        name: str,
        connected: Callable[[], Awaitable[AsyncConnection[Row]]],
        persist: Callable[[], bool],
    ) -> None:
        self._gateway, self._mapper, self._clock = gateway, mapper, clock
        self._performers, self._partitions, self._name = performers, partitions, name
        self._connected, self._persist = connected, persist

    async def run(self, task: Claimed, taken_over: bool) -> None:
        """Run the task to its outcome. Raises nothing: a task that cannot go on is kept, or left to its lease."""
        with call_state() as call:
            try:
                await self._run(task, taken_over)
            except psycopg.OperationalError as error:
                log.warning("task %s is taken up again when its lease ends: %s", task.id, type(error).__name__)
            except Exception as error:
                log.exception("task %s (%s) failed and is kept", task.id, task.message.name)
                begun = call.begun or taken_over
                await self.keep(task.id, "failed", f"the task raised {type(error).__name__}", begun=begun)

    async def keep(
        self,
        id_: UUID,
        state: str,
        error: str,
        answer: Reply | None = None,
        doubt: Doubt | None = None,
        begun: bool = True,
    ) -> None:
        """Keep a task that cannot go on. While the database is away, its lease ends and it is taken up again.

        `begun`: see `CallState`.
        """
        reply = None if answer is None else self._mapper.encode(answer).decode()
        try:
            connection = await self._connected()
            await connection.execute(*keep(id_, self._name, state, error, reply, doubt, begun))
        except psycopg.OperationalError as away:
            log.warning("task %s could not be marked %s: %s", id_, state, type(away).__name__)

    async def _run(self, task: Claimed, taken_over: bool) -> None:
        if isinstance(task.message, Command):
            command = task.message.model_copy(update={"at": self._clock.now()})
            await self._submit(task, command, TIMER if task.attempts == 1 else f"{TIMER} {task.attempts}")
        elif task.answered and task.reply is not None:
            await self._submit(task, task.reply, f"answer {task.attempts}", task.doubt)
        else:
            await self._call(task, task.message, taken_over)

    async def _call(self, task: Claimed, effect: Effect, taken_over: bool) -> None:
        connector = self._performers[task.context, type(effect)]
        assert task.reply is not None
        doubt = task.doubt
        if taken_over and not connector.idempotent:
            doubt = doubt_of_left_call(doubt, task.due_at)
        verdict = await attempted(connector, effect, str(task.id), doubt, self._clock.now())
        attempt = self._attempt(verdict, task, connector)
        CALLS.labels(task.context, connector.provider, attempt.result.value).inc()
        step = f"{'taken over' if taken_over else 'attempt'} {task.attempts}"
        left = verdict.doubt if isinstance(verdict, InDoubt) else doubt
        try:
            await self._submit(task, answer_of(task.reply, attempt, self._clock.now()), step, left)
        except TooLarge as refusal:
            log.error("task %s: the answer to %s cannot be recorded: %s", task.id, effect.name, refusal.sentence)
            rejection = task.reply.answered(without_output(attempt, refusal), self._clock.now())
            await self._submit(task, rejection, f"{step}, too large")

    def _attempt(self, verdict: Verdict | InDoubt, task: Claimed, connector: AnyConnector) -> Attempt:
        now, provider = self._clock.now(), connector.provider
        if isinstance(verdict, InDoubt):
            return attempt_in_doubt(verdict.doubt.reason, verdict.after, task.attempts, provider, now)
        jitter = random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries, hides nothing
        again = may_repeat(task.attempts, connector.idempotent)
        return attempt_of(verdict, task.attempts, provider, again, now, jitter)

    async def _submit(self, task: Claimed, command: Command, step: str, doubt: Doubt | None = None) -> None:
        """Submit a command until it is recorded. The id is made of the task's and the step.

        `doubt` is what an answer leaves that puts the task off. Raises TooLarge for a command that the log cannot hold,
        however often it is sent.
        """
        end = TaskEnd(id=task.id, due_at=_due_again(command), doubt=doubt)
        envelope = envelop(
            command,
            task.context,
            self._partitions,
            actor=f"task:{task.id}",
            command_id=uuid5(task.id, step),
            correlation_id=task.correlation_id,
            causation_id=task.event_id,
            task=end,
        )
        try:
            outcome = await submit_until_recorded(self._gateway, envelope, self._persist)
        except Unavailable:
            log.warning("task %s: its answer could not be recorded before the end", task.id)
        except IdempotencyConflict:
            log.error("task %s: the id of its command %s is another command's", task.id, command.name)
        else:
            if outcome is not None:
                await self._conclude(task, command, outcome, end)

    async def _conclude(self, task: Claimed, command: Command, outcome: Outcome, end: TaskEnd) -> None:
        if outcome.problem is not None and outcome.problem.type == TooLarge.name:
            raise TooLarge(outcome.problem.sentence)
        if outcome.status in (Status.REFUSED, Status.FAILED):
            log.warning("task %s: %s was %s: %s", task.id, command.name, outcome.status, outcome.problem)
        if outcome.status is Status.FAILED:
            answer = command if isinstance(command, Reply) else None
            await self.keep(task.id, "failed", error_of(outcome.problem), answer, end.doubt)
        elif outcome.replayed and end.due_at is None:
            await self._end(task)

    async def _end(self, task: Claimed) -> None:
        """Delete a task whose command an earlier process recorded without ending the task."""
        connection = await self._connected()
        await connection.execute(END, (task.id, self._name))


def _due_again(command: Command) -> datetime | None:
    attempt = command.attempt if isinstance(command, Reply) else None
    return None if attempt is None else attempt.retry_at
