"""Endpoints of providers' reports: signed, counted once, in any order. A bad signature is 401 and not recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import parse_qsl
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.requests import Request

from api.actions import Actions
from api.communication.dependencies import Dependencies, Own
from api.communication.signers import Signers
from api.inbound import (
    detail_in,
    given_in,
    invalid_signature,
    json_object,
    needed_in,
    record_report,
    text_in,
    unavailable,
)
from api.routing import BODY, LeanRoute
from api.surface import Read, own_of, surface_of
from commands.communication.consent import RecordCodeReceipt
from commands.communication.delivery import RecordReceipt
from commands.communication.opt_out import ReceiveSms
from commands.communication.receipt import RecordUnmatchedReceipt
from commands.communication.receipt_kinds import ReceiptKind, resend_kind, twilio_kind
from commands.communication.stop import HearStop
from connectors.signatures import resend_hmac_valid, twilio_valid, webhook_valid
from domain.communication.addresses import canonical_number
from domain.communication.failure_reasons import reason_of
from domain.communication.kinds import Channel
from domain.keywords import Keyword, keyword_of
from projections.communication.queries.status import FoundDelivery, delivery_by_provider_id, delivery_of, unanswered_to
from projections.communication.recipients import RECIPIENTS, user_verifying, users_with_phone
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


def _actions(request: Request) -> Actions:
    return surface_of(request).actions


def _twilio(request: Request) -> Mapping[str, Any]:
    """The parameters of a report by Twilio, as form or JSON (CO-1); raises ApiError 401 for a wrong signature."""
    token, body = _signers(request).twilio_token, request.scope[BODY]
    if token is None:
        raise invalid_signature("TWILIO_AUTH_TOKEN is not set, so no signature can be checked")
    url, signature = _called_url(request), request.headers.get("x-twilio-signature", "")
    if "json" in request.headers.get("content-type", ""):
        if not _twilio_json_valid(token, url, body, signature):
            raise invalid_signature()
        return json_object(body)
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    if not twilio_valid(token, [url], pairs, signature):
        raise invalid_signature()
    return dict(pairs)


def _called_url(request: Request) -> str:
    """The public address that Twilio signed: that of the status webhook is a setting, the opt-out's is its sibling."""
    status_url, path = _signers(request).twilio_url, request.url.path
    if status_url is None:
        return str(request.url)
    base = status_url.partition("?")[0]
    if not path.endswith(STATUS_PATH):
        base = f"{base.rpartition('/')[0]}/{path.rpartition('/')[2]}"
    return f"{base}?{request.url.query}" if request.url.query else base


def _twilio_json_valid(token: str, url: str, body: bytes, signature: str) -> bool:
    """Accepts Twilio's signature (with the body's hash in the address), and the document's over address and body."""
    whole = url + body.decode("utf-8", "replace")
    return twilio_valid(token, [url], body, signature) or twilio_valid(token, [whole], (), signature)


def _resend(request: Request) -> Mapping[str, Any]:
    """The event in a report by Resend, verified by svix headers if present, else by X-Resend-Signature (CO-2)."""
    secret, body, headers = _signers(request).resend_secret, request.scope[BODY], request.headers
    if secret is None:
        raise invalid_signature("RESEND_WEBHOOK_SECRET is not set, so no signature can be checked")
    if "svix-signature" in headers:
        now = _actions(request).clock.now()
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
    sid, status = needed_in(report, "MessageSid"), _status_in(report)
    reference = request.query_params.get(REFERENCE)
    found = await _found(reads, Channel.SMS, sid, reference, detail_in(report, "To"))
    actions = _actions(request)
    if found is None:
        unmatched = RecordUnmatchedReceipt(at=actions.clock.now(), provider="twilio", provider_id=sid, word=status)
        await record_report(actions, unmatched, "twilio", sid, status)
        if reference is not None and twilio_kind(status) is ReceiptKind.UNDELIVERED:
            await _record_code_receipt(actions, reads, report, reference)
        return Received()
    code, kind = detail_in(report, "ErrorCode") or None, twilio_kind(status)
    words = detail_in(report, "ErrorMessage")
    receipt = RecordReceipt(
        at=actions.clock.now(),
        message_id=found.message_id,
        user_id=found.user_id,
        channel=found.channel,
        provider="twilio",
        provider_id=sid,
        kind=kind,
        word=status,
        code=code,
        reason=reason_of(code, words) if kind is ReceiptKind.UNDELIVERED else words,
    )
    await record_report(actions, receipt, "twilio", sid, status, str(found.message_id))
    return Received()


async def _record_code_receipt(actions: Actions, reads: Reads, report: Mapping[str, Any], reference: str) -> None:
    """Record that the text with the code of this verification did not arrive, if it is one and still pending."""
    async with reads.connection() as connection:
        user_id = await user_verifying(connection, reference)
    if user_id is None:
        return
    code = detail_in(report, "ErrorCode") or None
    receipt = RecordCodeReceipt(
        at=actions.clock.now(),
        user_id=user_id,
        verification_id=UUID(reference),
        code=code,
        reason=reason_of(code, detail_in(report, "ErrorMessage")),
    )
    await record_report(actions, receipt, "twilio", needed_in(report, "MessageSid"), "code", reference)


@router.post("/resend")
async def resend_webhook(event: FromResend, request: Request, reads: Read) -> Received:
    """What happened to an e-mail: delivered, bounced, complained about, opened, clicked …"""
    type_ = needed_in(event, "type")
    data = event.get("data")
    data = data if isinstance(data, dict) else {}
    signed_id = request.headers.get("svix-id") if "svix-signature" in request.headers else None
    provider_id = _id_in(event, type_, signed_id)
    to = data.get("to")
    address = to[0] if isinstance(to, list) and to and isinstance(to[0], str) else ""
    found = await _found(reads, Channel.EMAIL, provider_id, _tagged(data), address.replace("\0", ""))
    actions = _actions(request)
    source = ("resend", signed_id or f"{provider_id} {type_}")
    if found is None:
        unmatched = RecordUnmatchedReceipt(
            at=actions.clock.now(), provider="resend", provider_id=provider_id, word=type_
        )
        await record_report(actions, unmatched, *source)
        return Received()
    receipt = RecordReceipt(
        at=actions.clock.now(),
        message_id=found.message_id,
        user_id=found.user_id,
        channel=found.channel,
        provider="resend",
        provider_id=provider_id,
        kind=resend_kind(type_, detail_in(data, "bounce", "type") or None),
        word=type_,
        code=detail_in(data, "bounce", "subType") or detail_in(data, "suppressed", "type") or None,
        reason=_words_in(data),
    )
    await record_report(actions, receipt, *source, str(found.message_id))
    return Received()


def _status_in(report: Mapping[str, Any]) -> str:
    """The status in a report by Twilio: of a text that went out, else of one that came in here by mistake."""
    status = text_in(report, "MessageStatus") or text_in(report, "SmsStatus") or needed_in(report, "MessageStatus")
    return status.lower()


def _id_in(event: Mapping[str, Any], type_: str, signed_id: str | None) -> str:
    """The id of the e-mail; for a kind of report that may be about something else, whatever identifies it."""
    email_id = text_in(event["data"], "email_id") if isinstance(event.get("data"), dict) else ""
    if email_id or resend_kind(type_) is not ReceiptKind.OTHER:
        return email_id or needed_in(event, "id")
    return detail_in(event, "id") or detail_in(event, "data", "id") or signed_id or type_


def _words_in(data: Mapping[str, Any]) -> str:
    """The provider's reason, where the kind of report has one."""
    places = (("bounce", "message"), ("failed", "reason"), ("suppressed", "message"))
    return next((words for place in places if (words := detail_in(data, *place))), "")


def _tagged(data: Mapping[str, Any]) -> str | None:
    """The reference among an e-mail's tags, which Resend reports as one object."""
    tags = data.get("tags")
    reference = tags.get(REFERENCE) if isinstance(tags, dict) else None
    return reference if isinstance(reference, str) else None


async def _found(
    reads: Reads, channel: Channel, provider_id: str, reference: str | None, to: str
) -> FoundDelivery | None:
    """The message that a report is about. The address decides only without a reference."""
    async with reads.connection() as connection:
        found = await delivery_by_provider_id(connection, provider_id)
        if found is not None:
            return found
        if reference is not None:
            return await delivery_of(connection, channel, reference)
        return await unanswered_to(connection, channel, to, provider_id) if to else None


@router.post("/sms-opt-out")
async def sms_opt_out_webhook(message: FromTwilio, request: Request, reads: Read, own: Own) -> Received:
    """A text that came in: STOP and its synonyms take consent back at once, START gives it again.

    Twilio's own verdict on it, `OptOutType`, counts whatever the word.
    """
    sender, text = needed_in(message, "From"), given_in(message, "Body")
    sid, verdict = text_in(message, "MessageSid"), text_in(message, "OptOutType")
    async with reads.connection() as connection:
        users = await users_with_phone(connection, sender)
        halted = {projection.name for projection in (await installation(connection)).halted}
    actions, mark = _actions(request), own.secrets.mark(canonical_number(sender))
    keyword = keyword_of(text, verdict)
    at = actions.clock.now()
    await asyncio.gather(
        *(
            record_report(
                actions,
                ReceiveSms(at=at, user_id=user_id, phone_number=sender, body=text, verdict=verdict),
                "twilio",
                *((sid, str(user_id)) if sid else ()),
            )
            for user_id in users
        )
    )
    if keyword is Keyword.STOP:
        await _record_stop(actions, sid, mark, users)
    if keyword is Keyword.START and RECIPIENTS.name in halted:
        raise unavailable("the read model of recipients has halted: there may be others with this number")
    if not users:
        await _record_unknown_sender(actions, sid or mark[:32])
    return Received()


async def _record_stop(actions: Actions, sid: str, mark: str, shown: Sequence[int]) -> None:
    """Record a STOP in each partition: the read models may not yet show every user with this number."""
    name, at = sid or str(uuid4()), actions.clock.now()
    await asyncio.gather(
        *(
            record_report(
                actions,
                HearStop(at=at, stop_id=key, mark=mark, told=tuple(shown), partitions=actions.partitions),
                "twilio",
                key,
                "stop",
            )
            for key in key_in_each(name, actions.partitions)
        )
    )


async def _record_unknown_sender(actions: Actions, name: str) -> None:
    """No user has this number: record the report under a name that does not reveal it."""
    unmatched = RecordUnmatchedReceipt(at=actions.clock.now(), provider="twilio", provider_id=name, word="inbound")
    await record_report(actions, unmatched, "twilio", name, "inbound")
