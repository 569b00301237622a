"""The decision on a message: its steps, recorded with every input they used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from domain.communication.kinds import Channel
from domain.messages import Instant

RuleVerdict = Literal["allow", "skip", "redirect", "hold", "refuse"]
"""The verdict of a rule. `skip`: the rule does not apply to this message, which passes."""

NO_INPUTS: Mapping[str, Any] = MappingProxyType({})
PASSING = frozenset({"allow", "skip", "redirect"})


class DecisionStep(NamedTuple):
    """The verdict of one rule. `version` is that of the rule; `inputs` are the values it used, as plain JSON.

    The inputs `consent`, `preferences` and `suppression` are the versions of their events in the recipient's stream
    (0: nothing was recorded, defaults apply); `contacts` are the versions of the events that the frequency cap counted.
    `reservation` is the version of the reserving event in the budget's stream of the month. `counted_to` gives, for
    each partition, the sequence up to which spending had been counted. Amounts are microcents, times ISO 8601 UTC.
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
    """The result of all rules.

    `channels` are those to send on, `reason` is that of the deciding rule if nothing is sent, `until` the end of a
    hold. `trail` holds the steps as plain JSON objects without empty fields: a decision is recorded with every message,
    and models would cost several times as much. `steps` parses them.
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
    """The steps as plain JSON objects, in the recorded form."""
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
