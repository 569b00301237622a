"""Messages into files, while no provider is configured."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.chat import ERASED as ERASED_CHAT
from connectors.email import ERASED as ERASED_EMAIL
from connectors.sandbox import SandboxChat, SandboxEmail, SandboxSms, forget
from connectors.sms import ERASED as ERASED_SMS
from domain.calls.chat import SendChat
from domain.calls.email import Email
from domain.calls.sms import Sms
from streams.core.calls import Accepted, Connector, Deferred

MakeSms = Callable[..., Sms]
MakeEmail = Callable[..., Email]
MakeChat = Callable[..., SendChat]


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    return tmp_path / "data" / "outbox"


async def test_a_text_message_becomes_a_file_that_says_everything(outbox: Path, an_sms: MakeSms) -> None:
    send: Connector[Sms] = SandboxSms(outbox)
    assert await send(an_sms(body="Grüße"), "key-1") == Accepted("sandbox-key-1")
    assert json.loads((outbox / "sms-key-1.json").read_text("utf-8")) == {
        "effect": "sms.v1",
        "subject": "communication:7",
        "key": "key-1",
        "provider_id": "sandbox-key-1",
        "context": "communication",
        "recipient_id": "7",
        "reference": "message-1",
        "to": "+4915112345678",
        "body": "Grüße",
    }
    await send.close()


async def test_an_email_becomes_a_file_that_says_everything(outbox: Path, an_email: MakeEmail) -> None:
    send: Connector[Email] = SandboxEmail(outbox)
    assert await send(an_email(headers={"X-A": "1"}), "key-1") == Accepted("sandbox-key-1")
    written = json.loads((outbox / "email-key-1.json").read_text("utf-8"))
    assert (written["to"], written["subject_line"], written["headers"]) == (
        "ada@example.com",
        "Your appointment",
        {"X-A": "1"},
    )
    await send.close()


async def test_a_chat_message_becomes_a_file_and_is_forgotten_with_its_person(outbox: Path, a_chat: MakeChat) -> None:
    send: Connector[SendChat] = SandboxChat(outbox)
    assert await send(a_chat(text="Grüße"), "key-1") == Accepted("sandbox-key-1")
    written = json.loads((outbox / "chat-key-1.json").read_text("utf-8"))
    assert (written["to"], written["text"], written["subject"]) == ("+16505551234", "Grüße", "communication:7")
    assert await send(a_chat(text=None), "key-2") == ERASED_CHAT
    forget(outbox, "communication:7")
    assert list(outbox.iterdir()) == []
    await send.close()


async def test_a_person_s_messages_are_forgotten_and_nobody_else_s(
    outbox: Path, an_sms: MakeSms, an_email: MakeEmail
) -> None:
    forget(outbox, "communication:7")
    await SandboxSms(outbox)(an_sms(), "key-1")
    await SandboxEmail(outbox)(an_email(), "key-2")
    await SandboxSms(outbox)(an_sms().model_copy(update={"recipient_id": "77"}), "key-3")
    (outbox / ".cut.draft").write_text('{"subject": "communication:7')
    (outbox / "notes.txt").write_text("somebody else's")
    forget(outbox, "communication:7")
    assert {path.name for path in outbox.iterdir()} == {"sms-key-3.json", "notes.txt"}
    forget(outbox, "communication:7")


@pytest.mark.parametrize("connector", [SandboxSms, SandboxEmail, SandboxChat])
def test_what_a_crash_left_half_written_is_gone_at_the_next_start(
    outbox: Path, connector: type[SandboxSms | SandboxEmail | SandboxChat]
) -> None:
    outbox.mkdir(parents=True)
    (outbox / ".cut.draft").write_text('{"subject": "communication:7", "body": "Dear')
    (outbox / "sms-key-1.json").write_text("{}")
    connector(outbox)
    assert [path.name for path in outbox.iterdir()] == ["sms-key-1.json"]


async def test_a_repeat_writes_the_same_file_again(outbox: Path, an_sms: MakeSms) -> None:
    send = SandboxSms(outbox)
    assert send.idempotent
    assert await send(an_sms(), "key-1") == await send(an_sms(), "key-1")
    assert [file.name for file in outbox.iterdir()] == ["sms-key-1.json"]


async def test_only_the_owner_may_read_a_message(outbox: Path, an_sms: MakeSms) -> None:
    await SandboxSms(outbox)(an_sms(), "key-1")
    assert stat.S_IMODE((outbox / "sms-key-1.json").stat().st_mode) == 0o600


async def test_an_erased_recipient_is_not_written_to(outbox: Path, an_sms: MakeSms, an_email: MakeEmail) -> None:
    assert await SandboxSms(outbox)(an_sms(to=None, body=None), "key-1") == ERASED_SMS
    assert await SandboxEmail(outbox)(an_email(to=None, subject_line=None, html=None, text=None), "k") == ERASED_EMAIL
    assert not outbox.exists()


async def test_an_outbox_that_cannot_be_written_defers_and_leaves_nothing_behind(outbox: Path, an_sms: MakeSms) -> None:
    (outbox / "sms-key-1.json").mkdir(parents=True)
    verdict = await SandboxSms(outbox)(an_sms(), "key-1")
    assert isinstance(verdict, Deferred)
    assert str(outbox) not in verdict.reason
    assert [file.name for file in outbox.iterdir()] == ["sms-key-1.json"]


async def test_an_outbox_that_is_a_file_defers(tmp_path: Path, an_sms: MakeSms) -> None:
    (tmp_path / "outbox").write_text("in the way")
    assert isinstance(await SandboxSms(tmp_path / "outbox")(an_sms(), "key-1"), Deferred)


@pytest.mark.parametrize("key", ["..", "../../escape", "a/b", "/etc/passwd", "nul\x00", "ä" * 20])
async def test_no_key_leads_out_of_the_outbox(outbox: Path, an_sms: MakeSms, key: str) -> None:
    assert isinstance(await SandboxSms(outbox)(an_sms(), key), Accepted)
    assert [file.parent for file in outbox.rglob("*")] == [outbox]
    assert [path for path in outbox.parent.iterdir() if path != outbox] == []


short_keys = st.text(min_size=1, max_size=20)


@given(one=short_keys, other=short_keys)
async def test_two_keys_never_share_a_file(tmp_path_factory: pytest.TempPathFactory, one: str, other: str) -> None:
    outbox = tmp_path_factory.mktemp("outbox")
    sms = Sms(context="communication", recipient_id="7", reference="message-1", to="+4915112345678", body="Hi")
    await SandboxSms(outbox)(sms, one)
    await SandboxSms(outbox)(sms, other)
    assert len(list(outbox.iterdir())) == len({one, other})
