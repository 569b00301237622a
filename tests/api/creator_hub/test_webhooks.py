"""Calls of WhatsApp and Telegram: verified over their raw bytes, counted once, and never refused for what they hold."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.api.creator_hub.creator import (
    VERIFY_TOKEN,
    Creator,
    signed,
    whatsapp_call,
    whatsapp_message,
)
from tests.api.creator_hub.surface import MOUNT
from tests.imitations.telegram import BOT_TOKEN
from tests.imitations.whatsapp import PHONE_NUMBER_ID

RECEIVED = "creator_hub.member.message_received.v1"
SECRET = "marked-secret-of-the-bot"


def member_of(creator: Creator) -> dict[str, Any]:
    """The only member."""
    (user,) = creator.users()
    found: dict[str, Any] = user
    return found


def counted(creator: Creator) -> int:
    """The messages of the only member, one for each received event."""
    events = creator.product.events(f"member/{creator.subject}/{member_of(creator)['id']}")
    return events.count(RECEIVED)


def test_the_right_token_gets_the_challenge_and_makes_the_channel_active(creator: Creator) -> None:
    id_ = creator.channel("whatsapp", webhook_verify_token=VERIFY_TOKEN)
    assert [creator.verify(id_, "wrong").status_code, creator.verify(id_, mode="other").status_code] == [403, 403]
    assert creator.channels()[0]["status"] == "pending_verification"
    answer = creator.verify(id_)
    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert answer.headers["content-type"].startswith("text/plain")
    assert creator.channels()[0]["status"] == "active"


def test_without_a_token_configured_nobody_has_the_right_one(creator: Creator) -> None:
    for id_ in (creator.channel("whatsapp"), creator.channel("whatsapp", access_token="t")):
        assert [creator.verify(id_, token).status_code for token in ("", VERIFY_TOKEN)] == [403, 403]
    assert creator.verify(str(uuid4())).status_code == 404
    assert creator.verify(creator.channel("telegram", webhook_verify_token=VERIFY_TOKEN)).status_code == 404


def test_a_message_makes_a_member_and_counts_once_however_often_it_comes(creator: Creator) -> None:
    id_ = creator.whatsapp()
    call = whatsapp_call(whatsapp_message("Hello"))
    answers = [signed(creator.product, id_, call) for _ in range(3)]
    assert [(one.status_code, one.json()) for one in answers] == [(200, {"received": 1})] * 3
    assert counted(creator) == 1
    member = member_of(creator)
    assert (member["external_id"], member["channel"]) == ("16505551234", "whatsapp")
    assert member["profile_data"] == {"name": "Ana"}


def test_every_message_of_a_call_is_taken_and_what_is_unknown_is_left_out(creator: Creator) -> None:
    id_ = creator.whatsapp()
    call = whatsapp_call(whatsapp_message("One", "wamid.1"), whatsapp_message("Two", "wamid.2"), {"type": "tomorrow"})
    call["entry"] += [*whatsapp_call(whatsapp_message("Three", "wamid.3"))["entry"], {"changes": [{"field": "new"}]}, 7]
    assert signed(creator.product, id_, call).json() == {"received": 3}
    assert counted(creator) == 3
    odd_bodies: list[object] = [{}, [], "text", {"entry": None}]
    for odd in odd_bodies:
        assert signed(creator.product, id_, odd).status_code == 200


def test_what_whatsapp_did_not_sign_leaves_no_trace(creator: Creator) -> None:
    id_ = creator.whatsapp()
    call = whatsapp_call(whatsapp_message("Hello"))
    unsigned = creator.product.http.post(f"/{MOUNT}/webhooks/whatsapp/{id_}", json=call)
    answers = [unsigned, signed(creator.product, id_, call, secret="another"), signed(creator.product, id_, call, "")]
    assert [one.status_code for one in answers] == [401, 401, 401]
    assert creator.users() == []


def test_a_channels_own_secret_outweighs_the_installations(creator: Creator) -> None:
    id_ = creator.whatsapp(app_secret="the channel's own")
    call = whatsapp_call(whatsapp_message("Hello"))
    assert signed(creator.product, id_, call).status_code == 401
    assert signed(creator.product, id_, call, secret="the channel's own").status_code == 200


def test_a_channel_that_is_not_verified_takes_nothing(creator: Creator) -> None:
    call = whatsapp_call(whatsapp_message("Hello"))
    assert signed(creator.product, creator.channel("whatsapp"), call).status_code == 403
    assert signed(creator.product, str(uuid4()), call).status_code == 404


def test_the_number_is_learnt_and_messages_to_another_one_are_not_ours(creator: Creator) -> None:
    id_ = creator.whatsapp()
    assert signed(creator.product, id_, whatsapp_call(whatsapp_message("Hello"))).json() == {"received": 1}
    learnt = "select phone_number_id from read_models.creator_hub_channels where channel_id = %s"
    assert creator.product.ask(learnt, id_) == [(PHONE_NUMBER_ID,)]
    other = whatsapp_call(whatsapp_message("Hello", "wamid.2"), metadata={"phone_number_id": "9999"})
    assert signed(creator.product, id_, other).json() == {"received": 0}
    assert counted(creator) == 1


def test_a_report_is_about_the_message_that_it_names(creator: Creator) -> None:
    id_ = creator.whatsapp()
    signed(creator.product, id_, whatsapp_call(whatsapp_message("Hello")))
    creator.ok("POST", f"/users/{member_of(creator)['id']}/programs/{creator.program()}/enroll")
    creator.product.settle()
    sent = "select message_id from read_models.creator_hub_messages where creator_id = %s and type = 'message_sent'"
    ((message_id,),) = creator.product.ask(sent, creator.subject)
    about = {"id": "wamid.9", "status": "delivered", "timestamp": "1767603601", "recipient_id": "16505551234"}
    report = whatsapp_call(statuses=[{**about, "biz_opaque_callback_data": f"{message_id}/1"}])
    unknown = whatsapp_call(statuses=[{**about, "biz_opaque_callback_data": f"{uuid4()}/1"}, about])
    for call, received in ((report, 1), (report, 1), (unknown, 2)):
        assert signed(creator.product, id_, call).json() == {"received": received}
    events = creator.product.events(f"message/{creator.subject}/{message_id}")
    assert events.count("creator_hub.message.delivered.v1") == 1


def telegram_update(text: str, number: int = 1) -> dict[str, Any]:
    person = {"id": 42, "is_bot": False, "first_name": "Ana", "language_code": "pt-br"}
    chat = {"id": 42, "type": "private"}
    message = {"message_id": number, "from": person, "chat": chat, "date": 1767603600, "text": text}
    return {"update_id": number, "message": message}


@pytest.fixture
def bot(creator: Creator) -> str:
    """A Telegram channel, active by what its provider is to have accepted."""
    id_ = creator.channel("telegram", bot_token=BOT_TOKEN, secret_token=SECRET)
    creator.product.settle()
    return id_


def updated(creator: Creator, channel_id: str, body: object, secret: str = SECRET) -> int:
    headers = {"X-Telegram-Bot-Api-Secret-Token": secret}
    address = f"/{MOUNT}/webhooks/telegram/{channel_id}"
    return creator.product.http.post(address, json=body, headers=headers).status_code


def test_a_bot_takes_what_carries_its_secret(creator: Creator, bot: str) -> None:
    assert [updated(creator, bot, telegram_update("Hi"), wrong) for wrong in ("", "wrong")] == [401, 401]
    assert creator.channels()[0]["status"] == "active"
    assert [updated(creator, bot, telegram_update("Hi")) for _ in range(2)] == [200, 200]
    assert counted(creator) == 1
    assert creator.ok("GET", f"/users/{member_of(creator)['id']}")["language"] == "pt-br"


def test_a_receiver_repeats_nothing_when_time_has_passed(creator: Creator) -> None:
    id_ = creator.whatsapp()
    call = whatsapp_call(whatsapp_message("Hello"))
    signed(creator.product, id_, call)
    creator.product.manual.advance(timedelta(hours=1))
    assert signed(creator.product, id_, call).status_code == 200
    assert counted(creator) == 1
