"""The baselines of the HTTP benchmark: a hand-written CRUD endpoint, and an endpoint that stores nothing.

`crud` checks the token, validates the body with pydantic and writes three rows (message, audit line, outcome) in one
durable transaction per request. `bare` does all of that except the writing: the ceiling of this web stack.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

import jwt
from fastapi import Depends, FastAPI, Header, HTTPException
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel

SECRET = bytes(32)
TABLES = """
    create table if not exists crud_messages (
        id uuid primary key, user_id bigint not null, trigger_type text not null, channel text, priority text,
        scheduled_time timestamptz, data jsonb not null, status text not null, created_at timestamptz not null);
    create table if not exists crud_audit (
        id uuid primary key, message_id uuid not null, actor text not null, what text not null,
        at timestamptz not null);
    create table if not exists crud_outcomes (
        request_id uuid primary key, message_id uuid not null, body jsonb not null, at timestamptz not null);
"""


class SendBody(BaseModel):
    user_id: int
    trigger_type: str
    data: dict[str, Any]
    channel: str | None = None
    priority: str | None = None
    scheduled_time: datetime | None = None


class SendAnswer(BaseModel):
    success: bool
    task_id: UUID
    cost: float
    fallback_used: bool
    analytics_tracked: bool
    message: str


pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
    os.environ.get("BENCH_DSN", ""), open=False, min_size=16, max_size=16, kwargs={"autocommit": True}
)


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    await pool.open()
    async with pool.connection() as connection:
        await connection.execute(TABLES)
    yield
    await pool.close()


app = FastAPI(lifespan=lifespan)


def caller(authorization: Annotated[str, Header()]) -> str:
    try:
        claims = jwt.decode(authorization.removeprefix("Bearer "), SECRET, ["HS256"])
    except jwt.PyJWTError as error:
        raise HTTPException(401) from error
    if "communication:send" not in claims["scope"].split():
        raise HTTPException(403)
    return str(claims["sub"])


def answer(id_: UUID) -> SendAnswer:
    return SendAnswer(
        success=True, task_id=id_, cost=0.001, fallback_used=False, analytics_tracked=True, message="scheduled"
    )


@app.post("/crud")
async def crud(body: SendBody, subject: Annotated[str, Depends(caller)]) -> SendAnswer:
    id_, now = uuid4(), datetime.now(UTC)
    given = answer(id_)
    async with pool.connection() as connection, connection.transaction():
        await connection.execute(
            "insert into crud_messages values (%s, %s, %s, %s, %s, %s, %s, 'PENDING', %s)",
            (
                id_,
                body.user_id,
                body.trigger_type,
                body.channel,
                body.priority,
                body.scheduled_time,
                Jsonb(body.data),
                now,
            ),
        )
        await connection.execute(
            "insert into crud_audit values (%s, %s, %s, 'requested', %s)", (uuid4(), id_, subject, now)
        )
        await connection.execute(
            "insert into crud_outcomes values (%s, %s, %s, %s)",
            (uuid4(), id_, Jsonb(given.model_dump(mode="json")), now),
        )
    return given


@app.post("/bare")
async def bare(body: SendBody, subject: Annotated[str, Depends(caller)]) -> SendAnswer:
    return answer(uuid4())
