"""The lean router refuses at start what it does not offer, by the name of the endpoint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from fastapi import Cookie, Depends, File, Form, Header, Request
from pydantic import BaseModel
from starlette.responses import Response

from api.parameters import Unsupported, plan_of


class Body(BaseModel):
    name: str


class Answer(BaseModel):
    name: str


async def nothing(request: Request) -> None: ...


async def needy(request: Request, other: Annotated[None, Depends(nothing)]) -> None: ...


async def supported(
    thing: str, body: Body, request: Request, made: Annotated[None, Depends(nothing)], number: int = 1
) -> Answer | Response:
    return Response()


async def with_header(word: Annotated[str, Header()]) -> Answer: ...  # type: ignore[empty-body]
async def with_cookie(word: Annotated[str, Cookie()]) -> Answer: ...  # type: ignore[empty-body]
async def with_form(word: Annotated[str, Form()]) -> Answer: ...  # type: ignore[empty-body]
async def with_file(word: Annotated[bytes, File()]) -> Answer: ...  # type: ignore[empty-body]
async def with_two_bodies(one: Body, two: Body) -> Answer: ...  # type: ignore[empty-body]
async def with_no_default(body: Body | None = None) -> Answer: ...  # type: ignore[empty-body]
async def with_needy(made: Annotated[None, Depends(needy)]) -> Answer: ...  # type: ignore[empty-body]
async def with_a_list() -> list[Answer]: ...  # type: ignore[empty-body]
async def without_an_answer() -> None: ...


def test_what_it_offers_is_planned_from_path_query_body_and_dependencies() -> None:
    plan = plan_of(supported, "/things/{thing}")
    assert [name for name, _ in plan.path] == ["thing"]
    assert [name for name, *_ in plan.query] == ["number"]
    assert [name for name, _ in plan.guards] == ["request", "made"]
    assert plan.body is not None
    assert plan.body[0] == "body"


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        (with_header, "with_header: word is a Header; take it from the request"),
        (with_cookie, "with_cookie: word is a Cookie; take it from the request"),
        (with_form, "with_form: word is a Form; take it from the request"),
        (with_file, "with_file: word is a File; take it from the request"),
        (with_two_bodies, "with_two_bodies: two would be a second body"),
        (with_no_default, "with_no_default: body may be absent: give it a default instead of None"),
        (with_needy, "with_needy: what made depends on must take the request and nothing else"),
        (with_a_list, "with_a_list must answer a pydantic model or a response"),
        (without_an_answer, "without_an_answer must answer a pydantic model or a response"),
    ],
)
def test_what_it_does_not_offer_is_refused(endpoint: Callable[..., Any], reason: str) -> None:
    with pytest.raises(Unsupported, match=reason):
        plan_of(endpoint, "/things")
