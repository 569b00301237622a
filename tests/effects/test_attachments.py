"""The files of an e-mail, loaded from the object store before each attempt."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from uuid import uuid4

import pytest

from connectors.email import EmailFile
from domain.calls.email import Attachment, Email
from effects import attachments
from effects.attachments import AttachmentLoading
from streams.core.calls import Accepted, Deferred, Rejected, Verdict
from streams.core.keys import Keyring
from streams.postgres.database import connect_plain
from streams.postgres.installation import prepare
from streams.postgres.objects import Objects, Owner
from tests.contract.shelf import SHELF

OWNER = Owner("shelf", "ada")


class Mail:
    """A provider that keeps what it is given."""

    provider = "mail"
    idempotent = False

    def __init__(self) -> None:
        self.given: list[EmailFile] = []
        self.closed = False

    async def __call__(self, effect: Email, key: str, files: Sequence[EmailFile] = ()) -> Verdict:
        self.given += files
        return Accepted(f"mail-{len(files)}")

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def objects(database: str) -> Objects:
    with connect_plain(database) as connection:
        prepare(connection, [SHELF], 1)
    return Objects(database, Keyring(bytes(32)))


async def chunks(*contents: bytes) -> AsyncIterator[bytes]:
    for content in contents:
        yield content


def email(*ids: str) -> Email:
    files = [Attachment(name=f"{n}.csv", media_type="text/csv", object_id=id_) for n, id_ in enumerate(ids)]
    return Email(
        context="shelf",
        recipient_id="ada",
        reference="e-1",
        to="ada@example.com",
        subject_line="Your export",
        text="Here.",
        attachments=tuple(files),
    )


async def test_files_are_loaded_in_their_order(objects: Objects) -> None:
    one, other = [await objects.put(OWNER, chunks(content), 100) for content in (b"plums", b"")]
    mail = Mail()
    send = AttachmentLoading(objects, mail)
    assert await send(email(one.id, other.id), "key-1") == Accepted("mail-2")
    assert mail.given == [EmailFile("0.csv", "text/csv", b"plums"), EmailFile("1.csv", "text/csv", b"")]
    assert (send.provider, send.idempotent) == ("mail", False)
    await send.close()
    assert mail.closed


async def test_an_email_without_files_needs_no_store() -> None:
    nowhere = Objects("host=127.0.0.1 port=1", Keyring(bytes(32)))
    assert await AttachmentLoading(nowhere, Mail())(email(), "key-1") == Accepted("mail-0")


@pytest.mark.parametrize("id_", ["7b6c2d57-1f2b-4c8e-9a43-0d5f2f0e6a11", "no id"])
async def test_an_email_whose_file_is_gone_is_not_sent(objects: Objects, id_: str) -> None:
    mail = Mail()
    verdict = await AttachmentLoading(objects, mail)(email(id_), "key-1")
    assert isinstance(verdict, Rejected)
    assert verdict.code == "attachment_gone"
    assert mail.given == []


async def test_the_files_together_have_a_limit(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "MOST_BYTES", 1_000)
    one, other = [await objects.put(OWNER, chunks(bytes(size)), 1_000) for size in (500, 501)]
    send = AttachmentLoading(objects, Mail())
    assert await send(email(one.id, one.id), "key-1") == Accepted("mail-2")
    verdict = await send(email(one.id, other.id), "key-1")
    assert isinstance(verdict, Rejected)
    assert verdict.code == "too_large"


async def test_a_store_that_is_away_puts_the_email_off() -> None:
    nowhere = Objects("host=127.0.0.1 port=1", Keyring(bytes(32)))
    assert isinstance(await AttachmentLoading(nowhere, Mail())(email(str(uuid4())), "key-1"), Deferred)
