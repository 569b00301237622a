"""The register of events of this context."""

from __future__ import annotations

from typing import get_args

from domain.gccp.ai_call import AiCallEvent
from domain.gccp.export import ExportEvent
from domain.gccp.generation import GenerationEvent
from domain.messages import Event

GccpEvent = GenerationEvent | ExportEvent | AiCallEvent
"""The events of this context's own aggregates. Its log also holds those of webhooks and of the engine."""

EVENTS: tuple[type[Event], ...] = get_args(GccpEvent)
