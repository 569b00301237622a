"""The communication context, wired. The partition key of everything about a person is that person (`user_id`).

The record in `products/communication.py` adds the read models, which this layer does not see.
"""

from __future__ import annotations

from operator import attrgetter

from commands.communication import batch, budget, consent, delivery, message, outbox, preferences, receipt, stop
from commands.communication.effects import FindSenders, ForgetMessages, SendMail, SendText, SendVerificationCode
from commands.communication.reactions import react
from commands.webhooks import WEBHOOK_EVENTS, WEBHOOK_HANDLERS, WEBHOOK_REFUSALS, WEBHOOK_UPCASTS
from domain.calls.webhook import DeliverWebhook
from domain.communication.batch import Batch
from domain.communication.batch import evolve as evolve_batch
from domain.communication.budget import Budget
from domain.communication.budget import evolve as evolve_budget
from domain.communication.events import EVENTS
from domain.communication.message import Message
from domain.communication.message import evolve as evolve_message
from domain.communication.receipt import Receipts
from domain.communication.receipt import evolve as evolve_receipts
from domain.communication.recipient import Recipient
from domain.communication.recipient import evolve as evolve_recipient
from domain.communication.stop import Stop
from domain.communication.stop import evolve as evolve_stop
from streams.core.wiring import Context, Handler, Nothing, Stream

MESSAGE = Stream("message", Message(), evolve_message, id_of=attrgetter("message_id"))
RECIPIENT = Stream("recipient", Recipient(), evolve_recipient, id_of=attrgetter("user_id"))
BUDGET = Stream("budget", Budget(), evolve_budget, id_of=attrgetter("month"))
BATCH = Stream("batch", Batch(), evolve_batch, id_of=attrgetter("batch_id"))
STOP = Stream("stop", Stop(), evolve_stop, id_of=attrgetter("stop_id"))
OUTBOX = Stream("outbox", Nothing(), lambda state, _event: state, id_of=attrgetter("erased"))
RECEIPTS = Stream("receipt", Receipts(), evolve_receipts, id_of=attrgetter("provider_id"))

COMMUNICATION = Context(
    name="communication",
    events=(*EVENTS, *WEBHOOK_EVENTS),
    handlers=(
        Handler(batch.RequestBatch, decide=batch.request, writes=BATCH, creates=True),
        Handler(message.RequestMessage, decide=message.request, writes=MESSAGE, reads=(RECIPIENT,), creates=True),
        Handler(message.DispatchMessage, decide=message.dispatch, writes=MESSAGE, reads=(RECIPIENT,)),
        Handler(message.CancelMessage, decide=message.cancel, writes=MESSAGE),
        Handler(delivery.RecordAttempt, decide=delivery.record_attempt, writes=MESSAGE, reads=(RECIPIENT,)),
        Handler(delivery.RecordReceipt, decide=delivery.record_receipt, writes=MESSAGE, reads=(RECIPIENT,)),
        Handler(delivery.RecordAction, decide=delivery.record_action, writes=MESSAGE),
        Handler(preferences.UpdatePreferences, decide=preferences.update, writes=RECIPIENT),
        Handler(preferences.ResetPreferences, decide=preferences.reset, writes=RECIPIENT),
        Handler(consent.GrantSmsConsent, decide=consent.grant_sms, writes=RECIPIENT),
        Handler(consent.RecordCodeSent, decide=consent.record_code_sent, writes=RECIPIENT),
        Handler(consent.VerifyPhone, decide=consent.verify, writes=RECIPIENT),
        Handler(consent.GrantEmailConsent, decide=consent.grant_email, writes=RECIPIENT),
        Handler(consent.RevokeConsent, decide=consent.revoke, writes=RECIPIENT),
        Handler(consent.OptOut, decide=consent.opt_out, writes=RECIPIENT),
        Handler(consent.ReceiveSms, decide=consent.receive_sms, writes=RECIPIENT),
        Handler(budget.ReserveBudget, decide=budget.reserve, writes=BUDGET),
        Handler(budget.RecordSpending, decide=budget.spend, writes=BUDGET),
        Handler(receipt.RecordUnmatchedReceipt, decide=receipt.record_unmatched, writes=RECEIPTS),
        Handler(stop.HearStop, decide=stop.hear, writes=STOP),
        Handler(stop.RecordSenders, decide=stop.record_senders, writes=STOP),
        Handler(outbox.RecordForgotten, decide=outbox.record_forgotten, writes=OUTBOX),
        *WEBHOOK_HANDLERS,
    ),
    refusals=(
        message.NotSendable,
        message.AlreadyOut,
        message.AlreadyCancelled,
        message.UnknownMessage,
        delivery.NotOut,
        preferences.UnknownTimeZone,
        consent.NoVerification,
        consent.VerificationExpired,
        consent.TooManyTries,
        consent.TooManyCodes,
        outbox.StillThere,
        *WEBHOOK_REFUSALS,
    ),
    effects=(SendText, SendMail, SendVerificationCode, FindSenders, ForgetMessages, DeliverWebhook),
    react=react,
    upcasts=WEBHOOK_UPCASTS,
)
