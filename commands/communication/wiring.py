"""The wiring of the communication context. The partition key of a person's commands is the person (`user_id`).

The record in `products/communication.py` adds the read models, which this layer does not import.
"""

from __future__ import annotations

from operator import attrgetter

from commands.communication import (
    address_report,
    attempt,
    batch,
    budget,
    consent,
    delivery,
    message,
    number,
    opt_out,
    preferences,
    receipt,
    stop,
)
from commands.communication.effects import (
    FindOwners,
    FindSenders,
    MarkAddress,
    SendMail,
    SendText,
    SendVerificationCode,
)
from commands.communication.reactions import react
from commands.outbox import OUTBOX_HANDLERS, StillThere
from commands.tokens import TOKEN_EVENTS, TOKEN_HANDLERS
from commands.webhooks import WEBHOOK_EVENTS, WEBHOOK_HANDLERS, WEBHOOK_REFUSALS, WEBHOOK_UPCASTS
from domain.calls.outbox import ForgetMessages
from domain.calls.webhook import DeliverWebhook
from domain.communication import address_report as reports
from domain.communication import batch as batches
from domain.communication import budget as budgets
from domain.communication import message as messages
from domain.communication import number as numbers
from domain.communication import receipt as receipts
from domain.communication import recipient as recipients
from domain.communication import stop as stops
from domain.communication.events import EVENTS
from streams.core.wiring import Context, Handler, Stream

MESSAGE = Stream("message", messages.Message(), messages.evolve, id_of=attrgetter("message_id"))
RECIPIENT = Stream("recipient", recipients.Recipient(), recipients.evolve, id_of=attrgetter("user_id"))
BUDGET = Stream("budget", budgets.Budget(), budgets.evolve, id_of=attrgetter("month"))
BATCH = Stream("batch", batches.Batch(), batches.evolve, id_of=attrgetter("batch_id"))
STOP = Stream("stop", stops.Stop(), stops.evolve, id_of=attrgetter("stop_id"))
REPORT = Stream("address_report", reports.AddressReport(), reports.evolve, id_of=attrgetter("report_id"))
NUMBER = Stream("number", numbers.Number(), numbers.evolve, id_of=attrgetter("number"))
RECEIPTS = Stream("receipt", receipts.Receipts(), receipts.evolve, id_of=attrgetter("provider_id"))

COMMUNICATION = Context(
    name="communication",
    events=(*EVENTS, *WEBHOOK_EVENTS, *TOKEN_EVENTS),
    handlers=(
        Handler(batch.RequestBatch, decide=batch.request, writes=BATCH, creates=True),
        Handler(message.RequestMessage, decide=message.request, writes=MESSAGE, reads=(RECIPIENT,), creates=True),
        Handler(message.DispatchMessage, decide=message.dispatch, writes=MESSAGE, reads=(RECIPIENT,)),
        Handler(message.CancelMessage, decide=message.cancel, writes=MESSAGE),
        Handler(attempt.RecordAttempt, decide=attempt.record_attempt, writes=MESSAGE, reads=(RECIPIENT,)),
        Handler(delivery.RecordReceipt, decide=delivery.record_receipt, writes=MESSAGE, reads=(RECIPIENT,)),
        Handler(delivery.RecordAction, decide=delivery.record_action, writes=MESSAGE),
        Handler(preferences.UpdatePreferences, decide=preferences.update, writes=RECIPIENT),
        Handler(preferences.ResetPreferences, decide=preferences.reset, writes=RECIPIENT),
        Handler(consent.GrantSmsConsent, decide=consent.grant_sms, writes=RECIPIENT),
        Handler(consent.RecordCodeSent, decide=consent.record_code_sent, writes=RECIPIENT),
        Handler(consent.RecordCodeReceipt, decide=consent.record_code_receipt, writes=RECIPIENT),
        Handler(consent.VerifyPhone, decide=consent.verify, writes=RECIPIENT),
        Handler(consent.GrantEmailConsent, decide=consent.grant_email, writes=RECIPIENT),
        Handler(opt_out.RevokeConsent, decide=opt_out.revoke, writes=RECIPIENT),
        Handler(opt_out.OptOut, decide=opt_out.opt_out, writes=RECIPIENT),
        Handler(opt_out.ReceiveSms, decide=opt_out.receive_sms, writes=RECIPIENT),
        Handler(budget.ReserveBudget, decide=budget.reserve, writes=BUDGET),
        Handler(budget.RecordSpending, decide=budget.spend, writes=BUDGET),
        Handler(receipt.RecordUnmatchedReceipt, decide=receipt.record_unmatched, writes=RECEIPTS),
        Handler(stop.HearStop, decide=stop.hear, writes=STOP),
        Handler(stop.RecordSenders, decide=stop.record_senders, writes=STOP),
        Handler(address_report.RecordMark, decide=address_report.record_mark, writes=REPORT),
        Handler(address_report.HearReport, decide=address_report.hear_report, writes=REPORT),
        Handler(address_report.RecordOwners, decide=address_report.record_owners, writes=REPORT),
        Handler(address_report.SuppressAddress, decide=address_report.suppress_address, writes=RECIPIENT),
        Handler(number.AllowCode, decide=number.allow_code, writes=NUMBER),
        *OUTBOX_HANDLERS,
        *WEBHOOK_HANDLERS,
        *TOKEN_HANDLERS,
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
        consent.CodeNotAllowed,
        consent.CodeOverBudget,
        StillThere,
        *WEBHOOK_REFUSALS,
    ),
    effects=(
        SendText,
        SendMail,
        SendVerificationCode,
        FindSenders,
        MarkAddress,
        FindOwners,
        ForgetMessages,
        DeliverWebhook,
    ),
    react=react,
    upcasts=WEBHOOK_UPCASTS,
)
