"""The process as a whole: whatever becomes of its calls, whenever its owner interferes, it ends in a legal state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import accumulate, pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from commands.gccp.answer import MOST_REPAIRS, MOST_REPEATS
from commands.gccp.generation import CancelGeneration, RecordAnswer, RetryGeneration
from commands.gccp.wiring import GCCP
from domain.calls.completion import Completion
from domain.gccp.call import CallAnswered, CallReason, GenerationStepCompleted, GenerationStepStarted
from domain.gccp.course import ContentMode, Counts, Step, parse_assignment
from domain.gccp.generation import Generation, GenerationEvent, GenerationRetried, GenerationStarted, evolve
from domain.messages import Command, Result
from projections.gccp import READ_MODELS
from streams.core.calls import Accepted, Deferred, Rejected, Unknown, Verdict
from streams.core.clock import ManualClock
from streams.core.envelope import Decided, Outcome, Status
from streams.core.gateway import envelop
from streams.testing import MemoryRuntime
from tests.commands.gccp.examples import ID, OWNER, START, assignment, attempt, request

COUNTS = Counts(mcsc=2, mcmc=1, subjective=1)
CONTEXT = replace(GCCP, read_models=READ_MODELS)
COST = 300
USED = {"model": "claude", "input_tokens": 10, "output_tokens": 20, "cost_microcents": COST}
LATE = (Result.ACCEPTED, Result.REJECTED, Result.UNCONFIRMED)
OVER = {"completed", "failed", "cancelled"}
LEGAL = {
    ("queued", "processing"),
    ("queued", "failed"),
    ("queued", "cancelled"),
    ("processing", "completed"),
    ("processing", "failed"),
    ("processing", "cancelled"),
    ("failed", "queued"),
}


class World:
    """A runtime, a provider whose answers are drawn, and an owner who may cancel while a call is under way."""

    def __init__(self, draw: Callable[[Any], Any], mode: ContentMode) -> None:
        self.draw = draw
        self.clock = ManualClock(START)
        self.runtime = _Remembering([CONTEXT], self.clock, 1)
        self.paid = 0
        self.healthy = False
        self.tries: Counter[str] = Counter()
        self.lost: list[RecordAnswer] = []
        self.do(request(mode=mode, counts=COUNTS))

    def do(self, command: Command) -> None:
        self.runtime.do(command, "gccp")

    @property
    def row(self) -> dict[str, Any]:
        return self.runtime.tables["gccp_generations"][ID,]

    @property
    def events(self) -> list[GenerationEvent]:
        return [one.fact for one in self.runtime.journal if one.stream.category == "generation"]  # type: ignore[misc]

    def work(self) -> None:
        self.runtime.run_due(self.perform, idempotent=False)

    def perform(self, effect: Completion, _key: str) -> Verdict:
        assert self.row["status"] == "processing", "this call is made for nothing"
        if not self.healthy and self.draw(st.integers(0, 49)) == 37:
            self.cancel()
        verdict = written(effect) if self.healthy else self.draw(st.sampled_from(VERDICTS))(effect)
        self.tries[effect.reference] += 1
        self.paid += COST if verdict.output else 0
        if isinstance(verdict, Unknown) and not verdict.output:
            result = self.draw(st.sampled_from(LATE))
            self.lost.append(late_answer(effect, self.tries[effect.reference], self.clock, result))
        return verdict

    def cancel(self) -> None:
        self.do(CancelGeneration(at=self.clock.now(), generation_id=ID, owner=OWNER, caller=OWNER))

    def retry(self) -> None:
        self.do(
            RetryGeneration(at=self.clock.now(), generation_id=ID, owner=OWNER, caller=OWNER, model="m", max_tokens=10)
        )

    def repeat_an_answer(self) -> None:
        if self.runtime.answers:
            self.do(self.draw(st.sampled_from(self.runtime.answers)))

    def hear_a_lost_answer(self) -> None:
        if self.lost:
            late = self.lost.pop(self.draw(st.integers(0, len(self.lost) - 1)))
            self.paid += COST
            self.do(late)

    def wait(self) -> None:
        self.clock.advance(timedelta(seconds=self.draw(st.sampled_from([1, 60, 900]))))
        self.work()

    def settle(self) -> None:
        """Every open call is deferred eight times at most, for a minute each."""
        for _ in range(100):
            self.clock.advance(timedelta(minutes=1))
            self.work()


class _Remembering(MemoryRuntime):
    """Keeps the answers that came in, to repeat them, and lets no command fail."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.answers: list[RecordAnswer] = []

    def do(self, command: Command, context: str, actor: str = "test", **envelope: Any) -> Outcome:
        (outcome,) = self.execute([envelop(command, context, self.partitions, actor, **envelope)])
        assert outcome.status is not Status.FAILED
        if isinstance(command, RecordAnswer) and "task" in envelope:
            self.answers.append(command)
        return outcome


def written(effect: Completion) -> Accepted:
    assert effect.brief is not None
    is_document = effect.brief["mode"] == ContentMode.ASSIGNMENT and effect.step not in (
        Step.TOPIC_ANALYSIS,
        Step.REVIEW,
    )
    return accepted(assignment(COUNTS) if is_document else f"{effect.step}, call {effect.reference}")


def accepted(text: str, stop_reason: str = "end_turn") -> Accepted:
    return Accepted("msg_1", attempt(text=text, stop_reason=stop_reason).output)


def late_answer(effect: Completion, number: int, clock: ManualClock, result: Result) -> RecordAnswer:
    """What the worker that made the call says of it, after another took it for dead; it did cost something."""
    assert effect.step is not None
    call = int(effect.reference.partition("/")[2])
    told = attempt(result, number).model_copy(update={"output": USED})
    return RecordAnswer(at=clock.now(), generation_id=ID, owner=OWNER, step=Step(effect.step), call=call, attempt=told)


VERDICTS: tuple[Callable[[Completion], Verdict], ...] = (
    *[written] * 9,
    lambda _: accepted(""),
    lambda _: accepted("cut", "max_tokens"),
    lambda _: Rejected("invalid_request_error", "no"),
    lambda _: Deferred("rate_limit_error", "slow down", 60.0),
    lambda _: Unknown("no answer came"),
    lambda _: Rejected("refusal", "the model declined", output=USED),
    lambda _: Deferred("overloaded_error", "busy", 60.0, output=USED),
    lambda _: Unknown("the answer broke off", output=USED),
)
MOVES = (
    *[World.wait] * 6,
    *[World.retry] * 4,
    *[World.repeat_an_answer] * 4,
    *[World.hear_a_lost_answer] * 2,
    World.work,
    World.cancel,
)


@settings(max_examples=300, deadline=None)
@given(data=st.data(), mode=st.sampled_from([ContentMode.LECTURE, ContentMode.ASSIGNMENT]))
def test_every_history_is_legal(data: st.DataObject, mode: ContentMode) -> None:
    world = World(data.draw, mode)
    for move in data.draw(st.lists(st.sampled_from(MOVES), max_size=12)):
        move(world)
    while world.lost:
        world.hear_a_lost_answer()
    world.settle()
    assert world.row["status"] in OVER
    world.healthy = data.draw(st.booleans())
    if world.healthy and world.row["status"] == "failed":
        world.retry()
        world.wait()
        assert world.row["status"] == "completed"
    assert world.runtime.halts == []
    no_step_runs_twice(world.events)
    calls_stay_within_their_budgets(world.events)
    costs_are_the_sum_of_calls(world)
    phases_follow_one_another_legally(world.events)
    assert world.row["status"] == folded(world.events)[-1]
    if world.row["status"] == "completed":
        the_content_is_what_was_asked_for(world, mode)


def no_step_runs_twice(events: list[GenerationEvent]) -> None:
    done: list[Step] = []
    for event in events:
        if isinstance(event, GenerationStepStarted):
            assert event.step not in done
        if isinstance(event, GenerationStepCompleted):
            assert event.step not in done
            done.append(event.step)
    assert done == list(Step)[: len(done)]


def calls_stay_within_their_budgets(events: list[GenerationEvent]) -> None:
    made: Counter[tuple[Step, CallReason]] = Counter()
    numbers: list[int] = []
    for event in events:
        if isinstance(event, GenerationRetried | GenerationStarted):
            made.clear()
        if isinstance(event, GenerationStepStarted):
            made[event.step, event.reason] += 1
            numbers.append(event.call)
        for step in Step:
            assert made[step, CallReason.FIRST] <= 1
            assert made[step, CallReason.REPAIR] <= MOST_REPAIRS
            assert made[step, CallReason.LOST] <= MOST_REPEATS
    assert numbers == list(range(1, len(numbers) + 1))


def costs_are_the_sum_of_calls(world: World) -> None:
    tables = world.runtime.tables
    assert sum(e.usage.cost_microcents for e in world.events if isinstance(e, CallAnswered)) == world.paid
    assert sum(row["cost_microcents"] for row in tables.get("gccp_generation_calls", {}).values()) == world.paid
    assert sum(row.get("cost_microcents", 0) for row in tables.get("gccp_usage", {}).values()) == world.paid


def phases_follow_one_another_legally(events: list[GenerationEvent]) -> None:
    moves = {pair for pair in pairwise(folded(events)) if pair[0] != pair[1]}
    assert moves <= LEGAL


def folded(events: list[GenerationEvent]) -> list[str]:
    """The phase after each event; every state on the way survives being kept as a snapshot."""
    generations = list(accumulate(events, evolve, initial=Generation()))
    assert all(Generation.model_validate_json(state.model_dump_json()) == state for state in generations)
    return [generation.phase.value for generation in generations][1:]


def the_content_is_what_was_asked_for(world: World, mode: ContentMode) -> None:
    row = world.runtime.tables["gccp_generation_steps"][ID, Step.FORMATTING.value]
    assert world.row["steps_done"] == len(Step)
    if mode is ContentMode.ASSIGNMENT:
        assert parse_assignment(row["output"], COUNTS).counts() == COUNTS
    else:
        assert row["output"].startswith(Step.FORMATTING.value)


def test_a_generation_whose_calls_all_succeed_makes_five() -> None:
    runtime = MemoryRuntime([CONTEXT], ManualClock(START))
    runtime.do(request(), "gccp")
    asked: list[str | None] = []

    def perform(effect: Completion, _key: str) -> Verdict:
        asked.append(effect.step)
        return written(effect)

    runtime.run_due(perform)
    assert asked == list(Step)
    assert runtime.tables["gccp_generations"][ID,]["status"] == "completed"
    assert [one.fact for one in runtime.journal if isinstance(one.fact, Decided)][-1].status is Status.UNCHANGED


def test_the_provider_is_not_called_again_once_a_generation_is_cancelled_that_it_had_put_off() -> None:
    clock = ManualClock(START)
    runtime = MemoryRuntime([CONTEXT], clock)
    runtime.do(request(), "gccp")
    asked: list[str] = []

    def busy(effect: Completion, _key: str) -> Verdict:
        asked.append(effect.reference)
        return Deferred("rate_limit_error", "slow down", 600.0, output=USED)

    runtime.run_due(busy)
    runtime.do(CancelGeneration(at=START, generation_id=ID, owner=OWNER, caller=OWNER), "gccp")
    clock.advance(timedelta(days=1))
    runtime.run_due(busy)
    assert asked == [f"{ID}/1"]


def test_a_call_that_asks_to_wait_after_its_generation_was_cancelled_is_paid_for_and_not_made_again() -> None:
    clock = ManualClock(START)
    runtime = MemoryRuntime([CONTEXT], clock)
    runtime.do(request(), "gccp")

    def cancelled_meanwhile(_effect: Completion, _key: str) -> Verdict:
        runtime.do(CancelGeneration(at=START, generation_id=ID, owner=OWNER, caller=OWNER), "gccp")
        return Deferred("overloaded_error", "busy", 600.0, output=USED)

    runtime.run_due(cancelled_meanwhile)
    clock.advance(timedelta(days=1))
    assert runtime.run_due(cancelled_meanwhile) == 0
    (call,) = runtime.tables["gccp_generation_calls"].values()
    assert (call["result"], call["cost_microcents"]) == ("discarded", COST)
    assert runtime.tables["gccp_generations"][ID,]["retry_at"] is None


def test_what_the_owner_wrote_and_the_model_answered_is_nowhere_in_the_log_in_clear() -> None:
    runtime = MemoryRuntime([CONTEXT], ManualClock(START))
    runtime.do(request(topic="Secret topic", transcript="Secret words", subtopics="Secret parts"), "gccp")
    runtime.run_due(lambda effect, _key: accepted("Secret answer"))
    assert len(runtime.journal) > 10
    assert all(b"Secret" not in one.record.data for one in runtime.journal)
