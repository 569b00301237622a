"""The decision on a message: named rules, in order, each with its verdict and its reason.

Per channel, in this order: suppression → consent → preferences → frequency cap → quiet hours. The first rule that
holds or refuses decides for the channel. Then `channel` chooses: the requested channel if it passed; else the other one
(fallback) if the first was refused and the other passed; with `both`, every channel that passed. Last comes `budget`.

Critical messages skip frequency cap and quiet hours; nothing skips suppression, consent or preferences. A message for a
later time is checked at once by the first three, so that a hopeless one is refused early, and decided by all of them
when it is due. A rule that changes gets a new version; recorded decisions keep theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.communication.budget import BudgetUsage, Limits, fits
from domain.communication.consent import ConsentStatus
from domain.communication.decision import Decision, DecisionStep, trail_of
from domain.communication.kinds import BOTH_CHANNELS, Channel, Priority, TriggerType, Wish
from domain.communication.preferences import Frequency
from domain.communication.prices import price
from domain.communication.recipient import FREQUENCY_CAP, Recipient
from domain.communication.windows import local, next_opening
from domain.money import Microcents

WINDOWS = {
    Frequency.DAILY: timedelta(days=1),
    Frequency.WEEKLY: timedelta(days=7),
    Frequency.MONTHLY: timedelta(days=30),
}
"""The rolling window of the frequency cap: at most FREQUENCY_CAP messages within it."""


@dataclass(frozen=True, slots=True)
class Case:
    """A message to decide. `usage` None means that the spending is not known yet: the budget is not decided.

    `counted` is the input with the source of `usage`: `reservation` or `counted_to`, as in DecisionStep.
    """

    recipient: Recipient
    trigger_type: TriggerType
    priority: Priority
    wish: Wish
    segments: int
    at: datetime
    limits: Limits
    usage: BudgetUsage | None = None
    counted: Mapping[str, object] | None = None


Rule = Callable[[Case, Channel], DecisionStep]

CRITICAL = {"priority": Priority.CRITICAL.value}
NOT_SUPPRESSED = {c: DecisionStep("suppression", 1, "allow", c, inputs={"suppression": 0}) for c in BOTH_CHANNELS}
UNCAPPED = {c: DecisionStep("frequency_cap", 2, "skip", c, "critical", CRITICAL) for c in BOTH_CHANNELS}
AT_ANY_HOUR = {c: DecisionStep("quiet_hours", 1, "skip", c, "critical", CRITICAL) for c in BOTH_CHANNELS}


def suppression(case: Case, channel: Channel) -> DecisionStep:
    """Refuse an address that the provider reported as dead, until another one is given.

    The provider's words stay in the event that `suppression` names: a decision is recorded in clear.
    """
    reach = case.recipient.reach(channel)
    if not reach.suppressed:
        return NOT_SUPPRESSED[channel]
    return DecisionStep("suppression", 1, "refuse", channel, "suppressed", {"suppression": reach.suppressed})


_NO_CONSENT = {
    ConsentStatus.NONE: "no_consent",
    ConsentStatus.PENDING: "pending_verification",
    ConsentStatus.REVOKED: "revoked",
    ConsentStatus.OPTED_OUT: "opted_out",
}


def consent(case: Case, channel: Channel) -> DecisionStep:
    """Refuse a message without consent for its type on this channel; SMS needs a verified number."""
    standing = case.recipient.consent(channel, case.trigger_type, case.at)
    inputs: dict[str, object] = {"consent": standing.event}
    if standing.status is not ConsentStatus.GRANTED:
        return DecisionStep("consent", 1, "refuse", channel, _NO_CONSENT[standing.status], inputs)
    if case.recipient.reach(channel).address is None:
        return DecisionStep("consent", 1, "refuse", channel, "no_address", inputs | {"address": None})
    return DecisionStep("consent", 1, "allow", channel, "explicit_consent", inputs)


def preferences(case: Case, channel: Channel) -> DecisionStep:
    """Refuse a channel, or a message type on it, that is switched off; an unset switch is on."""
    wanted = case.recipient.preferences
    inputs: dict[str, object] = {"preferences": case.recipient.preferences_event}
    if wanted.enabled(channel) and wanted.wants(channel, case.trigger_type):
        return DecisionStep("preferences", 1, "allow", channel, inputs=inputs)
    inputs["switched_off"] = "type" if wanted.enabled(channel) else "channel"
    return DecisionStep("preferences", 1, "refuse", channel, "preference_disabled", inputs)


def frequency_cap(case: Case, channel: Channel) -> DecisionStep:
    """Refuse more than FREQUENCY_CAP messages, critical ones aside, within the window of the frequency preference.

    Since version 2, a message that can have reached the person on no channel does not count.
    """
    if case.priority is Priority.CRITICAL:
        return UNCAPPED[channel]
    frequency = case.recipient.preferences.frequency_preference
    since = case.at - WINDOWS[frequency]
    recent = [contact for contact in case.recipient.contacted if contact.at > since]
    inputs = {
        "preferences": case.recipient.preferences_event,
        "frequency": frequency.value,
        "contacts": [contact.event for contact in recent],
        "sent_in_window": len(recent),
        "cap": FREQUENCY_CAP,
    }
    if len(recent) < FREQUENCY_CAP:
        return DecisionStep("frequency_cap", 2, "allow", channel, inputs=inputs)
    inputs["free_at"] = (recent[-FREQUENCY_CAP].at + WINDOWS[frequency]).isoformat()
    return DecisionStep("frequency_cap", 2, "refuse", channel, "frequency_cap", inputs)


def quiet_hours(case: Case, channel: Channel) -> DecisionStep:
    """Hold a message during quiet hours and outside the preferred times, until the window opens."""
    if case.priority is Priority.CRITICAL:
        return AT_ANY_HOUR[channel]
    wanted = case.recipient.preferences
    opens = next_opening(wanted, channel, case.priority, case.at)
    inputs: dict[str, object] = {
        "preferences": case.recipient.preferences_event,
        "time_zone": wanted.zone,
        "local_time": local(wanted, case.at).isoformat(timespec="seconds"),
    }
    if wanted.night is not None:
        inputs["quiet_hours"] = [wanted.night.start.isoformat(), wanted.night.end.isoformat()]
    if opens == case.at:
        return DecisionStep("quiet_hours", 1, "allow", channel, inputs=inputs)
    inputs["opens"] = opens.isoformat()
    return DecisionStep("quiet_hours", 1, "hold", channel, "quiet_hours", inputs, opens)


REACHABLE: tuple[Rule, ...] = (suppression, consent, preferences)
ALL: tuple[Rule, ...] = (*REACHABLE, frequency_cap, quiet_hours)


def decide(case: Case, rules: tuple[Rule, ...] = ALL) -> Decision:
    """The decision of all rules on this case; `rules` are those applied to each channel."""
    steps: list[DecisionStep] = []
    deciding = {channel: _deciding(case, channel, rules, steps) for channel in case.wish.channels}
    asked = next(iter(deciding))
    if case.wish is not Wish.BOTH and deciding[asked].verdict == "refuse":
        deciding[asked.other] = _deciding(case, asked.other, rules, steps)
    chosen = _choose(case.wish, deciding)
    steps.append(chosen)
    channels = tuple(channel for channel, step in deciding.items() if step.passes)
    if case.usage is not None and channels:
        steps.append(budget(case, cost_of(channels, case.segments)))
    last = steps[-1]
    if not last.passes:
        return Decision(verdict=last.verdict, reason=last.reason, until=last.until, trail=trail_of(steps))
    return Decision(verdict="allow", channels=channels, fallback=chosen.verdict == "redirect", trail=trail_of(steps))


def _deciding(case: Case, channel: Channel, rules: tuple[Rule, ...], steps: list[DecisionStep]) -> DecisionStep:
    """Append the channel's steps up to the deciding one: the first that does not pass, or the last."""
    for rule in rules:
        steps.append(rule(case, channel))
        if not steps[-1].passes:
            break
    return steps[-1]


AS_ASKED = {wish: DecisionStep("channel", 1, "allow", inputs={"asked": str(wish)}) for wish in Wish}


def _choose(wish: Wish, deciding: dict[Channel, DecisionStep]) -> DecisionStep:
    """Choose the requested channel, or the other one, or all that passed; else a hold; else the first refusal."""
    passed = [channel for channel, step in deciding.items() if step.passes]
    if passed and (wish is Wish.BOTH or passed[0] is wish.channels[0]):
        return AS_ASKED[wish]
    first, inputs = next(iter(deciding.values())), AS_ASKED[wish].inputs
    if passed:
        return DecisionStep("channel", 1, "redirect", passed[0], first.reason, inputs)
    openings = [step.until for step in deciding.values() if step.until is not None]
    if openings:
        return DecisionStep("channel", 1, "hold", None, "quiet_hours", inputs, min(openings))
    return DecisionStep("channel", 1, "refuse", None, first.reason, inputs)


def budget(case: Case, cost: Microcents) -> DecisionStep:
    """Refuse a cost that exceeds the rest of the day's or the month's budget."""
    usage = case.usage
    assert usage is not None
    inputs = {
        "cost": cost,
        "daily_used": usage.daily,
        "daily_limit": case.limits.daily,
        "monthly_used": usage.monthly,
        "monthly_limit": case.limits.monthly,
        **(case.counted or {}),
    }
    exceeded = fits(usage, case.limits, cost)
    if exceeded is None:
        return DecisionStep("budget", 1, "allow", inputs=inputs)
    return DecisionStep("budget", 1, "refuse", None, f"{exceeded}_budget_exceeded", inputs)


def cost_of(channels: tuple[Channel, ...], segments: int) -> Microcents:
    """The cost of a message on these channels."""
    return sum(price(channel, segments) for channel in channels)
