"""Calls of WhatsApp and Telegram: members' messages, and reports on ours. They are verified over their raw bytes."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from api.actions import Actions
from api.creator_hub.dependencies import Dependencies, Own
from api.creator_hub.fields import Id, not_there
from api.errors import ApiError
from api.inbound import invalid_signature, record_report
from api.routing import BODY, LeanRoute
from api.surface import surface_of
from commands.creator_hub.channel import LearnNumber, VerifyChannel
from commands.creator_hub.member import ReceiveMessage
from commands.creator_hub.message import ReceiptStatus, RecordReceipt
from connectors.chat_updates import ChatMessage, ChatReport, ChatUpdate
from connectors.signatures import hub_signature_valid, token_valid
from connectors.telegram_updates import telegram_updates
from connectors.whatsapp_updates import whatsapp_updates
from domain.creator_hub.channel import ChannelStatus
from domain.creator_hub.kinds import ChannelType
from domain.creator_hub.member import message_id
from projections.creator_hub.channels import ChannelRow, channel_by_id
from projections.creator_hub.queries.conversations import recipient_of
from streams.postgres.vault import VaultEmpty

router = APIRouter(route_class=LeanRoute, prefix="/webhooks", tags=["Provider Calls"])

SIGNATURE = "X-Hub-Signature-256"
SECRET_TOKEN = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - a header's name
SUBSCRIBE = "subscribe"


class ReceivedAnswer(BaseModel):
    """How many messages and reports were taken; what is neither is left out."""

    received: int


@router.get("/whatsapp/{channel_id}", response_class=PlainTextResponse, response_model=None)
async def verify(channel_id: Id, request: Request, own: Own) -> Response:
    """Answer WhatsApp's challenge where it knows the channel's token, which makes the channel active."""
    channel = await _channel(own, str(channel_id), ChannelType.WHATSAPP)
    expected = (await _secrets(own, channel)).get("webhook_verify_token")
    given = request.query_params
    known = expected is not None and token_valid(expected, given.get("hub.verify_token", ""))
    if not known or given.get("hub.mode") != SUBSCRIBE:
        raise _refused("The verify token is not the channel's")
    actions = surface_of(request).actions
    command = VerifyChannel(at=actions.clock.now(), creator_id=channel.creator_id, channel_id=channel.channel_id)
    await record_report(actions, command, ChannelType.WHATSAPP)
    return PlainTextResponse(given.get("hub.challenge", ""))


@router.post("/whatsapp/{channel_id}")
async def whatsapp(channel_id: Id, request: Request, own: Own) -> ReceivedAnswer:
    """Take WhatsApp's messages and reports: every one counts once, however often it comes."""
    channel, body = await _channel(own, str(channel_id), ChannelType.WHATSAPP), request.scope[BODY]
    secret = (await _secrets(own, channel)).get("app_secret") or _app_secret(own)
    if secret is None or not hub_signature_valid(secret, body, request.headers.get(SIGNATURE, "")):
        raise invalid_signature()
    _check_active(channel)
    updates = [one for one in whatsapp_updates(body) if _is_for(channel, one)]
    await _learn(request, channel, updates)
    for update in updates:
        await _record(request, own, channel, update)
    return ReceivedAnswer(received=len(updates))


@router.post("/telegram/{channel_id}")
async def telegram(channel_id: Id, request: Request, own: Own) -> ReceivedAnswer:
    """Take Telegram's update, which counts once."""
    channel = await _channel(own, str(channel_id), ChannelType.TELEGRAM)
    expected = (await _secrets(own, channel)).get("secret_token")
    if expected is None or not token_valid(expected, request.headers.get(SECRET_TOKEN, "")):
        raise invalid_signature()
    _check_active(channel)
    updates = telegram_updates(request.scope[BODY])
    for update in updates:
        await _record(request, own, channel, update)
    return ReceivedAnswer(received=len(updates))


async def _channel(own: Dependencies, channel_id: str, type_: ChannelType) -> ChannelRow:
    async with own.engine.reads.connection() as connection:
        channel = await channel_by_id(connection, channel_id)
    if channel is None or channel.channel_type is not type_:
        raise not_there()
    return channel


async def _secrets(own: Dependencies, channel: ChannelRow) -> Mapping[str, str]:
    if channel.vault is None:
        return {}
    try:
        return await own.vault.open(channel.vault)
    except VaultEmpty:
        return {}


def _app_secret(own: Dependencies) -> str | None:
    return None if own.whatsapp_app_secret is None else own.whatsapp_app_secret.get_secret_value()


def _check_active(channel: ChannelRow) -> None:
    if channel.status is not ChannelStatus.ACTIVE:
        raise _refused("This channel takes no messages yet")


def _refused(sentence: str) -> ApiError:
    return ApiError(403, sentence, kind="Forbidden")


def _number_of(channel: ChannelRow) -> str | None:
    given = channel.configuration.get("phone_number_id")
    return given if isinstance(given, str) and given else channel.phone_number_id


def _is_for(channel: ChannelRow, update: ChatUpdate) -> bool:
    """An application has one address for all its numbers: what is for another one is not the channel's."""
    number = _number_of(channel)
    return number is None or update.account in (None, number)


async def _learn(request: Request, channel: ChannelRow, updates: list[ChatUpdate]) -> None:
    account = next((one.account for one in updates if one.account), None)
    if account is None or _number_of(channel) is not None:
        return
    actions = surface_of(request).actions
    command = LearnNumber(
        at=actions.clock.now(),
        creator_id=channel.creator_id,
        channel_id=channel.channel_id,
        phone_number_id=account,
    )
    await record_report(actions, command, channel.channel_type, channel.channel_id, "number", account)


async def _record(request: Request, own: Dependencies, channel: ChannelRow, update: ChatUpdate) -> None:
    actions = surface_of(request).actions
    if isinstance(update, ChatMessage):
        command = _message(actions, own, channel, update)
        await record_report(actions, command, channel.channel_type, channel.channel_id, update.id)
        return
    receipt = await _receipt(actions, own, channel, update)
    if receipt is not None:
        source = (channel.channel_id, update.provider_id, update.status.value)
        await record_report(actions, receipt, channel.channel_type, *source)


def _message(actions: Actions, own: Dependencies, channel: ChannelRow, update: ChatMessage) -> ReceiveMessage:
    at = actions.clock.now()
    user_id = own.user_id(channel.creator_id, channel.channel_type, update.address)
    return ReceiveMessage(
        at=at,
        creator_id=channel.creator_id,
        user_id=user_id,
        channel_id=channel.channel_id,
        message_id=message_id(user_id, update.id),
        provider_id=update.id,
        address=update.address,
        member_name=update.name or None,
        content=update.kind,
        text=update.text,
        language=update.language,
        said_at=update.at or at,
        model=own.model,
    )


async def _receipt(
    actions: Actions, own: Dependencies, channel: ChannelRow, report: ChatReport
) -> RecordReceipt | None:
    """The report on a message of ours; None for one on anything else."""
    if report.reference is None or report.part is None:
        return None
    async with own.engine.reads.connection() as connection:
        user_id = await recipient_of(connection, channel.creator_id, report.reference)
    if user_id is None:
        return None
    return RecordReceipt(
        at=actions.clock.now(),
        creator_id=channel.creator_id,
        user_id=user_id,
        message_id=report.reference,
        part=report.part,
        status=ReceiptStatus(report.status.value),
        provider_id=report.provider_id,
        code=report.code,
        reason=report.reason or None,
    )
