"""The engine's Prometheus metrics."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence

from prometheus_client import Counter, Gauge, Histogram

from streams.core.envelope import Envelope, IdempotencyConflict, Outcome

COMMANDS = Counter("headwater_commands_total", "Commands decided, by outcome", ["context", "outcome"])
BATCH_SIZE = Histogram(
    "headwater_batch_commands", "Commands decided per transaction", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
)
COMMIT_SECONDS = Histogram(
    "headwater_commit_seconds",
    "Time from sending a batch to its commit",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)
CALLS = Counter("headwater_calls_total", "Tries at outside calls, by result", ["context", "provider", "result"])
TASKS = Gauge("headwater_tasks", "Tasks by state", ["context", "kind", "state"])
TASKS_OVERDUE_SECONDS = Gauge("headwater_tasks_overdue_seconds", "Age of the oldest task that is due and not taken")
LAG_EVENTS = Gauge("headwater_projection_lag_events", "Records a projection is behind the journal", ["projection"])
LAG_SECONDS = Gauge("headwater_projection_lag_seconds", "Age of the oldest record not projected", ["projection"])
HALTED = Gauge("headwater_projection_halted", "1 when the projection has halted on an event", ["projection"])
WAITING = Gauge("headwater_commands_waiting", "Commands in the queue, not yet taken into a batch")


def count_answers(envelopes: Iterable[Envelope], answers: Sequence[Outcome | IdempotencyConflict]) -> None:
    """Count a batch's outcomes. Labels are looked up once for all outcomes that are alike: that is what costs time."""
    kinds = ("conflict" if isinstance(answer, IdempotencyConflict) else str(answer.status) for answer in answers)
    contexts = (envelope.context for envelope in envelopes)
    for labels, times in collections.Counter(zip(contexts, kinds, strict=True)).items():
        COMMANDS.labels(*labels).inc(times)
