"""Whatever people, callers, providers and clocks do, in whatever order: what must hold afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, time, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commands.communication.consent import GrantEmailConsent, GrantSmsConsent, RecordCodeReceipt, VerifyPhone
from commands.communication.delivery import RecordAction, RecordReceipt
from commands.communication.effects import SendMail, SendText
from commands.communication.message import CancelMessage
from commands.communication.opt_out import OptOut, ReceiveSms, RevokeConsent
from commands.communication.preferences import ResetPreferences, UpdatePreferences
from commands.communication.receipt_kinds import ReceiptKind
from domain.communication.budget import Budget, BudgetReserved, BudgetSpent, BudgetThresholdReached, Limits, evolve
from domain.communication.consent import AddressSuppressed, ConsentGranted, ConsentRevoked, OptedOut
from domain.communication.delivery import DeliveryStatus
from domain.communication.kinds import ALL_TYPES, Channel, Priority, TriggerType, Wish
from domain.communication.message import MessageBlocked, MessageCancelled, MessageDispatched
from domain.communication.preferences import PreferenceChanges, QuietHours
from domain.communication.recipient import PreferencesReset, PreferencesUpdated
from domain.messages import Command, Reply
from streams.core.calls import Accepted, Deferred, Rejected, Unknown, Verdict
from streams.core.envelope import Status
from tests.commands.communication.people import HOUR, NOW, mail_consent, sms_consent
from tests.commands.communication.world import World

Act = Callable[[World], None]
USERS = st.sampled_from([1, 2])
CHANNELS = st.sampled_from(list(Channel))
TYPES = st.lists(st.sampled_from(list(TriggerType)), min_size=1, max_size=3, unique=True).map(tuple) | st.just(
    ALL_TYPES
)
LIMITS = Limits(daily=40_000_000, monthly=60_000_000)
VERDICTS: list[Verdict] = [
    Accepted("x"),
    Accepted("x"),
    Rejected("21211", "no"),
    Rejected("21610", "stopped"),
    Deferred("429", "later", 30.0),
    Unknown("silence"),
]


def command(build: Callable[..., Command], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Act]:
    """An act that does this command."""
    made = st.builds(build, at=st.just(NOW), **fields)
    return made.map(lambda wish: lambda world: _accepted(world, wish))


def _accepted(world: World, wish: Command) -> None:
    assert world.do(wish).status is not Status.FAILED


def consent(user_id: int, channel: Channel, types: tuple[TriggerType, ...], verified: bool) -> Act:
    def act(world: World) -> None:
        asked, proven = sms_consent(user_id, world.new_id())
        for one in [asked, proven][: 1 + verified] if channel is Channel.SMS else [mail_consent(user_id, types)]:
            _accepted(world, one)

    return act


def message(user_id: int, type_: TriggerType, wish: Wish, priority: Priority, hours: int) -> Act:
    def act(world: World) -> None:
        due_at = world.clock.now() + hours * HOUR
        world.ask(user_id=user_id, trigger_type=type_, wish=wish, priority=priority, due_at=due_at, limits=LIMITS)

    return act


def on_message(build: Callable[..., Command], number: int, **fields: Any) -> Act:
    """An act on one of the messages there are; a channel is only named where the message is out."""

    def act(world: World) -> None:
        rows = world.rows("communication_deliveries") if "channel" in fields else world.rows("communication_messages")
        if rows:
            row = rows[number % len(rows)]
            named = {"channel": Channel(row["channel"])} if "channel" in fields else {}
            _accepted(world, build(at=NOW, message_id=row["message_id"], user_id=row["user_id"], **fields | named))

    return act


def answers(verdicts: list[Verdict]) -> Act:
    def act(world: World) -> None:
        script = iter(verdicts)
        world.provider = lambda _effect, _key: next(script, Accepted("x"))

    return act


def receipt(number: int, kind: ReceiptKind) -> Act:
    return on_message(RecordReceipt, number, channel=None, provider="p", provider_id=None, kind=kind, word=kind.value)


PHONES = USERS.map(lambda user_id: f"+1500555{user_id:04}")
SETTINGS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "sms_enabled": st.booleans(),
        "alert_types_email": st.dictionaries(st.sampled_from(list(TriggerType)), st.booleans()),
        "frequency_preference": st.sampled_from(["daily", "weekly", "monthly"]),
        "time_zone": st.sampled_from(["Europe/Vienna", "America/New_York"]),
        "preferred_sms_time": st.times().map(lambda moment: moment.replace(second=0, microsecond=0)),
        "preferred_email_day": st.integers(0, 6),
        "quiet_hours": st.builds(QuietHours, start=st.sampled_from([time(22), time(9)]), end=st.just(time(11))),
    },
)

MESSAGES = st.builds(
    message,
    USERS,
    st.sampled_from(TriggerType),
    st.sampled_from(Wish),
    st.sampled_from(Priority),
    st.just(0) | st.integers(-1, 30),
)

ACTS = st.one_of(
    st.builds(consent, USERS, CHANNELS, TYPES, st.booleans()),
    command(OptOut, user_id=USERS, wish=st.sampled_from(Wish), message_types=TYPES),
    command(RevokeConsent, user_id=USERS, channel=CHANNELS, message_types=TYPES),
    command(ReceiveSms, user_id=USERS, phone_number=PHONES, body=st.sampled_from(["STOP", "start", "hello"])),
    command(UpdatePreferences, user_id=USERS, changes=SETTINGS.map(lambda given: PreferenceChanges(**given))),
    command(ResetPreferences, user_id=USERS),
    *[MESSAGES] * 6,
    st.builds(on_message, st.just(CancelMessage), st.integers(0, 20)),
    *[st.builds(receipt, st.integers(0, 20), st.sampled_from(ReceiptKind))] * 3,
    *[st.builds(receipt, st.integers(0, 20), st.just(ReceiptKind.BOUNCED))] * 2,
    st.builds(lambda number: on_message(RecordAction, number, action="viewed"), st.integers(0, 20)),
    st.builds(answers, st.lists(st.sampled_from(VERDICTS), max_size=4)),
    *[st.timedeltas(timedelta(0), timedelta(hours=20)).map(lambda by: lambda world: world.run(by))] * 3,
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A world with a past, in which most people once agreed to everything."""
    world = World()
    for user_id in draw(st.sampled_from([(1, 2), (1, 2), (1,), ()])):
        world.agree(user_id)
    for act in draw(st.lists(ACTS, min_size=10, max_size=40)):
        act(world)
    return world


def at_rest(world: World) -> World:
    """The world when everything that was to happen has happened."""
    world.run(timedelta(days=9))
    assert world.runtime.halts == []
    return world


CAREFULLY = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


class Ledger:
    """Who agreed to what, kept in the plainest way there is, by other code than that which decides."""

    def __init__(self) -> None:
        self.agreed: set[tuple[int, Channel, TriggerType]] = set()
        self.dead: set[tuple[int, Channel]] = set()
        self.wanted: dict[int, Any] = {}

    def note(self, fact: Any) -> None:
        match fact:
            case ConsentGranted():
                self.agreed |= {(fact.user_id, fact.channel, type_) for type_ in fact.message_types}
                self.dead -= {(fact.user_id, fact.channel)} if fact.new_address else set()
            case ConsentRevoked() | OptedOut():
                self.agreed -= {(fact.user_id, fact.channel, type_) for type_ in fact.message_types}
            case AddressSuppressed():
                self.dead |= {(fact.user_id, fact.channel)}
            case PreferencesUpdated() | PreferencesReset():
                self.wanted[fact.user_id] = fact.preferences

    def allows(self, out: MessageDispatched) -> bool:
        wanted = self.wanted.get(out.user_id)
        switched = wanted is None or (wanted.enabled(out.channel) and wanted.wants(out.channel, out.trigger_type))
        agreed = (out.user_id, out.channel, out.trigger_type) in self.agreed
        return agreed and switched and (out.user_id, out.channel) not in self.dead


@CAREFULLY
@given(worlds())
def test_no_message_goes_out_without_consent_at_that_moment(world: World) -> None:
    ledger = Ledger()
    for fact in at_rest(world).facts():
        ledger.note(fact)
        if isinstance(fact, MessageDispatched):
            assert ledger.allows(fact)
            assert fact.to is not None


@CAREFULLY
@given(worlds())
def test_nothing_reaches_a_provider_again_once_consent_is_withdrawn(world: World) -> None:
    for user_id in (1, 2):
        world.do(OptOut(at=NOW, user_id=user_id))
    world.sent.clear()
    at_rest(world)
    assert [effect for effect in world.sent if isinstance(effect, SendText | SendMail)] == []


@CAREFULLY
@given(worlds())
def test_a_message_goes_out_once_on_a_channel_and_never_after_it_was_called_off(world: World) -> None:
    out = Counter((f.message_id, f.channel) for f in at_rest(world).facts() if isinstance(f, MessageDispatched))
    assert set(out.values()) <= {1}
    called_off = {f.message_id for f in world.facts() if isinstance(f, MessageCancelled | MessageBlocked)}
    assert called_off.isdisjoint(message_id for message_id, _ in out)


@CAREFULLY
@given(worlds())
def test_counters_equal_a_recount_of_every_delivery(world: World) -> None:
    recount: Counter[tuple[Any, ...]] = Counter()
    for row in at_rest(world).rows("communication_deliveries"):
        place = (row["day"], row["channel"], row["trigger_type"])
        recount.update({(*place, name): value for name, value in counted(row).items() if value})
    counters = {
        (row["day"], row["channel"], row["trigger_type"], name): value
        for row in world.rows("communication_daily")
        for name, value in row.items()
        if name not in ("day", "channel", "trigger_type") and value
    }
    assert counters == dict(recount)


def counted(row: dict[str, Any]) -> dict[str, int]:
    """What a delivery's own row says it counts as."""
    part = DeliveryStatus(row["part"])
    return {
        "dispatched": 1,
        "sent": part in (DeliveryStatus.SENT, DeliveryStatus.UNDELIVERED, DeliveryStatus.DELIVERED),
        "delivered": part is DeliveryStatus.DELIVERED,
        "failed": part in (DeliveryStatus.REJECTED, DeliveryStatus.UNDELIVERED),
        "unconfirmed": part is DeliveryStatus.UNCONFIRMED,
        "opened": row.get("opened_at") is not None,
        "clicked": row.get("clicked_at") is not None,
        "acted": row.get("acted_at") is not None,
        "cost": row["cost"],
    }


@CAREFULLY
@given(worlds())
def test_the_budget_counts_what_the_deliveries_cost(world: World) -> None:
    spent: Counter[date] = Counter()
    budgets: dict[str, Budget] = {}
    for recorded in at_rest(world).runtime.journal:
        if isinstance(recorded.fact, BudgetReserved | BudgetSpent | BudgetThresholdReached):
            stream = recorded.record.stream
            budgets[stream] = evolve(budgets.get(stream, Budget()), recorded.fact)
    for row in world.rows("communication_deliveries"):
        spent[row["day"]] += row["cost"]
    counted = {day: amount for budget in budgets.values() for day, amount in budget.days.items() if amount}
    assert counted == {day: amount for day, amount in spent.items() if amount}
    assert all(budget.month == sum(budget.days.values()) for budget in budgets.values())


@CAREFULLY
@given(worlds())
def test_every_message_comes_to_an_end(world: World) -> None:
    waiting = [row for row in at_rest(world).rows("communication_messages") if row["phase"] == "waiting"]
    assert waiting == []
    open_ = [row for row in world.rows("communication_deliveries") if row["part"] in ("started", "retrying")]
    assert open_ == []


def test_the_commands_used_here_are_all_there_is_to_consent() -> None:
    """A new way to give consent belongs into the acts above."""
    acts = {GrantSmsConsent, VerifyPhone, GrantEmailConsent, OptOut, RevokeConsent, ReceiveSms}
    assert acts == consent_commands() - {RecordCodeReceipt}


def consent_commands() -> set[type[Command]]:
    from commands.communication import consent, opt_out

    return {
        kind
        for module in (consent, opt_out)
        for kind in vars(module).values()
        if isinstance(kind, type)
        and issubclass(kind, Command)
        and not issubclass(kind, Reply)
        and kind.__module__ == module.__name__
    }
