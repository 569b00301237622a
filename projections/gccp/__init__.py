"""The read models of course generations, exports, proxied calls, their cost, and webhooks."""

from __future__ import annotations

from projections.gccp.ai_calls import AI_CALLS
from projections.gccp.calls import CALLS
from projections.gccp.exports import EXPORTS
from projections.gccp.generations import GENERATIONS
from projections.gccp.progress import PROGRESS
from projections.gccp.steps import STEPS
from projections.gccp.usage import USAGE
from projections.tokens import tokens_of
from projections.webhook_endpoints import endpoints_of
from projections.webhooks import webhooks_of
from streams.core.read_models import ReadModel

READ_MODELS: tuple[ReadModel, ...] = (
    GENERATIONS,
    STEPS,
    CALLS,
    PROGRESS,
    USAGE,
    EXPORTS,
    AI_CALLS,
    webhooks_of("gccp"),
    *endpoints_of("gccp"),
    *tokens_of("gccp"),
)
