"""The wiring of the gccp context. The partition key of a person's commands is the person (`owner`).

So an owner's generations, exports and calls lie in one partition: an erasure reaches every state and snapshot of the
owner at once, and rules that span one owner's work can be decided consistently. Webhooks lie under their endpoint, as
all of them depend on its health. The record in `products/gccp.py` adds the read models.
"""

from __future__ import annotations

from operator import attrgetter

from commands.gccp import ai_call, answer, export, generation
from commands.gccp.reactions import react
from commands.tokens import TOKEN_EVENTS, TOKEN_HANDLERS
from commands.webhooks import WEBHOOK_EVENTS, WEBHOOK_HANDLERS, WEBHOOK_REFUSALS
from domain.calls.completion import Completion
from domain.calls.webhook import DeliverWebhook
from domain.gccp import ai_call as ai_calls
from domain.gccp import export as exports
from domain.gccp import generation as generations
from domain.gccp.events import EVENTS
from streams.core.wiring import Context, Handler, Stream

GENERATION = Stream("generation", generations.Generation(), generations.evolve, id_of=attrgetter("generation_id"))
EXPORT = Stream("export", exports.Export(), exports.evolve, id_of=attrgetter("export_id"))
AI_CALL = Stream("ai_call", ai_calls.AiCall(), ai_calls.evolve, id_of=attrgetter("call_id"))

GCCP = Context(
    name="gccp",
    events=(*EVENTS, *WEBHOOK_EVENTS, *TOKEN_EVENTS),
    handlers=(
        Handler(generation.RequestGeneration, decide=generation.request, writes=GENERATION, creates=True),
        Handler(generation.StartGeneration, decide=generation.start, writes=GENERATION),
        Handler(generation.RecordAnswer, decide=answer.record, writes=GENERATION),
        Handler(generation.RetryGeneration, decide=generation.retry, writes=GENERATION),
        Handler(generation.CancelGeneration, decide=generation.cancel, writes=GENERATION),
        Handler(export.RecordPdfExport, decide=export.record, writes=EXPORT, creates=True),
        Handler(export.RecordPdfExportFailure, decide=export.record_failure, writes=EXPORT, creates=True),
        Handler(ai_call.StartAiCall, decide=ai_call.start, writes=AI_CALL, creates=True),
        Handler(ai_call.CompleteAiCall, decide=ai_call.complete, writes=AI_CALL),
        Handler(ai_call.FailAiCall, decide=ai_call.fail, writes=AI_CALL),
        Handler(ai_call.ExpireAiCall, decide=ai_call.expire, writes=AI_CALL),
        *WEBHOOK_HANDLERS,
        *TOKEN_HANDLERS,
    ),
    refusals=(
        generation.MissingFields,
        generation.InvalidFields,
        generation.NotFound,
        generation.Forbidden,
        generation.NotRetryable,
        generation.AlreadyOver,
        *WEBHOOK_REFUSALS,
    ),
    effects=(Completion, DeliverWebhook),
    react=react,
)
