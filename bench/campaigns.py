"""A newsletter to a hundred thousand people by an imitation of the CRM: time, and the memory of the product.

    python -m bench.campaigns [--recipients 10000 100000]

Every address is on record before the first batch goes out. The baseline reads the same pages, sends the same
batches, four in flight, and records nothing. The CRM runs in this process, and shares the machine with the product.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import Any

import httpx2
import psycopg
from rich.console import Console
from rich.table import Table
from starlette.datastructures import QueryParams

from bench.gccp import processor_seconds, resident_mb
from bench.product import Product, product
from tests.imitations import keyed
from tests.imitations.crm import CrmImitation

PAGE = 500
IN_FLIGHT = 4
LETTER = {"subject": "News", "html_content": f"<html><body>{'<p>Breathe out longer.</p>' * 400}</body></html>"}
PHASE = "select phase from read_models.content_generator_campaigns where campaign_id = %s"


class Crm(CrmImitation):
    """The imitation, whose pages cost what they hold, and not what all of them hold."""

    def _page(self, query: QueryParams) -> dict[str, Any]:
        start, limit, total = int(query.get("cursor", "0")), int(query.get("limit", "100")), len(self.subscribers)
        following = str(start + limit) if start + limit < total else None
        return {"recipients": self.subscribers[start : start + limit], "total": total, "next": following}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--recipients", type=int, nargs="*", default=[10_000, 100_000])
    given = options.parse_args()
    table = Table("recipients", "what", "seconds", "recipients/s", "CPU s", "MB before", "at most")
    with Crm() as crm, product(CRM_BASE_URL=crm.url, CRM_API_KEY=keyed.API_KEY) as running:
        for recipients in given.recipients:
            anew(crm, recipients)
            took = asyncio.run(bare(crm.url))
            check(crm, recipients)
            table.add_row(f"{recipients:,}", "bare loop", f"{took:.1f}", f"{recipients / took:,.0f}", "", "", "")
            anew(crm, recipients)
            table.add_row(f"{recipients:,}", "Headwater", *asyncio.run(sent(running, recipients)))
            check(crm, recipients)
    Console(width=120).print(table)


def anew(crm: Crm, recipients: int) -> None:
    crm.begin_anew()
    crm.subscribers = [
        {"id": f"s-{number}", "email": f"reader{number}@example.com", "name": "", "status": "active", "tags": []}
        for number in range(recipients)
    ]


def check(crm: Crm, recipients: int) -> None:
    mailed = crm.mailed
    assert len(mailed) == len(set(mailed)) == recipients, f"{len(mailed)} mails to {len(set(mailed))} of {recipients}"


async def bare(url: str) -> float:
    """The seconds of a loop that reads the pages and sends a batch of each."""
    began, gate, cursor, page = time.perf_counter(), asyncio.Semaphore(IN_FLIGHT), "0", 0
    headers = {"Authorization": f"Bearer {keyed.API_KEY}"}
    async with (
        httpx2.AsyncClient(base_url=f"{url}/api/v1", headers=headers, timeout=60) as http,
        asyncio.TaskGroup() as group,
    ):
        while cursor is not None:
            answer = (await http.get("/subscribers", params={"limit": PAGE, "cursor": cursor})).json()
            cursor, page = answer["next"], page + 1
            await gate.acquire()
            group.create_task(batch(http, gate, page, answer["recipients"]))
    return time.perf_counter() - began


async def batch(http: httpx2.AsyncClient, gate: asyncio.Semaphore, number: int, recipients: list[Any]) -> None:
    content = {
        "campaign_id": "bare",
        "batch": number,
        "subject": LETTER["subject"],
        "html_content": LETTER["html_content"],
        "text_content": "",
        "recipients": [{"id": one["id"], "email": one["email"]} for one in recipients],
        "headers": {},
        "test": False,
    }
    answer = await http.post("/campaigns", json=content, headers={"Idempotency-Key": f"bare/{number}"})
    assert answer.is_success, answer.text
    gate.release()


async def sent(running: Product, recipients: int) -> list[str]:
    """A row of the table: from the request until every batch was answered."""
    pid = running.process.pid
    before, most, used, began = resident_mb(pid), 0.0, processor_seconds(pid), time.perf_counter()
    url = f"{running.process.url}/content-generator/api/v1/newsletter/send"
    async with httpx2.AsyncClient(headers={"X-API-Key": running.key}, timeout=60, verify=False) as http:
        answer = await http.post(url, json=LETTER)
    assert answer.status_code == 200, answer.text
    with psycopg.connect(running.dsn, autocommit=True) as connection:
        phase = ""
        while phase not in ("sent", "failed"):
            await asyncio.sleep(0.1)
            most = max(most, resident_mb(pid))
            row = connection.execute(PHASE, (answer.json()["job_id"],)).fetchone()
            phase = row[0] if row else ""
    took = time.perf_counter() - began
    assert phase == "sent"
    processor = f"{processor_seconds(pid) - used:.1f}"
    return [f"{took:.1f}", f"{recipients / took:,.0f}", processor, f"{before:.0f}", f"{most:.0f}"]


if __name__ == "__main__":
    main()
