"""What providers report: signed, counted once, in any order. A bad signature is 401 and leaves no trace."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import parse_qsl
from uuid import UUID, uuid4, uuid5

import orjson
from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.requests import Request

from api.actions import Acting
from api.communication.dependencies import Dependencies, Own
from api.communication.errors import CommunicationRoute
from api.communication.signers import Signers
from api.errors import ApiError
from api.routing import BODY
from api.surface import Read, own_of, surface_of
from commands.communication.consent import ReceiveSms
from commands.communication.delivery import RecordReceipt, resend_kind, twilio_kind
from commands.communication.receipt import RecordUnmatchedReceipt
from commands.communication.stop import HearStop
from connectors.signatures import resend_hmac_valid, twilio_valid, webhook_valid
from domain.communication.kinds import Channel
from domain.keywords import Keyword, keyword_in
from domain.messages import Command
from projections.communication.queries.status import Found, delivery_by_provider_id, delivery_of, unanswered_to
from projections.communication.recipients import RECIPIENTS, users_with_phone
from streams.core.calls import REFERENCE
from streams.core.gateway import Pending, Unavailable, envelop
from streams.core.partitions import key_in_each
from streams.postgres.reads import Reads
from streams.postgres.status import installation

router = APIRouter(route_class=CommunicationRoute, prefix="/api/communication/webhooks", tags=["Webhooks"])

REPORTS = UUID("b0f6a1ae-6f0c-5a0e-8f5c-7a1d0c9c7a55")
"""Namespace of the command ids of reports: the same report is the same command, however often it is delivered."""

DEADLINE_SECONDS = 5.0
"""Twilio waits 15 seconds, and a STOP takes two rounds. What is not answered by then is in the log all the same."""


class Received(BaseModel):
    success: bool = True


LONGEST = 500
STATUS_PATH = "/twilio"


def _signers(request: Request) -> Signers:
    return own_of(request, Dependencies).signers


def _acting(request: Request) -> Acting:
    return surface_of(request).acting


async def _report(acting: Acting, command: Command, *source: str) -> None:
    """Puts a report on record; `source` is what makes it this one. What is refused concerns nobody here."""
    id_ = uuid5(REPORTS, "\0".join(source)) if source else uuid4()
    actor = f"provider:{source[0] if source else 'sms'}"
    envelope = envelop(command, acting.surface, acting.partitions, actor, id_, fresh=not source)
    try:
        await acting.gateway.submit(envelope, DEADLINE_SECONDS)
    except Pending:
        return
    except Unavailable as unavailable:
        raise _away() from unavailable


def _away(details: str | None = None) -> ApiError:
    return ApiError(503, "Service unavailable", kind="Unavailable", details=details, headers={"Retry-After": "1"})


def _twilio(request: Request) -> Mapping[str, Any]:
    """The parameters of a report by Twilio, form or JSON (CO-1); raises ApiError 401 for a wrong signature."""
    token, body = _signers(request).twilio_token, request.scope[BODY]
    if token is None:
        raise _invalid("TWILIO_AUTH_TOKEN is not set, so no signature can be checked")
    url, signature = _called(request), request.headers.get("x-twilio-signature", "")
    if "json" in request.headers.get("content-type", ""):
        if not _twilio_json_valid(token, url, body, signature):
            raise _invalid()
        return _object(body)
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    if not twilio_valid(token, [url], pairs, signature):
        raise _invalid()
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
        raise _invalid("RESEND_WEBHOOK_SECRET is not set, so no signature can be checked")
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
        raise _invalid()
    return _object(body)


def _invalid(details: str | None = None) -> ApiError:
    return ApiError(401, "Invalid signature", kind="InvalidSignature", details=details)


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise ApiError(400, "Invalid body: must be a JSON object", kind="InvalidInput")
    return found


def _text(values: Mapping[str, Any], name: str) -> str:
    """A value as text, cut where it is too long to matter; raises ApiError 400 for what is no text or number."""
    value = values.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ApiError(400, f"Invalid {name}: must be a string", kind="InvalidInput")
    return str(value).replace("\0", "")[:LONGEST]


def _needed(values: Mapping[str, Any], name: str) -> str:
    found = _text(values, name)
    if not found:
        raise _missing(name)
    return found


def _given(values: Mapping[str, Any], name: str) -> str:
    """A value that has to be there and may be empty: a picture comes without a word."""
    if values.get(name) is None:
        raise _missing(name)
    return _text(values, name)


def _missing(name: str) -> ApiError:
    return ApiError(400, f"Missing required field: {name}", kind="InvalidInput")


FromTwilio = Annotated[Mapping[str, Any], Depends(_twilio)]
FromResend = Annotated[Mapping[str, Any], Depends(_resend)]


@router.post("/twilio")
async def twilio_webhook(report: FromTwilio, request: Request, reads: Read) -> Received:
    """A text message's status."""
    sid, status = _needed(report, "MessageSid"), _needed(report, "MessageStatus").lower()
    reference = request.query_params.get(REFERENCE)
    found = await _found(reads, Channel.SMS, sid, reference, _text(report, "To"))
    acting = _acting(request)
    if found is None:
        unmatched = RecordUnmatchedReceipt(at=acting.clock.now(), provider="twilio", provider_id=sid, word=status)
        await _report(acting, unmatched, "twilio", sid, status)
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
        code=_text(report, "ErrorCode") or None,
        reason=_text(report, "ErrorMessage"),
    )
    await _report(acting, receipt, "twilio", sid, status, str(found.message_id))
    return Received()


@router.post("/resend")
async def resend_webhook(event: FromResend, request: Request, reads: Read) -> Received:
    """What happened to an e-mail: delivered, bounced, complained about, opened, clicked …"""
    type_ = _needed(event, "type")
    data = event.get("data")
    data = data if isinstance(data, dict) else {}
    provider_id = _text(data, "email_id") or _needed(event, "id")
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
        await _report(acting, unmatched, *source)
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
        kind=resend_kind(type_, _text(bounce, "type") or None),
        word=type_,
        code=_text(bounce, "subType") or None,
        reason=_text(bounce, "message"),
    )
    await _report(acting, receipt, *source, str(found.message_id))
    return Received()


def _tagged(data: Mapping[str, Any]) -> str | None:
    """The reference among an e-mail's tags: Resend reports them as one object."""
    tags = data.get("tags")
    reference = tags.get(REFERENCE) if isinstance(tags, dict) else None
    return reference if isinstance(reference, str) else None


async def _found(reads: Reads, channel: Channel, provider_id: str, reference: str | None, to: str) -> Found | None:
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
    sender, text = _needed(message, "From"), _given(message, "Body")
    sid = _text(message, "MessageSid")
    async with reads.connection() as connection:
        users = await users_with_phone(connection, sender)
        halted = {projection.name for projection in (await installation(connection)).halted}
    acting, mark, keyword = _acting(request), own.secrets.mark(sender), keyword_in(text)
    at = acting.clock.now()
    await asyncio.gather(
        *(
            _report(
                acting,
                ReceiveSms(at=at, user_id=user_id, phone_number=sender, body=text),
                *(("twilio", sid, str(user_id)) if sid else ()),
            )
            for user_id in users
        )
    )
    if keyword is Keyword.STOP:
        await _hear_stop(acting, sid, mark, users)
    if keyword is Keyword.START and RECIPIENTS.name in halted:
        raise _away("the read model of recipients has halted: there may be others with this number")
    if not users:
        await _report_stranger(acting, sid or mark[:32])
    return Received()


async def _hear_stop(acting: Acting, sid: str, mark: str, told: Sequence[int]) -> None:
    """Puts a STOP on record in each partition, for those whom the read models may not show yet."""
    name, at = sid or str(uuid4()), acting.clock.now()
    await asyncio.gather(
        *(
            _report(
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
    await _report(acting, unmatched, "twilio", name, "inbound")
