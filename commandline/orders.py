"""Commands from the shell: inserted as due timers, so that the running installation decides them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from time import monotonic, sleep
from uuid import UUID, uuid4, uuid5

import psycopg
from psycopg.conninfo import make_conninfo
from rich.console import Console

import installation_secrets
from commandline import Stop
from commandline.installation import check_readable, existing_database
from domain.messages import Command
from products import PRODUCTS
from products.product import Product, SubjectParts
from settings import Settings
from streams.audit.erasures import PlainCopies, plain_copies
from streams.core.envelope import Problem, outcome_stream
from streams.core.read_models import Row
from streams.core.wiring import EraseSubject, names_of
from streams.postgres.database import connect_plain
from streams.postgres.journal import KEYS_ABOUT
from streams.postgres.roles import SUPERUSER
from streams.postgres.storage_rewrite import rewrite_storage
from streams.postgres.tasks import order

console = Console(highlight=False, soft_wrap=True)
PATIENCE_SECONDS = 15.0
AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
"""Due by any clock, also by a manual clock that is behind the machine's."""

REMAINS = "not reached: backups and exports made before, and what a provider was given (docs/operating.md)"

OUTCOME = """
    select convert_from(data, 'UTF8')::json -> 'problem' from headwater.journal
     where context = %s and stream = %s and version = 1
"""
"""Query for the problem in an outcome, which can be read without its subject's key."""


def erase_subject(settings: Settings, subject: str) -> None:
    """Destroy a person's keys and blank their values; raises Stop for what is not `context:id`.

    The id is what the product of that context makes subjects of: an address or client id may have several.
    """
    context, _, id_ = subject.partition(":")
    product = next((product for product in PRODUCTS if product.name == context), None)
    if product is None or not id_:
        raise Stop(f"a subject reads context:id, as communication:123, not {subject!r}")
    found = _subjects(settings, product, id_)
    for one in found:
        _erase(settings, product, one)
    console.print(f"{subject} is erased: the key is destroyed, the history still verifies (headwater audit verify)")
    subjects = [f"{product.name}:{one}" for one in found]
    for line in (*finish_erasure(existing_database(settings), subjects, settings.postgres is None), REMAINS):
        console.print(line)


def _subjects(settings: Settings, product: Product, typed: str) -> Sequence[str]:
    """Raises Stop where a read model that says which subjects there are has halted: it might lack one."""
    with connect_plain(existing_database(settings), "headwater erase") as connection:
        check_readable(connection, *product.subject_sources)
        return product.subjects_of(SubjectParts(installation_secrets.secrets(settings), connection), typed)


def _erase(settings: Settings, product: Product, id_: str) -> None:
    """The erasure under the person's own keys comes first: after it, no record of them is made under another key."""
    subject, own = f"{product.name}:{id_}", product.keys_of(id_)
    submit_commands(settings, product.name, *(erasure(subject, key) for key in own))
    with connect_plain(existing_database(settings), "headwater erase") as connection:
        places = connection.execute(KEYS_ABOUT, (subject,)).fetchall()
    done = {(product.name, key) for key in own}
    for context, keys in groupby(places, key=itemgetter(0)):
        submit_commands(settings, context, *(erasure(subject, key) for _, key in keys if (context, key) not in done))


def finish_erasure(dsn: str, subjects: Sequence[str], embedded: bool) -> Iterator[str]:
    """Rewrite what held the values of subjects who have been erased; gives a sentence for what was done and left."""
    names = names_of([product.context for product in PRODUCTS])
    with connect_plain(dsn, "headwater erase") as connection:
        for subject in subjects:
            yield from _in_clear(plain_copies(connection, names, subject))
    with connect_plain(make_conninfo(dsn, user=SUPERUSER) if embedded else dsn, "headwater erase") as connection:
        done = rewrite_storage(connection, subjects)
    if done.tables:
        log = "" if done.left else ", and the write-ahead log has moved on"
        yield f"{len(done.tables)} tables that held their values are rewritten on disk{log}"
    yield from (f"left: {reason}" for reason in done.left)
    if not embedded:
        yield "left: replicas, archives and backups of this server keep what they have"


def _in_clear(copies: PlainCopies) -> Iterator[str]:
    if copies.records:
        yield (
            f"left: {copies.records} records of earlier releases hold texts about this person in clear"
            f" ({', '.join(copies.fields)}). Nothing shows them any more, and the history keeps them as they are."
        )


def erasure(subject: str, key: str) -> EraseSubject:
    """The command that erases a person under a partition key."""
    return EraseSubject(at=datetime.now(UTC), partition_key=key, erased=subject)


def submit_commands(settings: Settings, context: str, *commands: Command) -> None:
    """Submit commands and wait for their outcomes; raises Stop for a refusal, or when no process decides them."""
    ids = [uuid4() for _ in commands]
    with connect_plain(existing_database(settings), "headwater order") as connection:
        with connection.transaction():
            for id_, command in zip(ids, commands, strict=True):
                connection.execute(*order(command, context, id_, AT_ONCE))
        for id_ in ids:
            problem = _problem(connection, context, uuid5(id_, "timer"))
            if problem is not None:
                raise Stop(problem.sentence)


def _problem(connection: psycopg.Connection[Row], context: str, command_id: UUID) -> Problem | None:
    """Wait for the outcome and return its problem, if it has one; raises Stop after `PATIENCE_SECONDS`."""
    until = monotonic() + PATIENCE_SECONDS
    while monotonic() < until:
        row = connection.execute(OUTCOME, (context, outcome_stream(command_id))).fetchone()
        if row is not None:
            return None if row[0] is None else Problem.model_validate(row[0])
        sleep(0.05)
    raise Stop("nobody is running this installation now; the command waits and is decided at the next start")
