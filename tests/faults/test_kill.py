"""Repeated kill -9 of the whole product under load, at random times."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from streams.postgres.database import connect_plain
from streams.postgres.server import start_embedded
from streams.work.lookups import PAUSES
from tests.faults.product import Product
from tests.imitations import Received
from tests.imitations.twilio import ACCOUNT_SID, AUTH_TOKEN, TwilioImitation

ROUNDS = 20
USERS = range(1, 9)
SEND = "/communication/api/communication"
HIGH = ("communication_sending=1000000/min", "general=1000000/min")

pytestmark = pytest.mark.faults


@pytest.mark.timeout(900)
async def test_killed_twenty_times_under_load_nothing_acknowledged_is_lost_and_nothing_goes_out_twice(
    tmp_path: Path,
) -> None:
    with TwilioImitation() as twilio:
        product = Product(
            tmp_path / "data",
            TWILIO_ACCOUNT_SID=ACCOUNT_SID,
            TWILIO_AUTH_TOKEN=AUTH_TOKEN,
            TWILIO_FROM="+15005550006",
            TWILIO_BASE_URL=twilio.url,
        )
        product.start()
        try:
            await _kill_again_and_again(product, twilio)
        finally:
            product.kill()


async def _kill_again_and_again(product: Product, twilio: TwilioImitation) -> None:
    async with httpx2.AsyncClient(
        base_url=product.url + SEND, headers={"Authorization": f"Bearer {product.token(*HIGH)}"}, timeout=10
    ) as client:
        await _consent(client, twilio)
        codes = len(twilio.journal.received)
        acknowledged: dict[str, str] = {}
        stop = asyncio.Event()
        clients = [asyncio.create_task(_keep_sending(client, user, acknowledged, stop)) for user in USERS]
        moments = random.Random(20)
        for _ in range(ROUNDS):
            seen = len(acknowledged)
            async with asyncio.timeout(60):
                while len(acknowledged) < seen + 10:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(moments.uniform(0, 0.3))
            product.kill()
            await asyncio.to_thread(product.start)
        stop.set()
        await asyncio.gather(*clients)
        statuses = await _settled(client, acknowledged)
        _check(statuses, product, acknowledged, twilio.journal.received[codes:])


async def _consent(client: httpx2.AsyncClient, twilio: TwilioImitation) -> None:
    for user in USERS:
        phone = f"+1500555{user:04}"
        await _ok(client, "/consent/sms", {"user_id": user, "phone_number": phone, "consent_source": "api"})
        message = (await asyncio.to_thread(twilio.journal.wait_for, user))[-1]
        code = re.search(r"\b\d{6}\b", message.content["Body"])
        assert code is not None
        await _ok(client, "/consent/sms/verify", {"phone_number": phone, "verification_code": code[0]})


async def _ok(client: httpx2.AsyncClient, path: str, body: dict[str, Any]) -> None:
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text


async def _keep_sending(
    client: httpx2.AsyncClient, user: int, acknowledged: dict[str, str], stop: asyncio.Event
) -> None:
    """Sends one message after the other, each with a key of its own, repeated until it is answered."""
    while not stop.is_set():
        key, mark = str(uuid4()), f"{random.randrange(10**9)}.{user:02}"
        body = {
            "user_id": user,
            "trigger_type": "financial_alert",
            "channel": "sms",
            "priority": "critical",
            "data": {"amount": float(mark), "account": "checking"},
        }
        while True:
            try:
                answer = await client.post("/send", json=body, headers={"Idempotency-Key": key})
            except httpx2.HTTPError:
                await asyncio.sleep(0.02)
                continue
            if answer.status_code == 503:
                await asyncio.sleep(0.05)
                continue
            assert answer.status_code == 200, answer.text
            assert acknowledged.setdefault(answer.json()["task_id"], mark) == mark
            break


def _check(statuses: dict[str, Any], product: Product, acknowledged: dict[str, str], received: list[Received]) -> None:
    recorded = _recorded(product)
    assert {id_: recorded[id_] for id_ in acknowledged} == dict.fromkeys(acknowledged, 1)
    assert set(recorded) == set(acknowledged)
    marks = Counter(_mark(message) for message in received)
    assert max(marks.values()) == 1
    for id_, mark in acknowledged.items():
        status = statuses[id_]
        if status["status"] == "FAILURE":
            assert status["result"]["unconfirmed"] is True
        else:
            assert status["status"] == "SUCCESS"
            assert marks[mark] == 1


async def _settled(client: httpx2.AsyncClient, acknowledged: dict[str, str]) -> dict[str, Any]:
    """The fates. What a kill cut off before the provider had it is looked for three times, then sent once more."""
    statuses: dict[str, Any] = {}
    async with asyncio.timeout(sum(PAUSES) + 85):
        for id_ in acknowledged:
            while (status := (await client.get(f"/status/{id_}")).json())["status"] not in ("SUCCESS", "FAILURE"):
                await asyncio.sleep(0.05)
            statuses[id_] = status
    return statuses


def _recorded(product: Product) -> Counter[str]:
    with connect_plain(start_embedded(product.data / "postgres")) as connection:
        rows = connection.execute(
            "select split_part(stream, '/', 2) from headwater.journal where name = 'communication.message.requested.v1'"
        ).fetchall()
    return Counter(row[0] for row in rows)


def _mark(message: Received) -> str:
    """The amount, which is each message's own, whatever way the text writes it."""
    amount = re.search(r"\d[\d,]*\.\d{2}", message.content["Body"])
    assert amount is not None, message.content["Body"]
    return amount[0].replace(",", "")
