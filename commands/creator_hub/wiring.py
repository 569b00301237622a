"""The wiring of the creator_hub context. All of a creator is under the creator's key, and stream ids begin with it.

The record in `products/creator_hub.py` adds the read models.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter

from commands.creator_hub import (
    account,
    channel,
    document,
    enrollment,
    export,
    knowledge_base,
    member,
    message,
    program,
    replies,
    rule,
    trigger,
)
from commands.creator_hub.effects import EFFECTS
from commands.creator_hub.reactions import react
from commands.outbox import OUTBOX_HANDLERS, StillThere
from commands.tokens import TOKEN_EVENTS, TOKEN_HANDLERS
from commands.webhooks import WEBHOOK_EVENTS, WEBHOOK_HANDLERS, WEBHOOK_REFUSALS
from domain.calls.chat import FindChatSender
from domain.calls.outbox import ForgetMessages
from domain.calls.webhook import DeliverWebhook
from domain.creator_hub import account as accounts
from domain.creator_hub import allowance as allowances
from domain.creator_hub import channel as channels
from domain.creator_hub import document as documents
from domain.creator_hub import enrollment as enrollments
from domain.creator_hub import export as exports
from domain.creator_hub import knowledge_base as bases
from domain.creator_hub import member as members
from domain.creator_hub import message as messages
from domain.creator_hub import program as programs
from domain.creator_hub import rule as rules
from domain.creator_hub.allowance import hour_of
from domain.creator_hub.events import EVENTS
from domain.messages import Command
from streams.core.wiring import Context, Handler, Stream

CREATOR_ID = attrgetter("creator_id")


def _own(*fields: str) -> Callable[[Command], str]:
    """The id of a creator's stream: the creator's own, and these fields of the command."""
    get = [CREATOR_ID, *map(attrgetter, fields)]
    return lambda command: "/".join(str(one(command)) for one in get)


def _hour(command: Command) -> str:
    """The id of the allowance of the hour in which the command is decided."""
    return f"{CREATOR_ID(command)}/{hour_of(command.at):%Y-%m-%dT%H}"


ACCOUNT = Stream("account", accounts.Account(), accounts.evolve, id_of=CREATOR_ID)
ALLOWANCE = Stream("allowance", allowances.Allowance(), allowances.evolve, id_of=_hour)
BASE = Stream("knowledge_base", bases.KnowledgeBase(), bases.evolve, id_of=_own("knowledge_base_id"))
DOCUMENT = Stream("document", documents.Document(), documents.evolve, id_of=_own("document_id"))
PROGRAM = Stream("program", programs.Program(), programs.evolve, id_of=_own("program_id"))
CATALOGUE = Stream("catalogue", programs.Catalogue(), programs.evolve_catalogue, id_of=CREATOR_ID)
FLOW = Stream("flow", programs.Flow(), programs.evolve_flow, id_of=_own("flow_id"))
ENROLLMENT = Stream("enrollment", enrollments.Enrollment(), enrollments.evolve, id_of=_own("user_id", "program_id"))
MEMBER = Stream("member", members.Member(), members.evolve, id_of=_own("user_id"))
MESSAGE = Stream("message", messages.Message(), messages.evolve, id_of=_own("message_id"))
CHANNEL = Stream("channel", channels.Channel(), channels.evolve, id_of=_own("channel_id"))
RULE = Stream("rule", rules.Rule(), rules.evolve, id_of=_own("rule_id"))
EXPORT = Stream("export", exports.Export(), exports.evolve, id_of=_own("export_id"))

KNOWLEDGE_HANDLERS = (
    Handler(knowledge_base.CreateKnowledgeBase, decide=knowledge_base.create, writes=BASE, creates=True),
    Handler(document.UploadDocument, decide=document.upload, writes=DOCUMENT, reads=(BASE,), creates=True),
    Handler(document.ProcessDocument, decide=document.process, writes=DOCUMENT),
    Handler(document.RecordExtraction, decide=document.record_extraction, writes=DOCUMENT),
    Handler(document.RecordBatch, decide=document.record_batch, writes=DOCUMENT, keeps_command=False),
    Handler(document.RetryDocument, decide=document.retry, writes=DOCUMENT),
    Handler(document.UpdateDocument, decide=document.update, writes=DOCUMENT),
    Handler(document.DeleteDocument, decide=document.delete, writes=DOCUMENT),
)

OF_STEP = (FLOW, PROGRAM, MEMBER)
PROGRAM_HANDLERS = (
    Handler(program.CreateProgram, decide=program.create, writes=PROGRAM, creates=True),
    Handler(program.UpdateProgram, decide=program.update, writes=PROGRAM, reads=(CATALOGUE,)),
    Handler(program.PublishProgram, decide=program.publish, writes=PROGRAM, reads=(FLOW, CATALOGUE)),
    Handler(program.ArchiveProgram, decide=program.archive, writes=PROGRAM, reads=(CATALOGUE,)),
    Handler(enrollment.Enroll, decide=enrollment.enroll, writes=ENROLLMENT, reads=(PROGRAM, MEMBER)),
    Handler(
        enrollment.Advance,
        decide=enrollment.advance,
        writes=ENROLLMENT,
        reads=(*OF_STEP, CHANNEL, ACCOUNT, ALLOWANCE, MESSAGE),
    ),
    Handler(enrollment.RecordStep, decide=enrollment.record_step, writes=ENROLLMENT, reads=OF_STEP),
    Handler(enrollment.RecordAnswer, decide=enrollment.record_answer, writes=ENROLLMENT, reads=OF_STEP),
    Handler(enrollment.WakeHeld, decide=enrollment.wake_held, writes=ENROLLMENT, reads=OF_STEP),
)

MEMBER_HANDLERS = (
    Handler(
        member.ReceiveMessage,
        decide=member.receive,
        writes=MEMBER,
        reads=(CHANNEL, CATALOGUE, ACCOUNT, ALLOWANCE),
    ),
    Handler(member.UpdateProfile, decide=member.update_profile, writes=MEMBER),
    Handler(member.ResolveEscalation, decide=member.resolve_escalation, writes=MEMBER),
    Handler(
        replies.RecordReply,
        decide=replies.record_reply,
        writes=MEMBER,
        reads=(CHANNEL, ACCOUNT, ALLOWANCE, MESSAGE),
        keeps_command=False,
    ),
    Handler(trigger.TriggerRule, decide=trigger.trigger, writes=MEMBER, reads=(RULE, CHANNEL)),
    Handler(trigger.TakeAction, decide=trigger.take_action, writes=MEMBER, reads=(RULE, CHANNEL, MESSAGE)),
    Handler(message.RecordSend, decide=message.record_send, writes=MESSAGE, reads=(MEMBER,)),
    Handler(message.ResumeMessage, decide=message.resume, writes=MESSAGE),
    Handler(message.RecordReceipt, decide=message.record_receipt, writes=MESSAGE, reads=(MEMBER,)),
)

CHANNEL_HANDLERS = (
    Handler(account.NoteRefresh, decide=account.note_refresh, writes=ACCOUNT),
    Handler(channel.CreateChannel, decide=channel.create, writes=CHANNEL, reads=(ACCOUNT,), creates=True),
    Handler(channel.UpdateChannel, decide=channel.update, writes=CHANNEL, reads=(ACCOUNT,)),
    Handler(channel.VerifyChannel, decide=channel.verify, writes=CHANNEL),
    Handler(channel.LearnNumber, decide=channel.learn_number, writes=CHANNEL),
    Handler(channel.RecordWebhookSet, decide=channel.record_webhook_set, writes=CHANNEL),
    Handler(channel.RecordNumber, decide=channel.record_number, writes=CHANNEL),
    Handler(channel.RefuseCredentials, decide=channel.refuse_credentials, writes=CHANNEL),
    Handler(rule.CreateRule, decide=rule.create, writes=RULE, creates=True),
    Handler(rule.Sweep, decide=rule.sweep, writes=RULE),
    Handler(rule.RecordFound, decide=rule.record_found, writes=RULE),
    Handler(export.RequestExport, decide=export.request, writes=EXPORT, creates=True),
    Handler(export.RecordBuilt, decide=export.record_built, writes=EXPORT),
    Handler(export.RecordMailed, decide=export.record_mailed, writes=EXPORT),
)

CREATOR_HUB = Context(
    name="creator_hub",
    events=(*EVENTS, *WEBHOOK_EVENTS, *TOKEN_EVENTS),
    handlers=(
        *KNOWLEDGE_HANDLERS,
        *PROGRAM_HANDLERS,
        *MEMBER_HANDLERS,
        *CHANNEL_HANDLERS,
        *OUTBOX_HANDLERS,
        *WEBHOOK_HANDLERS,
        *TOKEN_HANDLERS,
    ),
    refusals=(
        knowledge_base.UnknownKnowledgeBase,
        document.UnknownDocument,
        document.NotFailed,
        program.UnknownProgram,
        program.FlowNotPublishable,
        program.ProgramIsArchived,
        enrollment.NotPublished,
        member.UnknownMember,
        member.ChannelNotActive,
        member.UnknownTimeZone,
        channel.UnknownChannel,
        StillThere,
        *WEBHOOK_REFUSALS,
    ),
    effects=(*EFFECTS, FindChatSender, ForgetMessages, DeliverWebhook),
    react=react,
)
