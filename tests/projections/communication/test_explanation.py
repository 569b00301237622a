"""Explanations: every input of every rule comes from the events it is linked to, or is said to be something else."""

from __future__ import annotations

from datetime import time
from typing import Any
from uuid import UUID

import orjson

from commands.communication.delivery import RecordReceipt
from commands.communication.opt_out import OptOut
from commands.communication.preferences import ResetPreferences, UpdatePreferences
from commands.communication.receipt_kinds import ReceiptKind
from domain.communication.kinds import Channel, Priority, TriggerType, Wish
from domain.communication.preferences import PreferenceChanges, QuietHours
from projections.communication.queries.evidence import Source
from projections.communication.queries.explanation import ExplainedRule, Explanation, explanation_of
from projections.communication.queries.preferences import current_preferences
from projections.journal import Link
from streams.core.calls import Rejected
from streams.core.wiring import EraseSubject
from tests.commands.communication.people import ADA, ALERT, HOUR, NOW
from tests.projections.communication.running import Running, running

SMS, EMAIL = Channel.SMS, Channel.EMAIL
LOW = {"priority": Priority.LOW}
SCHEMA_WITHOUT_EVENTS_OF_CONTACTS = "5b210d4fe69bd7cf"
"""That of a recipient's state as it was when contacts were kept as times alone."""


async def explained(world: Running, message_id: UUID) -> Explanation:
    await world.pass_time()
    explanation = await explanation_of(world.connection, message_id, world.runtime.mapper)
    assert explanation is not None
    check_every_input(explanation)
    return explanation


def check_every_input(explanation: Explanation) -> None:
    """Each has a source, evidence where that is an event, and none where it is not."""
    for rule in (rule for happening in explanation.history for rule in happening.rules):
        assert rule.sources.keys() == rule.inputs.keys()
        assert Source.UNRECORDED not in rule.sources.values()
        assert {name for name, source in rule.sources.items() if source is Source.EVENT} == rule.evidence.keys()


def rules(explanation: Explanation, name: str) -> list[ExplainedRule]:
    """What this rule said, in the latest decision."""
    decided = [happening.rules for happening in explanation.history if happening.rules][-1]
    return [rule for rule in decided if rule.rule == name]


async def rule_of(world: Running, message_id: UUID, name: str) -> ExplainedRule:
    (found,) = rules(await explained(world, message_id), name)
    return found


def one(rule: ExplainedRule, name: str) -> Link:
    found = rule.evidence[name]
    assert isinstance(found, Link)
    return found


async def prefer(world: Running, **changes: Any) -> None:
    await world.do(UpdatePreferences(at=NOW, user_id=ADA, changes=PreferenceChanges(**changes)))


async def body_of(world: Running, link: Link) -> dict[str, Any]:
    sql = "select data from headwater.journal where stream = %s and version = %s and event_id = %s"
    row = await (await world.connection.execute(sql, (link.stream, link.version, link.event_id))).fetchone()
    assert row is not None, "the link leads nowhere"
    found: dict[str, Any] = orjson.loads(row[0])
    return found


async def test_the_messages_that_the_frequency_cap_counted_are_linked(world: Running) -> None:
    too_old = await world.ask(**LOW)
    await world.pass_time(169 * HOUR)
    counted = [await world.ask(**LOW) for _ in range(3)]
    await world.ask(priority=Priority.CRITICAL)
    cap = await rule_of(world, await world.ask(**LOW), "frequency_cap")
    assert cap.inputs["sent_in_window"] == 3
    links = cap.evidence["contacts"]
    assert isinstance(links, list)
    assert {link.name for link in links} == {"communication.recipient.contacted.v1"}
    linked = [(await body_of(world, link))["message_id"] for link in links]
    assert linked == [str(message_id) for message_id in counted]
    assert str(too_old) not in linked
    assert cap.evidence["sent_in_window"] == links


async def test_without_contacts_and_preferences_the_cap_says_that_these_are_defaults(world: Running) -> None:
    cap = await rule_of(world, await world.ask(**LOW), "frequency_cap")
    assert cap.evidence == {}
    assert cap.sources == {
        "preferences": Source.DEFAULT,
        "frequency": Source.DEFAULT,
        "contacts": Source.DEFAULT,
        "sent_in_window": Source.DEFAULT,
        "cap": Source.RULE,
    }


async def test_what_a_person_set_is_linked_and_what_they_left_unset_is_a_default(world: Running) -> None:
    await prefer(world, time_zone="Europe/Vienna")
    hours = await rule_of(world, await world.ask(**LOW), "quiet_hours")
    assert hours.inputs["quiet_hours"] == ["21:00:00", "08:00:00"]
    assert hours.sources == {
        "preferences": Source.EVENT,
        "time_zone": Source.EVENT,
        "quiet_hours": Source.DEFAULT,
        "local_time": Source.DERIVED,
    }
    assert one(hours, "time_zone").name == "communication.recipient.preferences_updated.v1"
    await prefer(world, quiet_hours=QuietHours(start=time(1), end=time(2)))
    hours = await rule_of(world, await world.ask(**LOW), "quiet_hours")
    assert (await body_of(world, one(hours, "quiet_hours")))["preferences"]["quiet_hours"]["start"] == "01:00:00"
    await world.do(ResetPreferences(at=NOW, user_id=ADA))
    hours = await rule_of(world, await world.ask(**LOW), "quiet_hours")
    assert (hours.sources["preferences"], hours.sources["time_zone"]) == (Source.EVENT, Source.DEFAULT)


async def test_a_held_message_and_the_switches_of_its_channels_are_explained(world: Running) -> None:
    await prefer(world, quiet_hours=QuietHours(start=time(9), end=time(11)), alert_types_email={ALERT: False})
    held = await explained(world, await world.ask(wish=Wish.BOTH, **LOW))
    (hours,) = rules(held, "quiet_hours")
    assert (hours.verdict, hours.sources["opens"]) == ("hold", Source.DERIVED)
    (switched_off,) = [rule for rule in rules(held, "preferences") if rule.channel == EMAIL]
    assert one(switched_off, "switched_off").name == "communication.recipient.preferences_updated.v1"


async def test_why_a_critical_message_skipped_rules_is_linked_to_what_was_asked_for(world: Running) -> None:
    message_id = await world.ask(priority=Priority.CRITICAL)
    explanation = await explained(world, message_id)
    for name, field in (("frequency_cap", "priority"), ("quiet_hours", "priority"), ("channel", "asked")):
        (rule,) = rules(explanation, name)
        link = one(rule, field)
        assert (link.stream, link.version, link.name) == (
            f"message/{message_id}",
            1,
            "communication.message.requested.v1",
        )


async def test_the_budget_of_a_message_whose_time_has_come_is_linked_to_its_reservation(world: Running) -> None:
    await world.ask()
    message_id = await world.ask(due_at=NOW + HOUR)
    await world.pass_time(HOUR)
    budget = await rule_of(world, message_id, "budget")
    for name in ("daily_used", "monthly_used", "reservation"):
        link = one(budget, name)
        assert (link.stream, link.name) == ("budget/2025-01", "communication.budget.reserved.v1")
    reserved = await body_of(world, one(budget, "daily_used"))
    assert reserved["message_id"] == str(message_id)
    assert reserved["usage"]["daily"] == budget.inputs["daily_used"] == 5_000_000
    assert budget.sources["daily_limit"] is Source.SETTING


async def test_the_budget_of_a_message_sent_at_once_says_how_far_spending_was_counted(world: Running) -> None:
    await world.ask()
    await world.pass_time()
    budget = await rule_of(world, await world.ask(), "budget")
    counted_to = budget.inputs["counted_to"]
    assert budget.inputs["daily_used"] == 5_000_000
    assert (budget.sources["daily_used"], budget.sources["counted_to"]) == (Source.COUNTERS, Source.COUNTERS)
    sql = """
        select sum((convert_from(data, 'UTF8')::json->>'cost')::bigint) from headwater.journal
         where name = 'communication.message.dispatched.v1' and sequence <= (%s::json->>(partition::text))::bigint
    """
    row = await (await world.connection.execute(sql, (orjson.dumps(counted_to).decode(),))).fetchone()
    assert row == (5_000_000,)


async def test_a_dead_address_is_linked_to_the_report_of_it(world: Running) -> None:
    first = await world.ask(wish=Wish.EMAIL)
    await world.pass_time()
    await world.do(
        RecordReceipt(
            at=NOW,
            message_id=first,
            user_id=ADA,
            channel=EMAIL,
            provider="provider",
            provider_id=None,
            kind=ReceiptKind.BOUNCED,
            word="bounced",
        )
    )
    explanation = await explained(world, await world.ask(wish=Wish.EMAIL))
    dead, alive = rules(explanation, "suppression")
    assert one(dead, "cause").name == one(dead, "suppression").name == "communication.recipient.address_suppressed.v1"
    assert alive.sources == {"suppression": Source.DEFAULT}


BOUNCED: dict[str, Any] = {"at": NOW, "user_id": ADA, "channel": EMAIL, "provider": "provider", "provider_id": None}
WORDS = "550 5.1.1 Ada Lovelace <ada@example.com> is unknown here"


async def bounced(world: Running) -> tuple[UUID, UUID]:
    """A message whose address is reported dead, and the next one, which goes another way."""
    first = await world.ask(wish=Wish.EMAIL)
    await world.pass_time()
    report = RecordReceipt(**BOUNCED, message_id=first, kind=ReceiptKind.BOUNCED, word="bounced", reason=WORDS)
    await world.do(report)
    return first, await world.ask(wish=Wish.EMAIL)


async def test_the_provider_s_words_are_shown_from_the_event_that_holds_them_sealed(world: Running) -> None:
    first, second = await bounced(world)
    assert (await explained(world, first)).sentence.endswith(f"The e-mail did not arrive: {WORDS}.")
    dead, _ = rules(await explained(world, second), "suppression")
    assert (dead.inputs["cause"], dead.sources["cause"]) == (WORDS, Source.EVENT)
    assert "Lovelace" not in str(await body_of(world, one(dead, "cause")))


async def test_of_an_erased_person_an_explanation_shows_no_words(world: Running) -> None:
    first, second = await bounced(world)
    await world.do(EraseSubject(at=NOW, partition_key=str(ADA), erased=f"communication:{ADA}"))
    told = await explained(world, first)
    assert told.sentence.endswith("The e-mail did not arrive: no reason given.")
    dead, _ = rules(await explained(world, second), "suppression")
    assert dead.inputs["cause"] is None


async def test_a_decision_that_quotes_the_words_is_shown_without_them_once_the_person_is_erased(world: Running) -> None:
    """As earlier releases recorded it."""
    _, second = await bounced(world)
    quoting = f'replace(convert_from(data, \'UTF8\'), \'"suppression":\', \'"cause":"{WORDS}","suppression":\')'
    sql = f"update headwater.journal set data = convert_to({quoting}, 'UTF8') where stream = %s"
    await world.connection.execute(sql.encode(), (f"message/{second}",))
    dead, _ = rules(await explained(world, second), "suppression")
    assert dead.inputs["cause"] == WORDS
    await world.do(EraseSubject(at=NOW, partition_key=str(ADA), erased=f"communication:{ADA}"))
    dead, _ = rules(await explained(world, second), "suppression")
    assert dead.inputs["cause"] is None


async def test_a_missing_consent_is_said_to_be_missing(world: Running) -> None:
    await world.do(OptOut(at=NOW, user_id=ADA, wish=Wish.SMS, message_types=(ALERT,)))
    refused, agreed = rules(await explained(world, await world.ask(wish=Wish.SMS)), "consent")
    assert one(refused, "consent").name == "communication.recipient.opted_out.v1"
    assert one(agreed, "consent").name == "communication.recipient.consent_granted.v1"
    waiting = await world.ask(user_id=8, wish=Wish.EMAIL, trigger_type=TriggerType.MONTHLY_REPORT)
    assert await explanation_of(world.connection, waiting, world.runtime.mapper) is None, (
        "a refused message is answered, and not recorded"
    )


async def test_an_address_that_was_erased_is_linked_to_the_erasure(world: Running) -> None:
    message_id = await world.ask(due_at=NOW + HOUR)
    await world.do(EraseSubject(at=NOW, partition_key=str(ADA), erased=f"communication:{ADA}"))
    await world.pass_time(HOUR)
    explanation = await explained(world, message_id)
    gone = rules(explanation, "consent")[0]
    assert gone.reason == "no_address"
    assert (await body_of(world, one(gone, "address")))["erased"] == f"communication:{ADA}"


async def test_a_providers_refusal_that_led_to_the_other_channel_is_linked(world: Running) -> None:
    world.sms.verdict = Rejected("30007", "no such number")
    message_id = await world.ask()
    await world.pass_time()
    explanation = await explained(world, message_id)
    (refused,) = rules(explanation, "provider")
    assert refused.inputs == {"provider": "provider", "code": "30007"}
    link = one(refused, "code")
    assert (link.stream, link.name) == (f"message/{message_id}", "communication.message.rejected.v1")
    (chosen,) = rules(explanation, "channel")
    assert one(chosen, "asked").name == "communication.message.requested.v1"


async def test_a_decision_recorded_before_contacts_were_linked_says_so(world: Running) -> None:
    message_id = await world.ask(**LOW)
    await world.pass_time()
    await world.connection.execute("""
        update headwater.journal set data = convert_to(
            replace(convert_from(data, 'UTF8'), '"contacts":[],', ''), 'UTF8')
         where name = 'communication.message.dispatched.v1'
    """)
    explanation = await explanation_of(world.connection, message_id, world.runtime.mapper)
    assert explanation is not None
    (cap,) = rules(explanation, "frequency_cap")
    assert (cap.inputs["sent_in_window"], cap.sources["sent_in_window"]) == (0, Source.UNRECORDED)


async def test_a_snapshot_of_before_contacts_were_linked_is_not_decided_on(database: str) -> None:
    async with running(database) as world:
        await world.agree(ADA)
        await world.ask(**LOW)
        version = (await current_preferences(world.connection, ADA)).version
        state = orjson.dumps({"version": version, "contacted": [NOW.isoformat()]})
        await world.connection.execute(
            "insert into headwater.snapshots values ('communication', %s, %s, %s, %s, %s)",
            (f"recipient/{ADA}", str(ADA), version, SCHEMA_WITHOUT_EVENTS_OF_CONTACTS, state),
        )
    async with running(database) as world:
        cap = await rule_of(world, await world.ask(message_id=UUID(int=5), **LOW), "frequency_cap")
        assert isinstance(links := cap.evidence["contacts"], list)
        assert [link.version for link in links] == [version]
