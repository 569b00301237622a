"""Endpoints of consent: grant, verification, revocation, opt-out and check."""

from __future__ import annotations

from collections.abc import Sequence, Set
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import phonenumbers
from fastapi import APIRouter
from pydantic import BaseModel, Field, PlainSerializer
from starlette.requests import Request

from api.actions import Action
from api.auth import Caller
from api.communication.dependencies import Dependencies, Own
from api.communication.fields import Address, Code, Instant, PhoneNumber, Short, UserId, UserIdText
from api.communication.messages import Done
from api.errors import ApiError, FieldError, invalid
from api.fields import Body
from api.routing import LeanRoute
from api.surface import Act, Read, may
from commands.communication.consent import CodeNotAllowed, GrantEmailConsent, GrantSmsConsent, VerifyPhone
from commands.communication.number import AllowCode
from commands.communication.opt_out import OptOut, RevokeConsent
from content.communication import verification_text
from domain.communication.addresses import canonical_mailbox, canonical_number
from domain.communication.consent import ConsentStatus, PhoneVerificationFailed
from domain.communication.kinds import ALL_TYPES, Channel, TriggerType, Wish, types_named
from domain.communication.optimal import optimal_time
from domain.communication.prices import price
from projections.communication.dead_mailboxes import is_dead
from projections.communication.queries.consent_check import check, recipient_at
from projections.communication.queries.engagement import history_of
from projections.communication.recipients import (
    PendingVerification,
    pending_verifications,
    preferences_of,
    verified_number,
)
from streams.core.envelope import Outcome
from streams.postgres.reads import Reads

router = APIRouter(route_class=LeanRoute, prefix="/api/communication", tags=["Consent"])

MANAGE = may("preferences:manage")
NOT_CARRIED = "must have ASCII characters only before the @: no configured provider carries others"
CODE_COST = price(Channel.SMS, verification_text("000000").length.segments)
"""The cost of a text with a verification code, whatever the code."""

ENDED_VERIFICATION = PendingVerification(
    user_id=0, verification_id=UUID(int=0), expires_at=datetime.min.replace(tzinfo=UTC)
)
"""A stand-in for a repeated request whose first delivery ended the verification: it gets the earlier outcome."""

Types = Annotated[list[TriggerType], Field(min_length=1, max_length=len(ALL_TYPES) * 2)]


class SmsConsentBody(Body):
    """`consent_text` is the text the person was shown: ours, kept as proof."""

    user_id: UserId
    phone_number: PhoneNumber
    consent_source: Short | None = None
    consent_text: Annotated[str, Field(max_length=2000)] | None = None


class VerifyBody(Body):
    phone_number: PhoneNumber
    verification_code: Code


class EmailConsentBody(Body):
    user_id: UserId
    email: Address
    message_types: Types | None = None
    consent_source: Short | None = None
    consent_text: Annotated[str, Field(max_length=2000)] | None = None


class RevokeBody(Body):
    user_id: UserId
    channel: Channel
    message_types: Types | None = None
    reason: Short | None = None


class OptOutBody(Body):
    user_id: UserId
    channel: Wish | None = None
    message_type: Short | None = None
    reason: Short | None = None


class CheckBody(Body):
    """`as_of` is ours: the answer as it would have been at that moment. It may stand in the query string instead."""

    user_id: UserId
    message_type: TriggerType
    channel: Channel
    as_of: Instant | None = None


class ConsentAnswer(BaseModel):
    success: bool = True
    message: str
    verification_required: bool


class CheckAnswer(BaseModel):
    """`consent_event` is the version, in the stream `recipient/<user_id>`, of the event that consent rests on."""

    success: bool = True
    can_send: bool
    reason: str
    consent_status: str
    consent_event: int
    as_of: datetime


class OptimalTimeAnswer(BaseModel):
    success: bool = True
    optimal_time: Annotated[datetime, PlainSerializer(datetime.isoformat)]
    channel: Channel


def proof(request: Request) -> dict[str, Any]:
    """The origin of a consent: the address and user agent of the request."""
    client = request.client.host if request.client else None
    return {"ip": client, "user_agent": request.headers.get("user-agent", "")[:300] or None}


@router.post("/consent/sms")
async def grant_sms_consent(
    body: SmsConsentBody, caller: Annotated[Caller, MANAGE], act: Act, request: Request, reads: Read, own: Own
) -> ConsentAnswer:
    """Ask for consent to texts: a code goes to the number, and consent counts once it comes back."""
    check_country(body.phone_number, own.countries)
    repeated = await act.repeated()
    grant = GrantSmsConsent(
        at=act.at,
        user_id=body.user_id,
        verification_id=act.new_id("verification"),
        phone_number=body.phone_number,
        source=body.consent_source or "api",
        text=body.consent_text or "",
        allowed=repeated or not await _stands(body, reads),
        cost=CODE_COST,
        usage=(await own.spending()).usage,
        limits=own.limits,
        **proof(request),
    )
    if grant.allowed and not repeated:
        await _allow_code(grant, act, own)
    outcome = await _submit_grant(grant, act, own)
    return ConsentAnswer(message="SMS consent granted successfully", verification_required=bool(outcome.events))


async def _submit_grant(grant: GrantSmsConsent, act: Action, own: Dependencies) -> Outcome:
    """Submit the grant. A read model that lags may show consent that stands no more: then the number is asked."""
    try:
        return await act.submit(grant)
    except ApiError as refused:
        if refused.kind is not CodeNotAllowed:
            raise
    await _allow_code(grant, act, own)
    return await act.part(1).submit(grant.model_copy(update={"allowed": True}))


async def _allow_code(grant: GrantSmsConsent, act: Action, own: Dependencies) -> None:
    """Ask the number, under its own partition key, whether it may get a code; raises ApiError 400 above its limit."""
    number = own.secrets.mark(canonical_number(grant.phone_number or ""))
    allow = AllowCode(at=grant.at, number=number, verification_id=grant.verification_id)
    await act.part(0, conditional=False).submit(allow)


async def _stands(body: SmsConsentBody, reads: Reads) -> bool:
    """Whether this very number is verified and nothing was withdrawn since, as far as can be read."""
    async with reads.connection() as connection:
        if await verified_number(connection, body.user_id) != canonical_number(body.phone_number):
            return False
        sms = (await recipient_at(connection, body.user_id)).sms
    return all(sms.standing(type_).status is ConsentStatus.GRANTED for type_ in ALL_TYPES)


def check_country(phone_number: str, allowed: Set[str]) -> None:
    """Raises ApiError 400 for a number of another country; without any, all are allowed."""
    if not allowed:
        return
    try:
        number = phonenumbers.parse(phone_number)
    except phonenumbers.NumberParseException:
        raise ApiError(400, "Invalid phone_number: no country has such numbers", kind="InvalidInput") from None
    code = number.country_code or 0
    country = phonenumbers.region_code_for_number(number) or phonenumbers.region_code_for_country_code(code)
    if country not in allowed:
        raise ApiError(400, "Invalid phone_number: no codes are sent to this country", kind="InvalidInput")


@router.post("/consent/sms/verify")
async def verify_sms_consent(
    body: VerifyBody, caller: Annotated[Caller, MANAGE], act: Act, reads: Read, own: Own
) -> Done:
    """Prove a number by the code that was sent to it: within 10 minutes and five tries, whoever else waits there."""
    async with reads.connection() as connection:
        pending = await pending_verifications(connection, body.phone_number)
    repeated = await act.repeated()
    if not pending and not repeated:
        raise ApiError(400, "No verification is under way for this phone number", kind="NoVerification")
    fitting = [one for one in pending if own.secrets.is_code(one.verification_id, body.verification_code)]
    chosen = (fitting or pending or [ENDED_VERIFICATION])[0]
    if not fitting and not repeated:
        await _count_against(pending[1:], act)
    outcome = await act.submit(
        VerifyPhone(at=act.at, user_id=chosen.user_id, verification_id=chosen.verification_id, correct=bool(fitting))
    )
    failed = next((event for event in outcome.events if isinstance(event, PhoneVerificationFailed)), None)
    if failed is not None:
        raise ApiError(400, "Invalid verification code", kind="WrongCode", details=f"{failed.tries_left} tries left")
    return Done(message="Phone number verified successfully")


async def _count_against(others: Sequence[PendingVerification], act: Action) -> None:
    """Count a wrong code against everybody else who waits for one at the number: a guess is one at each of the codes.

    A code that has expired, or was guessed wrong too often, is over already.
    """
    for number, other in enumerate(others):
        if other.expires_at > act.at:
            wrong = VerifyPhone(at=act.at, user_id=other.user_id, verification_id=other.verification_id, correct=False)
            try:
                await act.part(number, conditional=False).submit(wrong)
            except ApiError as refused:
                if refused.status != 400:
                    raise


@router.post("/consent/email")
async def grant_email_consent(
    body: EmailConsentBody, caller: Annotated[Caller, MANAGE], act: Act, request: Request, reads: Read, own: Own
) -> ConsentAnswer:
    """Consent to e-mail of these kinds, or of every kind."""
    if not await own.carries(body.email):
        raise invalid([FieldError("email", NOT_CARRIED, missing=False)])
    async with reads.connection() as connection:
        dead = await is_dead(connection, own.secrets.mark(canonical_mailbox(body.email)))
    await act.submit(
        GrantEmailConsent(
            at=act.at,
            user_id=body.user_id,
            address=body.email,
            message_types=types(body.message_types),
            source=body.consent_source or "api",
            text=body.consent_text or "",
            dead=dead,
            **proof(request),
        )
    )
    return ConsentAnswer(message="Email consent granted successfully", verification_required=False)


def types(given: list[TriggerType] | None) -> tuple[TriggerType, ...]:
    """The given types without repeats; all types for none."""
    return tuple(dict.fromkeys(given)) if given else ALL_TYPES


@router.post("/consent/revoke")
async def revoke_consent(body: RevokeBody, caller: Annotated[Caller, MANAGE], act: Act) -> Done:
    """Take consent back for a channel, for some kinds of message or all."""
    await act.submit(
        RevokeConsent(
            at=act.at,
            user_id=body.user_id,
            channel=body.channel,
            message_types=types(body.message_types),
            reason=body.reason or "",
        )
    )
    return Done(message="Consent revoked successfully")


@router.post("/opt-out")
async def opt_out(body: OptOutBody, caller: Annotated[Caller, MANAGE], act: Act) -> Done:
    """No more of a kind of message, or of `all`, on a channel or on both; at once."""
    try:
        message_types = types_named("all" if body.message_type is None else body.message_type)
    except ValueError:
        raise ApiError(400, f"Invalid trigger type: {body.message_type}", kind="InvalidInput") from None
    await act.submit(
        OptOut(
            at=act.at,
            user_id=body.user_id,
            wish=body.channel or Wish.BOTH,
            message_types=message_types,
            reason=body.reason or "",
        )
    )
    return Done(message="Opted out successfully")


@router.post("/consent/check")
async def check_consent(
    body: CheckBody,
    caller: Annotated[Caller, may("preferences:manage", "communication:read")],
    reads: Read,
    act: Act,
    as_of: Instant | None = None,
) -> CheckAnswer:
    """Whether a kind of message could be sent now, or could have been at `as_of`. Writes nothing."""
    asked = requested_instant(body.as_of, as_of, act.at)
    async with reads.connection() as connection:
        recipient = await recipient_at(connection, body.user_id, asked)
    at = asked or act.at
    found = check(recipient, body.channel, body.message_type, at)
    return CheckAnswer(
        can_send=found.can_send,
        reason=found.reason,
        consent_status=found.consent_status.value,
        consent_event=found.event,
        as_of=at,
    )


def requested_instant(in_body: datetime | None, in_query: datetime | None, now: datetime) -> datetime | None:
    """The requested instant, None for now; raises ApiError 400 for two different instants or a future one."""
    if in_body is not None and in_query is not None and in_body != in_query:
        raise ApiError(400, "Invalid as_of: the body and the query string name different times", kind="InvalidInput")
    asked = in_body or in_query
    if asked is not None and asked > now:
        raise ApiError(
            400, f"Invalid as_of: must not be in the future, and it is {now.isoformat()} now", kind="InvalidInput"
        )
    return asked


@router.get("/optimal-send-time")
async def optimal_send_time(
    user_id: UserIdText,
    caller: Annotated[Caller, may("preferences:manage", "communication:read")],
    reads: Read,
    act: Act,
    channel: Channel = Channel.SMS,
) -> OptimalTimeAnswer:
    """The next best moment to write to a user, from their own history; without one, their preferred time."""
    async with reads.connection() as connection:
        preferences = (await preferences_of(connection, user_id)).preferences
        history = await history_of(connection, user_id, channel)
    return OptimalTimeAnswer(optimal_time=optimal_time(preferences, channel, history, act.at), channel=channel)
