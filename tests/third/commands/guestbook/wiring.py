"""The guestbook context, wired. The partition key is the author."""

from __future__ import annotations

from operator import attrgetter

from commands.guestbook import entry
from commands.guestbook.reactions import react
from domain.guestbook.entry import AuthorThanked, Entry, EntrySigned, ThanksFailed, evolve

from commands.tokens import TOKEN_EVENTS, TOKEN_HANDLERS
from commands.webhooks import WEBHOOK_EVENTS, WEBHOOK_HANDLERS, WEBHOOK_REFUSALS
from domain.calls.sms import Sms
from domain.calls.webhook import DeliverWebhook
from streams.core.wiring import Context, Handler, Stream

ENTRY = Stream("entry", Entry(), evolve, id_of=attrgetter("entry_id"))

GUESTBOOK = Context(
    name="guestbook",
    events=(EntrySigned, AuthorThanked, ThanksFailed, *WEBHOOK_EVENTS, *TOKEN_EVENTS),
    handlers=(
        Handler(entry.SignEntry, decide=entry.sign, writes=ENTRY, creates=True),
        Handler(entry.RecordThanks, decide=entry.record_thanks, writes=ENTRY),
        *WEBHOOK_HANDLERS,
        *TOKEN_HANDLERS,
    ),
    refusals=(entry.EntryTooLong, *WEBHOOK_REFUSALS),
    effects=(Sms, DeliverWebhook),
    react=react,
)
