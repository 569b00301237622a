"""The erasure of a person from the content product by an address or client id, on the embedded runtime."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest

import installation_secrets
from commandline import Stop
from commandline.audit import verify_log
from commandline.orders import erase_subject
from commands.content_generator.campaign import RequestCampaign
from commands.content_generator.live_session import DescribeSession, JoinSession
from commands.content_generator.participation import GiveFeedback, ReportStatus
from commands.content_generator.recipient import Unsubscribe
from domain.content_generator.live_session import Role
from domain.content_generator.marks import client_mark, recipient_mark
from domain.content_generator.recipient import UnsubscribeSource
from domain.messages import Command
from streams.core.envelope import Outcome
from streams.core.gateway import envelop
from streams.core.refusals import SubjectWasErased
from tests.api.product import MONDAY, Served, serving

pytestmark = pytest.mark.xdist_group("content-generator erasure")
"""Each test goes on with what the one before has left."""

NAME = "content_generator"
ADA, BEN, CLEO = "ada@demo.example", "ben@demo.example", "cleo@demo.example"
"""The demo subscribers of the sandbox."""
DORA, EMIL = "dora-of-the-hills", "emil-of-the-valley"
WORDS = (ADA, "Ada Demo", DORA, "Dora Hills", "deep and slow", "alternating nostrils")

TABLES = """
    select format('%%I.%%I', schemaname, tablename) from pg_tables
     where schemaname not in ('pg_catalog', 'information_schema')
"""
campaigns = count(1)


@pytest.fixture(scope="module")
def product() -> Iterator[Served]:
    with serving(Served, {}) as served, served.hurrying():
        served.journal.execute("set search_path to read_models, public")
        yield served


def recipient(product: Served, address: str) -> str:
    return recipient_mark(installation_secrets.secrets(product.settings).mark_of, "default", address)


def client(product: Served, client_id: str, tenant: str = "default") -> str:
    return client_mark(installation_secrets.secrets(product.settings).mark_of, tenant, client_id)


def submit(product: Served, command: Command) -> Outcome:
    envelope = envelop(command, NAME, product.settings.partitions, "test")
    waiting = product.runtime.gateway.submit(envelope, 10.0)
    return asyncio.run_coroutine_threadsafe(waiting, product.loop).result(20)


def send_newsletter(product: Served) -> str:
    """A campaign to all three demo subscribers; returns its id once it is over."""
    id_ = f"campaign-{next(campaigns)}"
    words = {"subject_line": "News", "html": "<p>News</p>", "text": "News", "tenant": "default"}
    submit(product, RequestCampaign.model_validate(words | {"at": product.clock.now(), "campaign_id": id_}))
    over = "select ended_at is not null from content_generator_campaigns where campaign_id = %s"
    product.wait(lambda: product.ask(over, id_) == [(True,)], "the campaign does not end")
    product.settle()
    return id_


def join(product: Served, client_id: str, name: str, tenant: str = "default", session: str = "morning") -> Outcome:
    command = JoinSession(
        at=product.clock.now(),
        session=f"{tenant}/{session}",
        tenant=tenant,
        session_id=session,
        mark=client(product, client_id, tenant),
        client_id=client_id,
        client_name=name,
        role=Role.PARTICIPANT,
        connection_id=str(uuid4()),
        node="node",
    )
    return submit(product, command)


def take_part(product: Served) -> None:
    """Dora joins a session, describes it, and says how she is."""
    assert join(product, DORA, "Dora Hills").problem is None
    mark = client(product, DORA)
    about = {"at": MONDAY, "session": "default/morning", "tenant": "default", "session_id": "morning", "mark": mark}
    submit(product, DescribeSession.model_validate(about | {"title": "Morning", "instructor": "Dora Hills"}))
    submit(product, ReportStatus.model_validate(about | {"status": "deep and slow", "hrv_reading": 47.11}))
    given = {"technique": "alternating nostrils", "rating": 4, "difficulty": "easy"}
    submit(product, GiveFeedback.model_validate(about | given))


def holding(product: Served, *words: str) -> set[str]:
    """The tables and files of the outbox that hold one of these words, in plain or as bytes."""
    sought = [part for word in words for part in (word, word.encode().hex())]
    condition = " or ".join(["position(%s in row::text) > 0"] * len(sought))
    tables = [name for (name,) in product.ask(TABLES)]
    found = {name for name in tables if product.ask(f"select 1 from {name} row where {condition} limit 1", *sought)}
    return found | {path.name for path in outbox(product) if any(word in path.read_text() for word in words)}


def outbox(product: Served) -> list[Path]:
    return sorted(product.settings.outbox.glob("*.json"))


def mailed(product: Served, campaign_id: str) -> set[str]:
    """The addresses for which the sandbox has letters of a campaign."""
    letters = [json.loads(path.read_text()) for path in outbox(product) if path.name.startswith("newsletter-")]
    return {letter["to"] for letter in letters if letter["campaign_id"] == campaign_id}


def addresses(product: Served, campaign_id: str) -> dict[str, str | None]:
    sql = "select mark, address from content_generator_campaign_recipients where campaign_id = %s"
    return dict(product.ask(sql, campaign_id))


def test_after_an_erasure_no_table_and_no_file_holds_a_value_and_the_chain_verifies(product: Served) -> None:
    first = send_newsletter(product)
    take_part(product)
    kept = holding(product, *WORDS)
    assert {"participants", "feedback", "live_messages", "sessions", "campaign_recipients"} <= {
        name.partition(".content_generator_")[2].rpartition("_")[0] for name in kept
    }
    assert mailed(product, first) == {ADA, BEN, CLEO}
    erase_subject(product.settings, f"{NAME}:  {ADA.upper()} ")
    erase_subject(product.settings, f"{NAME}:{DORA}")
    product.wait(lambda: holding(product, *WORDS) == set(), f"values are left in {holding(product, *WORDS)}")
    assert verify_log(product.settings, NAME)
    assert addresses(product, first)[recipient(product, BEN)] == BEN


def test_an_erased_person_is_on_the_next_audience_without_an_address_and_not_mailed(product: Served) -> None:
    second = send_newsletter(product)
    assert mailed(product, second) == {BEN, CLEO}
    assert addresses(product, second)[recipient(product, ADA)] is None
    sql = "select accepted, suppressed from content_generator_batches where campaign_id = %s"
    assert product.ask(sql, second) == [(2, 1)]
    assert holding(product, ADA) == set()


def test_an_unsubscribe_outlives_the_erasure(product: Served) -> None:
    mark = recipient(product, BEN)
    submit(product, Unsubscribe(at=product.clock.now(), mark=mark, source=UnsubscribeSource.LINK))
    erase_subject(product.settings, f"{NAME}:{BEN}")
    sql = "select status, source from content_generator_recipients where mark = %s"
    assert product.ask(sql, mark) == [("unsubscribed", "link")]
    assert mailed(product, send_newsletter(product)) == {CLEO}


def test_an_erased_client_does_not_join_again(product: Served) -> None:
    refused = join(product, DORA, "Dora Hills", session="evening").problem
    assert refused is not None
    assert refused.type == SubjectWasErased.name
    assert holding(product, *WORDS) == set()


def test_an_erasure_reaches_a_person_in_every_tenant(product: Served) -> None:
    for tenant in ("default", "acme"):
        assert join(product, EMIL, "Emil Vale", tenant).problem is None
    assert holding(product, EMIL, "Emil Vale")
    erase_subject(product.settings, f"{NAME}:{EMIL}")
    product.wait(lambda: holding(product, EMIL, "Emil Vale") == set(), "a tenant holds the name")


def test_a_mark_may_be_given_for_the_person(product: Served) -> None:
    erase_subject(product.settings, f"{NAME}:{recipient(product, CLEO)}")
    assert mailed(product, send_newsletter(product)) == set()


def test_a_halted_read_model_of_tenants_refuses_an_erasure_that_might_miss_one(product: Served) -> None:
    halt = "update headwater.projections set halted_at = %s, error = 'broken' where name = 'content_generator_sessions'"
    product.journal.execute(halt.encode(), ("0/1",))
    try:
        with pytest.raises(Stop, match="content_generator_sessions has halted"):
            erase_subject(product.settings, f"{NAME}:{CLEO}")
    finally:
        product.journal.execute(halt.encode(), (None,))
