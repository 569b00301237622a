"""Why a message was sent, held or not sent: the steps of a decision, recorded with everything they looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from domain.communication.kinds import Channel
from domain.messages import Instant

RuleVerdict = Literal["allow", "skip", "redirect", "hold", "refuse"]
"""What a rule says. `skip` means that the rule does not apply to this message; it then stands in nobody's way."""

NO_INPUTS: Mapping[str, Any] = MappingProxyType({})
PASSING = frozenset({"allow", "skip", "redirect"})


class DecisionStep(NamedTuple):
    """One rule's word. `version` is that of the rule; `inputs` are the values it looked at, as plain JSON.

    An input named `consent`, `preferences` or `suppression` is the version of the event in the recipient's stream
    that it comes from (0: nothing was ever recorded, defaults apply), and `contacts` are the versions of those that the
    frequency cap counted. `reservation` is the version of the event in the month's stream of the budget that set the
    money aside; `counted_to` says of each partition of the log up to which sequence spending had been counted. Amounts
    are microcents, moments ISO 8601 UTC.
    """

    rule: str
    version: int
    verdict: RuleVerdict
    channel: Channel | None = None
    reason: str = ""
    inputs: Mapping[str, Any] = NO_INPUTS
    until: Instant | None = None

    @property
    def passes(self) -> bool:
        return self.verdict in PASSING


class Decision(BaseModel):
    """What all rules together came to.

    `channels` are those to send on, `reason` is the deciding rule's when it is not sent, `until` when a hold ends.
    `trail` holds the steps as plain JSON objects, without what is empty: a decision is recorded with every message, and
    this costs a fraction of what models would. `steps` reads them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: RuleVerdict
    channels: tuple[Channel, ...] = ()
    fallback: bool = False
    reason: str = ""
    until: Instant | None = None
    trail: tuple[dict[str, Any], ...] = ()

    @property
    def steps(self) -> list[DecisionStep]:
        return [DecisionStep(**step | _channel(step.get("channel"))) for step in self.trail]


_NAMES = {Channel.SMS: "sms", Channel.EMAIL: "email"}


def trail_of(steps: Iterable[DecisionStep]) -> tuple[dict[str, Any], ...]:
    """The steps as they are recorded."""
    return tuple(map(_recorded, steps))


def _recorded(step: DecisionStep) -> dict[str, Any]:
    recorded: dict[str, Any] = {"rule": step.rule, "version": step.version, "verdict": step.verdict}
    if step.channel is not None:
        recorded["channel"] = _NAMES[step.channel]
    if step.reason:
        recorded["reason"] = step.reason
    if step.inputs:
        recorded["inputs"] = step.inputs
    return recorded


def _channel(name: str | None) -> dict[str, Channel | None]:
    return {"channel": None if name is None else Channel(name)}
