"""What providers report: signed, counted once, in any order. A bad signature is 401 and leaves no trace."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import parse_qsl
from uuid import uuid4

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.requests import Request

from api.actions import Acting
from api.communication.dependencies import Dependencies, Own
from api.communication.signers import Signers
from api.inbound import away, given_in, invalid_signature, json_object, needed_in, record_report, text_in
from api.routing import BODY, LeanRoute
from api.surface import Read, own_of, surface_of
from commands.communication.delivery import RecordReceipt
from commands.communication.opt_out import ReceiveSms
from commands.communication.receipt import RecordUnmatchedReceipt
from commands.communication.receipt_kinds import resend_kind, twilio_kind
from commands.communication.stop import HearStop
from connectors.signatures import resend_hmac_valid, twilio_valid, webhook_valid
from domain.communication.kinds import Channel
from domain.keywords import Keyword, keyword_in
from projections.communication.queries.status import FoundDelivery, delivery_by_provider_id, delivery_of, unanswered_to
from projections.communication.recipients import RECIPIENTS, users_with_phone
from streams.core.calls import REFERENCE
from streams.core.partitions import key_in_each
from streams.postgres.reads import Reads
from streams.postgres.status import installation

router = APIRouter(route_class=LeanRoute, prefix="/api/communication/webhooks", tags=["Webhooks"])


class Received(BaseModel):
    success: bool = True


STATUS_PATH = "/twilio"


def _signers(request: Request) -> Signers:
    return own_of(request, Dependencies).signers


def _acting(request: Request) -> Acting:
    return surface_of(request).acting


def _twilio(request: Request) -> Mapping[str, Any]:
    """The parameters of a report by Twilio, form or JSON (CO-1); raises ApiError 401 for a wrong signature."""
    token, body = _signers(request).twilio_token, request.scope[BODY]
    if token is None:
        raise invalid_signature("TWILIO_AUTH_TOKEN is not set, so no signature can be checked")
    url, signature = _called(request), request.headers.get("x-twilio-signature", "")
    if "json" in request.headers.get("content-type", ""):
        if not _twilio_json_valid(token, url, body, signature):
            raise invalid_signature()
        return json_object(body)
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    if not twilio_valid(token, [url], pairs, signature):
        raise invalid_signature()
    return dict(pairs)


def _called(request: Request) -> str:
    """The address that Twilio called, as it knows it: that of the status webhook is set, the other stands beside it."""
    status_url, path = _signers(request).twilio_url, request.url.path
    if status_url is None:
        return str(request.url)
    base = status_url.partition("?")[0]
    if not path.endswith(STATUS_PATH):
        base = f"{base.rpartition('/')[0]}/{path.rpartition('/')[2]}"
    return f"{base}?{request.url.query}" if request.url.query else base


def _twilio_json_valid(token: str, url: str, body: bytes, signature: str) -> bool:
    """Signed as Twilio does (with the body's hash in the address), or over address and body, as the document reads."""
    whole = url + body.decode("utf-8", "replace")
    return twilio_valid(token, [url], body, signature) or twilio_valid(token, [whole], (), signature)


def _resend(request: Request) -> Mapping[str, Any]:
    """The event in a report by Resend: svix headers where there are any, else X-Resend-Signature (CO-2)."""
    secret, body, headers = _signers(request).resend_secret, request.scope[BODY], request.headers
    if secret is None:
        raise invalid_signature("RESEND_WEBHOOK_SECRET is not set, so no signature can be checked")
    if "svix-signature" in headers:
        now = _acting(request).clock.now()
        valid = webhook_valid(
            secret,
            headers.get("svix-id", ""),
            headers.get("svix-timestamp", ""),
            body,
            headers["svix-signature"],
            now.timestamp(),
        )
    else:
        valid = resend_hmac_valid(secret, body, headers.get("x-resend-signature", ""))
    if not valid:
        raise invalid_signature()
    return json_object(body)


FromTwilio = Annotated[Mapping[str, Any], Depends(_twilio)]
FromResend = Annotated[Mapping[str, Any], Depends(_resend)]


@router.post("/twilio")
async def twilio_webhook(report: FromTwilio, request: Request, reads: Read) -> Received:
    """A text message's status."""
    sid, status = needed_in(report, "MessageSid"), needed_in(report, "MessageStatus").lower()
    reference = request.query_params.get(REFERENCE)
    found = await _found(reads, Channel.SMS, sid, reference, text_in(report, "To"))
    acting = _acting(request)
    if found is None:
        unmatched = RecordUnmatchedReceipt(at=acting.clock.now(), provider="twilio", provider_id=sid, word=status)
        await record_report(acting, unmatched, "twilio", sid, status)
        return Received()
    receipt = RecordReceipt(
        at=acting.clock.now(),
        message_id=found.message_id,
        user_id=found.user_id,
        channel=found.channel,
        provider="twilio",
        provider_id=sid,
        kind=twilio_kind(status),
        word=status,
        code=text_in(report, "ErrorCode") or None,
        reason=text_in(report, "ErrorMessage"),
    )
    await record_report(acting, receipt, "twilio", sid, status, str(found.message_id))
    return Received()


@router.post("/resend")
async def resend_webhook(event: FromResend, request: Request, reads: Read) -> Received:
    """What happened to an e-mail: delivered, bounced, complained about, opened, clicked …"""
    type_ = needed_in(event, "type")
    data = event.get("data")
    data = data if isinstance(data, dict) else {}
    provider_id = text_in(data, "email_id") or needed_in(event, "id")
    to = data.get("to")
    address = to[0] if isinstance(to, list) and to and isinstance(to[0], str) else ""
    found = await _found(reads, Channel.EMAIL, provider_id, _tagged(data), address.replace("\0", ""))
    acting = _acting(request)
    signed_id = request.headers.get("svix-id") if "svix-signature" in request.headers else None
    source = ("resend", signed_id or f"{provider_id} {type_}")
    if found is None:
        unmatched = RecordUnmatchedReceipt(
            at=acting.clock.now(), provider="resend", provider_id=provider_id, word=type_
        )
        await record_report(acting, unmatched, *source)
        return Received()
    bounce = data.get("bounce")
    bounce = bounce if isinstance(bounce, dict) else {}
    receipt = RecordReceipt(
        at=acting.clock.now(),
        message_id=found.message_id,
        user_id=found.user_id,
        channel=found.channel,
        provider="resend",
        provider_id=provider_id,
        kind=resend_kind(type_, text_in(bounce, "type") or None),
        word=type_,
        code=text_in(bounce, "subType") or None,
        reason=text_in(bounce, "message"),
    )
    await record_report(acting, receipt, *source, str(found.message_id))
    return Received()


def _tagged(data: Mapping[str, Any]) -> str | None:
    """The reference among an e-mail's tags: Resend reports them as one object."""
    tags = data.get("tags")
    reference = tags.get(REFERENCE) if isinstance(tags, dict) else None
    return reference if isinstance(reference, str) else None


async def _found(
    reads: Reads, channel: Channel, provider_id: str, reference: str | None, to: str
) -> FoundDelivery | None:
    """Whose message a report is about. The address decides only where there is no reference."""
    async with reads.connection() as connection:
        found = await delivery_by_provider_id(connection, provider_id)
        if found is not None:
            return found
        if reference is not None:
            return await delivery_of(connection, channel, reference)
        return await unanswered_to(connection, channel, to, provider_id) if to else None


@router.post("/sms-opt-out")
async def sms_opt_out_webhook(message: FromTwilio, request: Request, reads: Read, own: Own) -> Received:
    """A text that came in: STOP and its synonyms take consent back at once, START gives it again."""
    sender, text = needed_in(message, "From"), given_in(message, "Body")
    sid = text_in(message, "MessageSid")
    async with reads.connection() as connection:
        users = await users_with_phone(connection, sender)
        halted = {projection.name for projection in (await installation(connection)).halted}
    acting, mark, keyword = _acting(request), own.secrets.mark(sender), keyword_in(text)
    at = acting.clock.now()
    await asyncio.gather(
        *(
            record_report(
                acting,
                ReceiveSms(at=at, user_id=user_id, phone_number=sender, body=text),
                "twilio",
                *((sid, str(user_id)) if sid else ()),
            )
            for user_id in users
        )
    )
    if keyword is Keyword.STOP:
        await _hear_stop(acting, sid, mark, users)
    if keyword is Keyword.START and RECIPIENTS.name in halted:
        raise away("the read model of recipients has halted: there may be others with this number")
    if not users:
        await _report_stranger(acting, sid or mark[:32])
    return Received()


async def _hear_stop(acting: Acting, sid: str, mark: str, told: Sequence[int]) -> None:
    """Puts a STOP on record in each partition, for those whom the read models may not show yet."""
    name, at = sid or str(uuid4()), acting.clock.now()
    await asyncio.gather(
        *(
            record_report(
                acting,
                HearStop(at=at, stop_id=key, mark=mark, told=tuple(told), partitions=acting.partitions),
                "twilio",
                key,
                "stop",
            )
            for key in key_in_each(name, acting.partitions)
        )
    )


async def _report_stranger(acting: Acting, name: str) -> None:
    """Nobody here has this number: the report is kept under a name that does not tell it."""
    unmatched = RecordUnmatchedReceipt(at=acting.clock.now(), provider="twilio", provider_id=name, word="inbound")
    await record_report(acting, unmatched, "twilio", name, "inbound")
