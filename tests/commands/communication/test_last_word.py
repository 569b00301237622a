"""Nobody is written to whose last word forbids it, and START gives back exactly what its STOP took.

People share numbers and mailboxes and spell them in several ways. Texts come in, in any punctuation and with a verdict
of the provider's or without; providers refuse and report; people agree, opt out by type and withdraw. `Words` keeps
what everybody has said in the plainest way, by other code than that which decides. Those whose number a read model does
not show yet are found by the search; while the search waits, nothing is sent, as it is about what was just said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commands.communication.delivery import RecordReceipt
from commands.communication.effects import SendMail, SendText
from commands.communication.opt_out import OptOut, ReceiveSms, RevokeConsent
from commands.communication.receipt_kinds import ReceiptKind
from commands.communication.stop import HearStop
from domain.communication.budget import Limits
from domain.communication.kinds import ALL_TYPES, BOTH_CHANNELS, Channel, Priority, TriggerType, Wish
from domain.communication.permanent_codes import AddressFact, fact_of
from domain.keywords import Keyword
from domain.money import DOLLAR
from projections.communication.queries.consent_check import check
from streams.core.calls import Accepted, Deferred, Rejected, Verdict
from streams.core.envelope import Status
from streams.core.partitions import key_in_each
from tests.commands.communication.people import NOW, mail_consent, sms_consent
from tests.commands.communication.world import World, mark

SMS, EMAIL = Channel.SMS, Channel.EMAIL
USERS = (1, 2, 3)
NUMBERS = ("+525512345678", "+5215512345678", "+15005550009")
MAILBOXES = ("Fam@example.com", "fam@EXAMPLE.com", "solo@bücher.example", "SOLO@xn--bcher-kva.example")
SHARED = {NUMBERS[1]: NUMBERS[0], MAILBOXES[1]: MAILBOXES[0], MAILBOXES[3]: MAILBOXES[2]}
"""Another spelling of an address, and the one that it is the same as."""
PLENTY = Limits(daily=1000 * DOLLAR, monthly=1000 * DOLLAR)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)

SAID: dict[tuple[str, str], Keyword | None] = {
    ("STOP", ""): Keyword.STOP,
    ("“stop”…", ""): Keyword.STOP,
    ("Opt out!", ""): Keyword.STOP,
    ("please unsubscribe me", "HELP"): Keyword.STOP,
    ("ARRET", "STOP"): Keyword.STOP,
    ("Start.", ""): Keyword.START,
    ("ENCORE", "START"): Keyword.START,
    ("help?", ""): Keyword.HELP,
    ("don't stop", ""): None,
}
"""Texts with the provider's verdict, and what they mean."""


def one(address: str) -> str:
    """The spelling that stands for all of an address's."""
    return SHARED.get(address, address)


CODES = ("21610", "30004", "30006", "30005", "21614", "30003", "smtp_5.1.1", "smtp_550", None)
Place = tuple[int, Channel]


@dataclass
class Words:
    """What people have said and what addresses are, as a clerk would note it."""

    agreed: dict[Place, set[TriggerType]] = field(
        default_factory=lambda: {(u, c): set() for u in USERS for c in Channel}
    )
    at: dict[Place, str] = field(default_factory=dict)
    stopped: set[int] = field(default_factory=set)
    dead: set[Place] = field(default_factory=set)
    dead_mailboxes: set[str] = field(default_factory=set)
    agreed_at: dict[Place, datetime] = field(default_factory=dict)
    given_at: dict[Place, datetime] = field(default_factory=dict)

    def agree(self, place: Place, address: str, types: tuple[TriggerType, ...], now: datetime) -> None:
        user, channel = place
        key = one(address)
        if self.at.get(place) != key:
            self.at[place], self.given_at[place] = key, now
            self.dead.discard(place)
        if key in self.dead_mailboxes:
            self.dead.add(place)
        self.agreed[place] |= set(types)
        self.agreed_at[place] = now
        if channel is SMS:
            self.stopped.discard(user)

    def report(self, place: Place, fact: AddressFact, said_at: datetime) -> None:
        """A fact about the address of a person, unless a later word of theirs outweighs it."""
        user, channel = place
        proof = self.given_at if (channel, fact) == (EMAIL, AddressFact.DEAD) else self.agreed_at
        if place in proof and proof[place] > said_at:
            return
        match fact:
            case AddressFact.STOPPED:
                self.stopped.add(user)
            case AddressFact.COMPLAINED:
                self.agreed[place].clear()
            case AddressFact.DEAD if place in self.at:
                self.dead.add(place)

    def allow(self, user: int, channel: Channel, type_: TriggerType) -> bool:
        place = (user, channel)
        closed = place in self.dead or (channel is SMS and user in self.stopped)
        return type_ in self.agreed[place] and not closed


class Heard(NamedTuple):
    """A fact about an address, and whom it concerns; the search asks anew when it had to wait."""

    channel: Channel
    key: str
    fact: AddressFact
    said_at: datetime
    concerned: set[int]


@dataclass
class Town:
    """People who share addresses, with a clerk who hears everything that is said."""

    world: World = field(default_factory=World)
    words: Words = field(default_factory=Words)
    script: list[Verdict] = field(default_factory=list)
    delayed: bool = False
    unheard: list[Heard] = field(default_factory=list)
    texts: int = 0

    def __post_init__(self) -> None:
        self.world.provider = self._provide

    def _provide(self, effect: Any, _key: str) -> Verdict:
        if not isinstance(effect, SendText | SendMail):
            return Accepted("code")
        channel = SMS if isinstance(effect, SendText) else EMAIL
        assert self.words.allow(effect.user_id, channel, effect.trigger_type), "the last word forbids this message"
        verdict = self.script.pop() if self.script else Accepted("x")
        fact = fact_of(channel, verdict.code) if isinstance(verdict, Rejected) else None
        if fact is not None:
            self._hear(channel, effect.to, fact, effect.user_id)
        return verdict

    def owners(self, channel: Channel, address: str) -> set[int]:
        """Everybody with the address, or who waits for a code at the number."""
        key = one(address)
        rows = self.world.rows("communication_recipients") if channel is SMS else []
        pending = {row["user_id"] for row in rows if mark(SMS, row.get("pending_phone")) == mark(SMS, key)}
        return pending | {user for user in USERS if self.words.at.get((user, channel)) == key}

    def _hear(self, channel: Channel, address: str | None, fact: AddressFact, told: int) -> None:
        """A report on an address: at once with the person it came by, with the others once they are found."""
        assert address is not None
        now, key = self.world.clock.now(), one(address)
        if (channel, fact) == (EMAIL, AddressFact.DEAD):
            self.words.dead_mailboxes.add(key)
        if self.words.at.get((told, channel)) == key or fact is AddressFact.COMPLAINED:
            self.words.report((told, channel), fact, now)
        self.spread(channel, key, fact)

    def spread(self, channel: Channel, address: str, fact: AddressFact) -> None:
        """The fact is searched for everybody with the address."""
        concerned = set() if self.delayed else self.owners(channel, address)
        self.unheard.append(Heard(channel, address, fact, self.world.clock.now(), concerned))

    def find(self) -> None:
        """The search that waited goes on."""
        for heard in self.unheard:
            heard.concerned.update(self.owners(heard.channel, heard.key))

    def settle(self, by: timedelta = MINUTE) -> None:
        """Everything that was said has come to everybody it concerns, unless the search waits."""
        self.world.run(by)
        if self.delayed:
            return
        for heard in self.unheard:
            for user in heard.concerned:
                self.words.report((user, heard.channel), heard.fact, heard.said_at)
        self.unheard.clear()

    def check(self) -> None:
        """Whoever may be written to is whoever the clerk says."""
        if self.delayed or self.unheard:
            return
        for user in USERS:
            recipient, now = self.world.recipient(user), self.world.clock.now()
            for channel, type_ in product(BOTH_CHANNELS, ALL_TYPES):
                found = check(recipient, channel, type_, now)
                assert found.can_send == self.words.allow(user, channel, type_), (user, channel, type_, found)


Act = Callable[[Town], None]


def texts(user: int, number: str, *, proven: bool) -> Act:
    def act(town: Town) -> None:
        asked, verified = sms_consent(user, town.world.new_id())
        town.world.run(15 * MINUTE)  # five codes an hour
        outcome = town.world.do(asked.model_copy(update={"phone_number": number}))
        if outcome.status is not Status.ACCEPTED or not proven:
            return
        assert town.world.do(verified).status is Status.ACCEPTED
        town.words.agree((user, SMS), number, ALL_TYPES, town.world.clock.now())

    return act


def mails(user: int, mailbox: str, types: tuple[TriggerType, ...]) -> Act:
    def act(town: Town) -> None:
        dead = town.world.is_dead(mailbox)
        outcome = town.world.do(mail_consent(user, types).model_copy(update={"address": mailbox, "dead": dead}))
        if outcome.status is Status.ACCEPTED:
            town.words.agree((user, EMAIL), mailbox, types, town.world.clock.now())

    return act


def withdraws(user: int, channel: Channel, types: tuple[TriggerType, ...], *, revoked: bool) -> Act:
    def act(town: Town) -> None:
        out = OptOut(at=NOW, user_id=user, wish=Wish(channel), message_types=types)
        town.world.do(RevokeConsent(at=NOW, user_id=user, channel=channel, message_types=types) if revoked else out)
        town.words.agreed[user, channel] -= set(types)

    return act


def text_from(number: str, said: tuple[str, str], hidden: set[int]) -> Act:
    """A text comes in, as the edge takes it; the read model does not show it the numbers of `hidden` yet."""

    def act(town: Town) -> None:
        body, verdict = said
        keyword, now, owners = SAID[said], town.world.clock.now(), town.owners(SMS, number)
        shown = sorted(owners - hidden) if keyword is Keyword.STOP else sorted(owners)
        for user in shown:
            town.world.do(ReceiveSms(at=NOW, user_id=user, phone_number=number, body=body, verdict=verdict))
            if keyword is Keyword.STOP:
                town.words.stopped.add(user)
            elif keyword is Keyword.START and town.words.at.get((user, SMS)) == one(number):
                town.words.stopped.discard(user)
                town.words.agreed_at[user, SMS] = now
        if keyword is Keyword.STOP:
            town.texts += 1
            partitions = town.world.runtime.partitions
            for key in key_in_each(f"SM{town.texts}", partitions):
                sign = mark(SMS, number)
                town.world.do(HearStop(at=NOW, stop_id=key, mark=sign, told=tuple(shown), partitions=partitions))
            town.spread(SMS, number, AddressFact.STOPPED)

    return act


def message(user: int, type_: TriggerType, wish: Wish, code: str | None) -> Act:
    """A message goes out if it may; the provider may refuse it with this code."""

    def act(town: Town) -> None:
        if town.delayed:
            return
        town.script = [Rejected(code, "no")] if code else []
        town.world.ask(user_id=user, trigger_type=type_, wish=wish, priority=Priority.CRITICAL, limits=PLENTY)

    return act


def report(number: int, kind: ReceiptKind, code: str | None) -> Act:
    """A provider reports on one of the messages that went out."""

    def act(town: Town) -> None:
        out = [row for row in town.world.rows("communication_deliveries") if row["part"] != "rejected"]
        if not out:
            return
        row = out[number % len(out)]
        channel, user, news = Channel(row["channel"]), row["user_id"], row["part"] != "undelivered"
        told = RecordReceipt(
            at=NOW,
            message_id=row["message_id"],
            user_id=user,
            channel=channel,
            provider="p",
            provider_id=None,
            kind=kind if channel is EMAIL else ReceiptKind.UNDELIVERED,
            word="report",
            code=code,
        )
        fact = FACTS.get(kind) if channel is EMAIL and kind in FACTS else fact_of(channel, code)
        effective = news and row["part"] != "delivered"
        before = len(town.world.runtime.journal)
        town.world.do(told)
        reported = any(r.fact.name.endswith("address_reported.v1") for r in town.world.runtime.journal[before:])
        assert reported or fact is None or not effective, "a report that is news was lost"
        if fact is not None and reported:
            town._hear(channel, row["address"], fact, user)

    return act


def reported_message(user: int, type_: TriggerType, channel: Channel, kind: ReceiptKind, code: str | None) -> Act:
    """A message goes out if it may, and a provider reports on the latest one."""

    def act(town: Town) -> None:
        message(user, type_, Wish(channel), None)(town)
        town.settle()
        report(-1, kind, code)(town)

    return act


FACTS = {ReceiptKind.BOUNCED: AddressFact.DEAD, ReceiptKind.COMPLAINED: AddressFact.COMPLAINED}


def delay(*, on: bool) -> Act:
    """The search for whom it concerns has to wait, or may go on."""

    def act(town: Town) -> None:
        town.delayed = on
        waits = Deferred("read_model_behind", "not yet", 60.0)
        town.world.search = (lambda _effect: waits) if on else town.world.owners
        if not on:
            town.find()
            town.settle(2 * HOUR)

    return act


PEOPLE, SOME_NUMBERS, TYPES = st.sampled_from(USERS), st.sampled_from(NUMBERS), st.sampled_from(ALL_TYPES)
SOME_TYPES = st.lists(TYPES, min_size=1, max_size=2, unique=True).map(tuple) | st.just(ALL_TYPES)
TEXTS = st.builds(
    text_from, SOME_NUMBERS, st.sampled_from(sorted(SAID)), st.sets(PEOPLE, max_size=2) | st.just(set[int]())
)
KINDS = st.sampled_from([ReceiptKind.BOUNCED, ReceiptKind.COMPLAINED, ReceiptKind.UNDELIVERED])
ACTS = st.one_of(
    st.builds(texts, PEOPLE, SOME_NUMBERS, proven=st.booleans()),
    st.builds(mails, PEOPLE, st.sampled_from(MAILBOXES), SOME_TYPES),
    st.builds(withdraws, PEOPLE, st.sampled_from(Channel), SOME_TYPES, revoked=st.booleans()),
    *[TEXTS] * 3,
    *[st.builds(message, PEOPLE, TYPES, st.sampled_from(Wish), st.sampled_from(CODES))] * 3,
    st.builds(report, st.integers(0, 20), KINDS, st.sampled_from(CODES)),
    *[st.builds(reported_message, PEOPLE, TYPES, st.sampled_from(Channel), KINDS, st.sampled_from(CODES))] * 2,
    st.builds(delay, on=st.booleans()),
)
CAREFULLY = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


def begun(strangers: bool) -> Town:
    """Three people, two of whom share a number and a mailbox; or nobody has agreed to anything yet."""
    town = Town()
    if not strangers:
        for user, number, mailbox in zip(USERS, NUMBERS, MAILBOXES[:3], strict=True):
            texts(user, number, proven=True)(town)
            mails(user, mailbox, ALL_TYPES)(town)
    town.settle()
    return town


@CAREFULLY
@given(st.booleans(), st.lists(ACTS, min_size=5, max_size=25))
def test_no_message_goes_out_that_the_last_word_forbids(strangers: bool, acts: list[Act]) -> None:
    town = begun(strangers)
    town.check()
    for act in [*acts, delay(on=False)]:
        act(town)
        town.settle()
        town.check()
    assert town.world.runtime.halts == []


@settings(CAREFULLY, max_examples=50)
@given(st.lists(ACTS, max_size=8), SOME_NUMBERS, st.lists(st.tuples(TYPES, st.booleans()), max_size=3))
def test_start_gives_back_exactly_what_its_stop_took(
    past: list[Act], number: str, since: list[tuple[TriggerType, bool]]
) -> None:
    town = begun(strangers=False)
    for act in [*past, delay(on=False)]:
        act(town)
        town.settle()
    owners = {user for user in USERS if town.words.at.get((user, SMS)) == one(number)} - town.words.stopped
    before = {(user, type_): town.world.permission(user, SMS, type_).reason for user in owners for type_ in ALL_TYPES}
    text_from(number, ("STOP", ""), set())(town)
    town.settle()
    for type_, revoked in since:
        for user in sorted(owners):
            withdraws(user, SMS, (type_,), revoked=revoked)(town)
    text_from(number, ("ENCORE", "START"), set())(town)
    town.settle()
    gone = {type_ for type_, _ in since}
    after = {place: town.world.permission(place[0], SMS, place[1]).reason for place in before}
    assert {place: reason for place, reason in after.items() if place[1] not in gone} == {
        place: reason for place, reason in before.items() if place[1] not in gone
    }
    assert {after[user, type_] for user in owners for type_ in gone} <= {"opted_out", "revoked"}
