"""Rules of the proactive engine: what is done about members who have not written for a while."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, NamedTuple

from fastapi import APIRouter
from pydantic import BaseModel, Field, JsonValue, WithJsonSchema

from api.auth import Caller
from api.creator_hub.access import CREATOR, READ
from api.creator_hub.fields import Body, Description, Flag, JsonMap, Name, Shown
from api.errors import FieldError, invalid
from api.routing import LeanRoute
from api.sentences import REQUIRED
from api.surface import Act, Read, may
from commands.creator_hub.rule import CreateRule
from domain.creator_hub.conditions import is_number
from domain.creator_hub.kinds import ChannelType
from domain.creator_hub.rule import RuleCreated
from projections.creator_hub.queries.rules import ListedRule, rules_of

router = APIRouter(route_class=LeanRoute, prefix="/api/v1/proactive-engine", tags=["Proactive Engine API"])

INACTIVITY, ALL_USERS = "inactivity", "all_users"
MOST_HOURS, MOST_MINUTES, MOST_ACTIONS = 8_760, 525_600, 20
HOUR_SECONDS = 3_600
TEXT: dict[str, JsonValue] = {"type": ["string", "null"], "maxLength": 4_096}
CONDITIONS: dict[str, JsonValue] = {
    "type": "object",
    "description": "`applies_to`: all_users, channel:<type> or program:<id>. Other types are kept and never fire.",
    "required": ["type"],
    "properties": {
        "type": {"type": "string", "minLength": 1, "maxLength": 200},
        "threshold_hours": {"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": MOST_HOURS},
        "applies_to": {"type": ["string", "null"], "maxLength": 200},
        "include_dormant": {"type": ["boolean", "null"]},
    },
}
ACTION: dict[str, JsonValue] = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {"type": "string", "minLength": 1, "maxLength": 200},
        "message_template": TEXT,
        "delay_minutes": {"type": ["number", "null"], "minimum": 0, "maximum": MOST_MINUTES},
    },
}
Conditions = Annotated[JsonMap, WithJsonSchema(CONDITIONS)]
Actions = Annotated[list[Annotated[JsonMap, WithJsonSchema(ACTION)]], Field(min_length=1, max_length=MOST_ACTIONS)]


class RuleBody(Body):
    name: Name
    description: Description = ""
    trigger_conditions: Conditions
    actions: Actions
    is_active: Flag = True


class CreatedRule(BaseModel):
    """A rule. `status_reason` says why it never fires; null for one that does."""

    id: str
    name: str
    description: str
    trigger_conditions: dict[str, JsonValue]
    actions: list[dict[str, JsonValue]]
    is_active: bool
    created_at: Shown
    triggered_count: int = 0
    status_reason: str | None = None


class RuleSummary(BaseModel):
    id: str
    name: str
    description: str
    is_active: bool
    created_at: Shown
    triggered_count: int
    success_rate: float
    trigger_conditions: dict[str, JsonValue] = Field(default_factory=dict)
    actions: list[dict[str, JsonValue]] = Field(default_factory=list)
    status_reason: str | None = None


class RulesAnswer(BaseModel):
    rules: list[RuleSummary]


class Firing(NamedTuple):
    """When a rule fires, and for whom; without a threshold it never does, for this reason."""

    threshold_seconds: float | None
    applies_to: str
    reason: str | None


@router.post("/rules", status_code=201)
async def create(body: RuleBody, caller: Annotated[Caller, may(CREATOR)], act: Act) -> CreatedRule:
    """Make a rule. It acts once for each spell of inactivity of a member."""
    faults = [*_condition_faults(body.trigger_conditions), *_action_faults(body.actions)]
    if faults:
        raise invalid(faults)
    firing = _firing(body.trigger_conditions)
    command = CreateRule(
        at=act.at,
        creator_id=caller.subject,
        rule_id=str(act.new_id("rule")),
        rule_name=body.name,
        description=body.description,
        trigger_conditions=body.trigger_conditions,
        actions=tuple(body.actions),
        is_active=body.is_active,
        threshold_seconds=firing.threshold_seconds,
        applies_to=firing.applies_to,
        include_dormant=body.trigger_conditions.get("include_dormant") is True,
        status_reason=firing.reason,
    )
    made = (await act.submit(command)).only(RuleCreated)
    return CreatedRule(
        id=made.rule_id,
        name=made.rule_name,
        description=made.description,
        trigger_conditions=made.trigger_conditions,
        actions=list(made.actions),
        is_active=made.is_active,
        created_at=made.at,
        status_reason=made.status_reason,
    )


@router.get("/rules")
async def list_(caller: Annotated[Caller, may(READ)], reads: Read) -> RulesAnswer:
    """List all rules, the newest first, with what they have achieved."""
    async with reads.connection() as connection:
        found = await rules_of(connection, caller.subject)
    return RulesAnswer(rules=[_summary(row) for row in found])


def _condition_faults(given: Mapping[str, JsonValue]) -> Iterator[FieldError]:
    yield from _type_faults("trigger_conditions", given)
    hours, whom, dormant = (given.get(name) for name in ("threshold_hours", "applies_to", "include_dormant"))
    if hours is not None and not (is_number(hours) and 0 < hours <= MOST_HOURS):
        yield _fault("trigger_conditions.threshold_hours", f"must be a number over 0 and up to {MOST_HOURS:,}")
    if whom is not None and not (isinstance(whom, str) and len(whom) <= 200):
        yield _fault("trigger_conditions.applies_to", "must be a string of at most 200 characters")
    if not isinstance(dormant, bool | None):
        yield _fault("trigger_conditions.include_dormant", "must be true or false")


def _action_faults(actions: Sequence[Mapping[str, JsonValue]]) -> Iterator[FieldError]:
    for number, given in enumerate(actions):
        place = f"actions.{number}"
        yield from _type_faults(place, given)
        minutes, words = given.get("delay_minutes"), given.get("message_template")
        if minutes is not None and not (is_number(minutes) and 0 <= minutes <= MOST_MINUTES):
            yield _fault(f"{place}.delay_minutes", f"must be a number from 0 to {MOST_MINUTES:,}")
        if words is not None and not (isinstance(words, str) and len(words) <= 4_096):
            yield _fault(f"{place}.message_template", "must be a string of at most 4,096 characters")


def _type_faults(place: str, given: Mapping[str, JsonValue]) -> Iterator[FieldError]:
    kind = given.get("type")
    if kind is None:
        yield FieldError(f"{place}.type", REQUIRED, missing=True)
    elif not isinstance(kind, str) or not 1 <= len(kind) <= 200:
        yield _fault(f"{place}.type", "must be a string of 1 to 200 characters")


def _fault(field: str, message: str) -> FieldError:
    return FieldError(field, message, missing=False)


def _firing(given: Mapping[str, JsonValue]) -> Firing:
    hours, whom = given.get("threshold_hours"), given.get("applies_to") or ALL_USERS
    seconds = hours * HOUR_SECONDS if is_number(hours) else None
    if given["type"] != INACTIVITY:
        return Firing(None, str(whom), f"never fires: {given['type']} is no trigger that is known")
    if seconds is None:
        return Firing(None, str(whom), "never fires: threshold_hours is missing")
    if not _is_known(str(whom)):
        return Firing(None, str(whom), f"never fires: {whom} is nobody that is known")
    return Firing(seconds, str(whom), None)


def _is_known(whom: str) -> bool:
    kind, _, what = whom.partition(":")
    return whom == ALL_USERS or (kind == "channel" and what in set(ChannelType)) or (kind == "program" and bool(what))


def _summary(row: ListedRule) -> RuleSummary:
    return RuleSummary(
        id=row.rule_id,
        name=row.rule_name,
        description=row.description,
        is_active=row.is_active,
        created_at=row.created_at,
        triggered_count=row.triggers,
        success_rate=row.success_rate,
        trigger_conditions=row.trigger_conditions,
        actions=row.actions,
        status_reason=row.status_reason,
    )
