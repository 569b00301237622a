"""The reactions to events: timers, calls to providers, and the accounting of money."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from uuid import UUID

from commands import outbox, webhooks
from commands.communication.address_report import HearReport, RecordMark, RecordOwners, SuppressAddress
from commands.communication.attempt import RecordAttempt
from commands.communication.budget import RecordSpending, ReserveBudget
from commands.communication.consent import RecordCodeSent
from commands.communication.effects import (
    FindOwners,
    FindSenders,
    MarkAddress,
    SendMail,
    SendMessage,
    SendText,
    SendVerificationCode,
)
from commands.communication.message import DispatchMessage
from commands.communication.opt_out import OptOut
from commands.communication.stop import RecordSenders
from domain.communication.address_report import OwnersFound, ReportHeard, ReportMarked
from domain.communication.budget import BudgetReserved, Limits
from domain.communication.consent import AddressReported, OptOutSource, SmsConsentRequested, VerificationCodeFailed
from domain.communication.delivery import MessageRejected
from domain.communication.kinds import Channel, Wish
from domain.communication.message import (
    MessageBlocked,
    MessageDispatched,
    MessageHeld,
    MessageRequested,
    ReservationReturned,
)
from domain.communication.permanent_codes import AddressFact
from domain.communication.stop import SendersFound, StopHeard
from domain.messages import Event
from domain.money import Microcents
from streams.core.envelope import Recorded
from streams.core.wiring import Call, Later, SubjectErased, Task


def react(event: Recorded[Event]) -> Iterator[Task]:
    """The tasks of an event. A due message reserves its cost first, and the dispatch follows the reservation."""
    match event.fact:
        case MessageRequested() as requested if requested.due_at > requested.at:
            yield _when_due(requested, requested.due_at)
        case MessageHeld() as held:
            yield _when_due(held, held.until)
            yield from _spend(held.at, held.message_id, held.day, -held.reserved)
        case BudgetReserved() as reserved:
            yield _dispatch(reserved, event.record.version)
        case MessageDispatched() as dispatched:
            yield _send(dispatched)
            amount = dispatched.cost - dispatched.reserved
            yield from _spend(dispatched.at, dispatched.message_id, dispatched.day, amount, dispatched.limits)
        case MessageBlocked() | ReservationReturned() as over:
            yield from _spend(over.at, over.message_id, over.day, -over.reserved)
        case MessageRejected() as rejected:
            yield from _spend(rejected.at, rejected.message_id, rejected.day, -rejected.refund)
        case _:
            yield from _about_people(event)
            yield from webhooks.react(event)


def _about_people(event: Recorded[Event]) -> Iterator[Task]:
    match event.fact:
        case SmsConsentRequested() as asked:
            yield _send_code(asked)
            yield from _spend(asked.at, asked.verification_id, asked.at.date(), asked.cost, asked.limits)
        case VerificationCodeFailed(day=day) as failed if day is not None:
            yield from _spend(failed.at, failed.verification_id, day, -failed.refund)
        case SubjectErased() as gone:
            yield outbox.removal(gone)
        case StopHeard() as heard:
            yield _search(heard, event.position.partition)
        case SendersFound() as found:
            for user_id in found.user_ids:
                yield Later(
                    found.at,
                    OptOut(
                        at=found.at,
                        user_id=user_id,
                        wish=Wish.SMS,
                        reason="stop keyword",
                        source=OptOutSource.KEYWORD,
                        said_at=found.said_at,
                    ),
                )
        case _:
            yield from _about_addresses(event)


def _about_addresses(event: Recorded[Event]) -> Iterator[Task]:
    match event.fact:
        case AddressReported() as reported:
            yield _mark(reported, str(event.record.event_id))
        case ReportMarked() as marked:
            for key in marked.keys:
                yield Later(marked.at, _in_partition(marked, key))
        case ReportHeard() as heard:
            yield _search_owners(heard, event.position.partition)
        case OwnersFound() as found:
            for user_id in found.user_ids:
                yield Later(found.at, _for_owner(found, user_id))


def _mark(reported: AddressReported, report_id: str) -> Call:
    effect = MarkAddress(
        report_id=report_id, user_id=reported.user_id, channel=reported.channel, address=reported.address
    )
    reply = RecordMark(
        at=reported.at, report_id=report_id, channel=reported.channel, fact=reported.fact, reported_at=reported.at
    )
    return Call(effect, reply)


def _in_partition(marked: ReportMarked, key: str) -> HearReport:
    return HearReport(
        at=marked.at,
        report_id=key,
        channel=marked.channel,
        fact=marked.fact,
        reported_at=marked.reported_at,
        mark=marked.mark,
        partitions=len(marked.keys),
    )


def _search_owners(heard: ReportHeard, partition: int) -> Call:
    effect = FindOwners(
        report_id=heard.report_id,
        channel=heard.channel,
        mark=heard.mark,
        partition=partition,
        partitions=heard.partitions,
    )
    return Call(effect, RecordOwners(at=heard.at, report_id=heard.report_id))


def _for_owner(found: OwnersFound, user_id: int) -> OptOut | SuppressAddress:
    """The fact for one of the address's owners; it changes nothing for the person whose message was reported."""
    if found.fact is AddressFact.DEAD:
        return SuppressAddress(at=found.at, user_id=user_id, channel=found.channel, reported_at=found.reported_at)
    stopped = found.fact is AddressFact.STOPPED
    return OptOut(
        at=found.at,
        user_id=user_id,
        wish=Wish(found.channel),
        reason="stopped at the provider" if stopped else "complaint",
        source=OptOutSource.PROVIDER if stopped else OptOutSource.COMPLAINT,
        said_at=found.reported_at,
    )


def _when_due(message: MessageRequested | MessageHeld, due_at: datetime) -> Later:
    return Later(
        due_at,
        ReserveBudget(
            at=message.at,
            message_id=message.message_id,
            user_id=message.user_id,
            amount=message.cost,
            limits=message.limits,
        ),
    )


def _dispatch(reserved: BudgetReserved, reservation: int) -> Later:
    return Later(
        reserved.at,
        DispatchMessage(
            at=reserved.at,
            message_id=reserved.message_id,
            user_id=reserved.user_id,
            usage=reserved.usage,
            reserved=reserved.amount,
            reservation=reservation,
        ),
    )


def _send(dispatched: MessageDispatched) -> Call:
    kind: type[SendMessage] = SendText if dispatched.channel is Channel.SMS else SendMail
    effect = kind(
        message_id=dispatched.message_id,
        user_id=dispatched.user_id,
        trigger_type=dispatched.trigger_type,
        template=dispatched.template,
        to=dispatched.to,
        data=dispatched.data,
    )
    reply = RecordAttempt(
        at=dispatched.at, message_id=dispatched.message_id, user_id=dispatched.user_id, channel=dispatched.channel
    )
    return Call(effect, reply)


def _send_code(asked: SmsConsentRequested) -> Call:
    effect = SendVerificationCode(user_id=asked.user_id, verification_id=asked.verification_id, to=asked.phone_number)
    return Call(effect, RecordCodeSent(at=asked.at, user_id=asked.user_id, verification_id=asked.verification_id))


def _search(heard: StopHeard, partition: int) -> Call:
    effect = FindSenders(
        stop_id=heard.stop_id, mark=heard.mark, told=heard.told, partition=partition, partitions=heard.partitions
    )
    return Call(effect, RecordSenders(at=heard.at, stop_id=heard.stop_id))


def _spend(
    at: datetime, message_id: UUID, day: date, amount: Microcents, limits: Limits | None = None
) -> Iterator[Task]:
    if amount:
        yield Later(at, RecordSpending(at=at, message_id=message_id, day=day, amount=amount, limits=limits))
