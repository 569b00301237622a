"""The endpoint of a caller's usage: tokens and their cost, by day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request

from api.auth import Caller
from api.errors import FieldError, invalid
from api.fields import DayText
from api.gccp.cost import in_dollars
from api.gccp.generations import ALLOWED
from api.routing import LeanRoute
from api.surface import Read, surface_of
from domain.money import dollars
from projections.gccp.usage import usage_of

router = APIRouter(route_class=LeanRoute, prefix="/api", tags=["Usage"])

USUAL_DAYS = 30
MOST_DAYS = 366


class UsageDay(BaseModel):
    """One UTC day and one way of using the model: `generation`, `stream` or `reply`."""

    day: date
    kind: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float


class UsageAnswer(BaseModel):
    first: date
    last: date
    cost_usd: float
    days: list[UsageDay]


@router.get("/usage")
async def usage(
    caller: Annotated[Caller, ALLOWED],
    request: Request,
    reads: Read,
    first: DayText | None = None,
    last: DayText | None = None,
) -> UsageAnswer:
    """The caller's own use of the language model on these days (UTC), both included; the last 30 without saying."""
    until = last or surface_of(request).actions.clock.now().date()
    since = first or max(date.min + timedelta(USUAL_DAYS), until) - timedelta(USUAL_DAYS - 1)
    if not timedelta(0) <= until - since < timedelta(MOST_DAYS):
        raise invalid([FieldError("first", f"must be at most {MOST_DAYS} days before last", missing=False)])
    async with reads.connection() as connection:
        rows = await usage_of(connection, caller.subject, since, until)
    total = dollars(sum(row.cost_microcents for row in rows))
    days = [UsageDay(**in_dollars(row._asdict())) for row in rows]
    return UsageAnswer(first=since, last=until, cost_usd=total, days=days)
