"""Every query, on a real database behind the real engine."""

from __future__ import annotations

from datetime import timedelta

from commands.communication.consent import GrantSmsConsent
from commands.communication.message import CancelMessage
from commands.communication.opt_out import OptOut
from commands.communication.preferences import ResetPreferences, UpdatePreferences
from commands.communication.receipt_kinds import ReceiptKind
from domain.communication.consent import ConsentStatus, VerificationCodeSent
from domain.communication.kinds import Channel, Wish
from domain.communication.message import Status
from domain.communication.preferences import DEFAULTS, PreferenceChanges
from projections.communication.consents import consent_history
from projections.communication.queries.consent_check import SendPermission, check, may_still_go, recipient_at
from projections.communication.queries.expenditure import usage_on
from projections.communication.queries.explanation import explanation_of
from projections.communication.queries.preferences import current_preferences
from projections.communication.queries.status import delivery_by_provider_id, delivery_of, message_by_id, unanswered_to
from projections.communication.recipients import pending_verifications, preferences_of, users_with_phone
from projections.journal import Link
from streams.core.calls import Rejected, Unknown
from streams.core.wiring import EraseSubject
from tests.commands.communication.people import ADA, ALERT, HOUR, NOW
from tests.projections.communication.running import Running, report

SMS, EMAIL = Channel.SMS, Channel.EMAIL
PHONE = "+15005550007"
TODAY = NOW.date()


async def test_the_status_of_a_message_follows_what_the_provider_says(world: Running) -> None:
    message_id = await world.ask(due_at=NOW + HOUR)
    waiting = await message_by_id(world.connection, message_id)
    assert waiting is not None
    assert (waiting.status, waiting.due_at, waiting.succeeded_at) == (Status.PENDING, NOW + HOUR, None)
    await world.pass_time(HOUR)
    sent = await message_by_id(world.connection, message_id)
    assert sent is not None
    assert (sent.status, sent.succeeded_at, sent.delivered_at) == (Status.SUCCESS, NOW + HOUR, None)
    await report(world, ReceiptKind.DELIVERED, sent.deliveries[0].provider_id)
    arrived = await message_by_id(world.connection, message_id)
    assert arrived is not None
    assert arrived.delivered_at == NOW + HOUR


async def test_there_is_no_status_of_what_was_never_asked_for(world: Running) -> None:
    assert await message_by_id(world.connection, world.new_id()) is None
    assert await delivery_by_provider_id(world.connection, "nobody") is None


async def test_a_cancelled_message_is_revoked(world: Running) -> None:
    message_id = await world.ask(due_at=NOW + HOUR)
    await world.do(CancelMessage(at=NOW, message_id=message_id, user_id=ADA))
    message = await message_by_id(world.connection, message_id)
    assert message is not None
    assert (message.status, message.reason) == (Status.REVOKED, "cancelled")


async def test_a_report_without_a_known_id_finds_the_one_message_that_waits_for_its_number(world: Running) -> None:
    world.sms.idempotent = False
    world.sms.verdict = Unknown("timed out")
    message_id = await world.ask()
    await world.pass_time()
    message = await message_by_id(world.connection, message_id)
    assert message is not None
    assert (message.status, message.unconfirmed) == (Status.FAILURE, True)
    found = await unanswered_to(world.connection, SMS, PHONE, "SM-unknown")
    assert found is not None
    assert (found.message_id, found.user_id, found.channel) == (message_id, ADA, SMS)
    await world.ask()
    await world.pass_time()
    assert await unanswered_to(world.connection, SMS, PHONE, "SM-unknown") is None


async def test_a_report_that_may_be_about_a_code_finds_no_message_by_its_number(world: Running) -> None:
    await world.pass_time()
    sent = "select convert_from(data, 'UTF8')::json ->> 'provider_id' from headwater.journal where name = %s"
    rows = await (await world.connection.execute(sent, (VerificationCodeSent.name,))).fetchall()
    world.sms.idempotent = False
    world.sms.verdict = Unknown("timed out")
    await world.ask()
    await world.pass_time()
    assert await unanswered_to(world.connection, SMS, PHONE, rows[0][0]) is None, "it went out with a code"
    assert await unanswered_to(world.connection, SMS, PHONE, "SM-unknown") is not None
    await world.do(GrantSmsConsent(at=NOW, user_id=8, verification_id=world.new_id(), phone_number=PHONE, source="api"))
    assert await unanswered_to(world.connection, SMS, PHONE, "SM-unknown") is None, "a code is on its way there"


async def test_a_reference_finds_its_message_and_nothing_else(world: Running) -> None:
    message_id = await world.ask()
    assert await delivery_of(world.connection, SMS, str(message_id)) == (message_id, ADA, SMS)
    assert await delivery_of(world.connection, EMAIL, str(message_id)) is None
    assert await delivery_of(world.connection, SMS, str(world.new_id())) is None
    assert await delivery_of(world.connection, SMS, "no id at all") is None


async def test_a_rejected_message_shows_both_its_tries(world: Running) -> None:
    world.sms.verdict = Rejected("30007", "no such number")
    message_id = await world.ask()
    await world.pass_time()
    message = await message_by_id(world.connection, message_id)
    assert message is not None
    assert [(d.channel, d.status.value) for d in message.deliveries] == [(EMAIL, "sent"), (SMS, "rejected")]
    assert (message.status, message.fallback) == (Status.SUCCESS, True)
    assert (await usage_on(world.connection, TODAY)).daily == 100_000, "what was refused is not owed"


async def test_preferences_are_the_defaults_until_they_are_set(world: Running) -> None:
    assert await preferences_of(world.connection, 999) == (DEFAULTS, 0)
    changes = PreferenceChanges(alert_types_sms={ALERT: False}, time_zone="Europe/Vienna")
    await world.do(UpdatePreferences(at=NOW, user_id=ADA, changes=changes))
    preferences, version = await preferences_of(world.connection, ADA)
    assert (preferences.alert_types_sms, preferences.time_zone) == ({ALERT: False}, "Europe/Vienna")
    assert version > 0


async def test_current_preferences_are_those_of_the_latest_change_with_the_version_of_the_latest_event(
    world: Running,
) -> None:
    assert await current_preferences(world.connection, 999) == (DEFAULTS, 0)
    await world.pass_time()
    agreed = await current_preferences(world.connection, ADA)
    assert (agreed.preferences, agreed.version > 0) == (DEFAULTS, True)
    for day in (3, 4):
        changes = PreferenceChanges(preferred_email_day=day)
        await world.do(UpdatePreferences(at=NOW, user_id=ADA, changes=changes))
    changed = await current_preferences(world.connection, ADA)
    assert (changed.preferences.preferred_email_day, changed.version) == (4, agreed.version + 2)
    await world.do(OptOut(at=NOW, user_id=ADA, wish=Wish.SMS))
    assert await current_preferences(world.connection, ADA) == (changed.preferences, changed.version + 1)
    await world.do(ResetPreferences(at=NOW, user_id=ADA))
    assert await current_preferences(world.connection, ADA) == (DEFAULTS, changed.version + 2)


async def test_a_number_is_found_while_it_waits_for_its_code_and_afterwards(world: Running) -> None:
    assert await users_with_phone(world.connection, PHONE) == [ADA]
    assert await pending_verifications(world.connection, PHONE) == []
    other = "+15005550100"
    verification = world.new_id()
    await world.do(GrantSmsConsent(at=NOW, user_id=8, verification_id=verification, phone_number=other, source="api"))
    assert await users_with_phone(world.connection, other) == [8]
    (pending,) = await pending_verifications(world.connection, other)
    assert pending == (8, verification, NOW + timedelta(minutes=10))
    await world.do(OptOut(at=NOW, user_id=8, wish=Wish.SMS))
    assert await pending_verifications(world.connection, other) == []


async def test_consent_can_be_checked_as_it_was_at_any_time(world: Running) -> None:
    await world.pass_time(HOUR)
    await world.do(OptOut(at=NOW, user_id=ADA, wish=Wish.SMS, message_types=(ALERT,), reason="too_frequent"))
    now = await may_still_go(world.connection, ADA, SMS, ALERT)
    assert now[:3] == (False, "opted_out", ConsentStatus.OPTED_OUT)
    then = check(await recipient_at(world.connection, ADA, as_of=NOW), SMS, ALERT, NOW)
    assert then[:3] == (True, "explicit_consent", ConsentStatus.GRANTED)
    before = check(await recipient_at(world.connection, ADA, as_of=NOW - HOUR), SMS, ALERT, NOW - HOUR)
    assert before == SendPermission(False, "no_consent", ConsentStatus.NONE, 0)


async def test_a_check_sees_preferences_and_erasure_too(world: Running) -> None:
    await world.do(UpdatePreferences(at=NOW, user_id=ADA, changes=PreferenceChanges(sms_enabled=False)))
    assert check(await recipient_at(world.connection, ADA), SMS, ALERT, NOW).reason == "preference_disabled"
    assert check(await recipient_at(world.connection, ADA), EMAIL, ALERT, NOW).can_send
    await world.do(EraseSubject(at=NOW, partition_key=str(ADA), erased=f"communication:{ADA}"))
    assert check(await recipient_at(world.connection, ADA), EMAIL, ALERT, NOW).reason == "no_address"
    assert await users_with_phone(world.connection, PHONE) == []


async def test_every_change_of_consent_is_kept_with_its_proof(world: Running) -> None:
    await world.do(OptOut(at=NOW, user_id=ADA, wish=Wish.EMAIL, reason="too_frequent"))
    history = [row for row in await consent_history(world.connection, ADA) if row.message_type == ALERT]
    assert [(row.channel, row.status, row.source) for row in history] == [
        ("sms", "pending", "web"),
        ("sms", "granted", "web"),
        ("email", "granted", "api"),
        ("email", "opted_out", "api"),
    ]
    assert history[1].address == PHONE
    assert history[1].verification_id is not None


async def test_an_explanation_links_every_input_to_its_event(world: Running) -> None:
    message_id = await world.ask()
    await world.pass_time()
    explanation = await explanation_of(world.connection, message_id, world.runtime.mapper)
    assert explanation is not None
    assert explanation.sentence == (
        "Sent by SMS: the recipient agreed to it, and no rule stood in the way. provider accepted the SMS."
    )
    sent = explanation.history[1]
    (consent,) = [rule for rule in sent.rules if rule.rule == "consent"]
    granted = consent.evidence["consent"]
    assert isinstance(granted, Link)
    assert (granted.stream, granted.name) == (f"recipient/{ADA}", "communication.recipient.consent_granted.v1")
    assert (sent.event.stream, sent.event.name) == (f"message/{message_id}", "communication.message.dispatched.v1")


async def test_an_explanation_says_why_nothing_was_sent(world: Running) -> None:
    message_id = await world.ask(due_at=NOW + HOUR)
    await world.do(OptOut(at=NOW, user_id=ADA))
    await world.pass_time(HOUR)
    explanation = await explanation_of(world.connection, message_id, world.runtime.mapper)
    assert explanation is not None
    assert explanation.sentence == (
        "Not sent: by SMS the recipient has opted out of it and by e-mail the recipient has opted out of it."
    )
    assert await explanation_of(world.connection, world.new_id(), world.runtime.mapper) is None
