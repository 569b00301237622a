"""The bytes on disk after `headwater erase`: nothing of the person is left where the product keeps its data."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import psycopg
import pytest

from commandline.orders import finish_erasure
from streams.core.read_models import Row
from streams.postgres.database import connect_plain
from streams.postgres.objects import Owner
from streams.postgres.server import start_embedded
from tests.databases import as_superuser
from tests.faults.product import Product
from tests.streams.postgres.server_users import await_

API = "/communication/api/communication"


class Person(NamedTuple):
    """A person, with what is only theirs."""

    user_id: int
    address: str
    number: str
    words: str

    @property
    def values(self) -> tuple[bytes, ...]:
        return self.address.encode(), self.number.encode(), self.words.encode()


AGATHA = Person(7, "agatha.obrien@example.com", "+14155550142", "my sister Eudora asked me to")
BERTIE = Person(8, "bertie.wooster@example.com", "+14155550143", "my man Jeeves thinks better of it")
KNOWN = {"postgres", "postgres.run", "outbox", "master.key", "token.key", "secret.key", "audit.key"}
"""What a data directory holds. Whatever comes new must be reached by an erasure, and looked through here."""


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    running = Product(tmp_path_factory.mktemp("disk") / "data")
    running.start()
    yield running
    running.stop()


def holding(data: Path, person: Person, also: tuple[bytes, ...] = ()) -> set[str]:
    """The files below the data directory that hold one of the person's values, or of others."""
    files, wanted = (path for path in data.rglob("*") if path.is_file()), (*person.values, *also)
    return {str(path.relative_to(data)) for path in files if any(one in path.read_bytes() for one in wanted)}


def live(product: Product, person: Person) -> None:
    """Consent by mail and by text, a message, a report of the person's act, a withdrawal in their own words."""
    headers = {"Authorization": f"Bearer {product.token()}"}
    with httpx2.Client(base_url=f"{product.url}{API}", headers=headers, timeout=30) as client:

        def post(path: str, **body: object) -> dict[str, Any]:
            answer = client.post(path, json=body)
            assert answer.status_code == 200, answer.text
            return dict(answer.json())

        user = {"user_id": person.user_id}
        post("/consent/email", **user, email=person.address, consent_text=person.words)
        post("/consent/sms", **user, phone_number=person.number, consent_text=person.words)
        sent = post("/send", **user, trigger_type="monthly_report", data={"month": "May"}, channel="email")
        await_(
            lambda: client.get(f"/status/{sent['task_id']}").json()["status"] == "SUCCESS",
            "the message has not gone out",
        )
        post(f"/status/{sent['task_id']}/action", action=person.words)
        post("/opt-out", **user, channel="sms", reason=person.words)


async def put_file(product: Product, person: Person) -> tuple[bytes, ...]:
    """Store a file of the person's; the bytes of its row that lead to it: its key, wrapped, and its digest."""

    async def words() -> AsyncIterator[bytes]:
        yield person.words.encode()

    owner = Owner("communication", str(person.user_id), f"communication:{person.user_id}")
    stored = await product.objects().put(owner, words(), 1_000)
    with connect_plain(start_embedded(product.data / "postgres")) as connection:
        row = "select wrapped, sha256 from headwater.objects where id = %s"
        ((wrapped, digest),) = connection.execute(row, (stored.id,)).fetchall()
    return wrapped, digest


@contextmanager
def superuser(product: Product) -> Iterator[psycopg.Connection[Row]]:
    dsn = as_superuser(start_embedded(product.data / "postgres"))
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


def test_after_an_erasure_no_byte_of_the_person_is_on_disk(product: Product) -> None:
    live(product, AGATHA)
    live(product, BERTIE)
    file = asyncio.run(put_file(product, AGATHA))
    with superuser(product) as connection:
        connection.execute("analyze")  # as the server does by itself, once there is enough
        connection.execute("checkpoint")
    held = holding(product.data, AGATHA)
    assert {path for path in holding(product.data, AGATHA, file) if path.startswith("postgres/base/")} > {
        path for path in held if path.startswith("postgres/base/")
    }
    assert {path.split("/")[1] for path in held if path.startswith("postgres/")} >= {"base", "pg_wal"}
    assert any(path.startswith("outbox/") for path in held)
    said = product.run("erase", f"communication:{AGATHA.user_id}")
    assert "tables that held their values are rewritten on disk, and the write-ahead log has moved on" in said
    assert "left:" not in said
    assert "not reached: backups and exports" in said
    in_outbox = (product.data / "outbox").glob
    await_(lambda: not any(AGATHA.values[0] in one.read_bytes() for one in in_outbox("*")), "a message is still there")
    assert holding(product.data, AGATHA, file) == set()
    assert holding(product.data, BERTIE) != set()
    assert {path.name for path in product.data.iterdir()} <= KNOWN


def test_a_table_in_use_is_left_and_named_and_rewritten_by_another_erasure(product: Product) -> None:
    with superuser(product) as reader, reader.transaction():
        reader.execute("lock table read_models.communication_recipients_v2 in access share mode")
        said = product.run("erase", f"communication:{BERTIE.user_id}")
    assert "left: read_models.communication_recipients_v2 was in use" in said
    assert "left:" not in product.run("erase", f"communication:{BERTIE.user_id}")
    assert holding(product.data, BERTIE) == set()


def test_while_a_transaction_still_sees_the_values_nothing_is_rewritten(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.postgres.storage_rewrite.READERS_SECONDS", 0.2)
    dsn = start_embedded(product.data / "postgres")
    with superuser(product) as reader, reader.transaction():
        reader.execute("set transaction isolation level repeatable read")
        reader.execute("select")
        with superuser(product) as writer:
            writer.execute("select pg_current_xact_id()")  # as an erasure's transaction would
        (left,) = finish_erasure(dsn, ["communication:8"], embedded=True)
    assert "still sees the values: erase again once it is over" in left


def test_on_a_server_whose_role_has_no_rights_a_sentence_says_what_remains(product: Product) -> None:
    with superuser(product) as connection:
        connection.execute("revoke pg_checkpoint from headwater")
        said = list(finish_erasure(start_embedded(product.data / "postgres"), ["communication:8"], embedded=False))
        connection.execute("grant pg_checkpoint to headwater")
        with_rights = list(finish_erasure(connection.info.dsn, ["communication:8"], embedded=False))
    assert any("this role may not move the server's write-ahead log on" in line for line in said)
    assert any("replicas, archives and backups of this server" in line for line in said)
    assert not any("may not move" in line for line in with_rights)
