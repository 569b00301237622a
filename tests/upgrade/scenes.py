"""What the kept installation went through, part by part: consent, messages, providers' reports, preferences."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4, uuid5

from tests.imitations import dropping, failing
from tests.imitations.twilio import AUTH_TOKEN, TwilioImitation
from tests.upgrade.exchanges import Recorder
from tests.upgrade.installation import Installation, wait

API = "/communication/api/communication"
ANA, READER = "ana", "reader"
FAR = "2199-01-01T09:00:00Z"
RESEND_SECRET = "whsec_dGhlIHNlY3JldCBvZiBhIGZpeHR1cmU="
TWILIO_URL = "https://headwater.example/communication/api/communication/webhooks/twilio"
LINK = r"/unsubscribe/([\w.~-]+)"
CODE = re.compile(r"\b\d{6}\b")
TIMER = """
    insert into headwater.tasks (id, context, kind, due_at, name, body, correlation_id, event_id)
    values (%s, %s, 'timer', '1970-01-01Z', %s, %s::json, %s, %s)
"""


@dataclass
class Stage:
    """An installation, who records what it answers, the imitated providers, and what is kept by name."""

    installation: Installation
    recorder: Recorder
    twilio: TwilioImitation
    kept: dict[str, Any] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    users: set[int] = field(default_factory=set)
    outcomes: list[tuple[str, str]] = field(default_factory=list)

    def post(self, path: str, body: object = None, *, method: str = "POST", **more: Any) -> Any:
        """A write by the token that may do everything in communication."""
        return self.recorder.write(ANA, method, f"{API}{path}", body, **more)

    def settle(self, by: str = "1s") -> None:
        """Moves the clock on; returns when what is due has been done."""
        self.installation.says("clock", "advance", by)

    def send(self, user: int, type_: str, *, expect: int = 200, **more: Any) -> str:
        """Asks for a message; its task id."""
        body = {"user_id": user, "trigger_type": type_, "data": {"amount": 12.5, "month": "May"}} | more
        answer = self.post("/send", body, expect=expect)
        self.users.add(user)
        task = str(answer.get("task_id", ""))
        self.messages += [task] if task else []
        return task

    def status(self, task: str) -> Any:
        return self.recorder.asking.ask(ANA, "GET", f"{API}/status/{task}", None, {}).json()

    def provider_id(self, task: str) -> str:
        """The provider's own id of a message, once it has one."""
        wait(lambda: self.status(task)["result"] is not None, f"{task} has not gone out")
        return str(self.status(task)["result"]["message_id"])

    def command(self, context: str, name: str, **body: Any) -> None:
        """Has a command decided that no endpoint submits so, the way orders from the shell are given."""
        task = uuid4()
        text = json.dumps({"at": datetime.now(UTC).isoformat(), **body}, default=str)
        self.installation.write(TIMER, task, context, name, text, task, task)
        self.outcomes.append((context, str(uuid5(task, "timer"))))

    def code(self, number: str) -> str:
        """The code in the latest text to a number."""
        received = reversed(self.twilio.journal.received)
        return str(CODE.findall(next(one for one in received if one.to == number).content["Body"])[0])


def number_of(user: int) -> str:
    return f"+1555{user:07}"


def agree(stage: Stage, *users: int) -> None:
    """They consent to everything on both channels."""
    for user in users:
        stage.post("/consent/sms", {"user_id": user, "phone_number": number_of(user), "consent_text": "Yes, please."})
        stage.post("/consent/email", {"user_id": user, "email": f"user{user}@example.com"})
    stage.settle()
    for user in users:
        code = stage.code(number_of(user))
        stage.post("/consent/sms/verify", {"phone_number": number_of(user), "verification_code": code})
        stage.users.add(user)


def messages(stage: Stage) -> None:
    """Sent on either channel and both, by another than was asked for, later, held, called off; and every refusal."""
    sent = stage.send(101, "financial_alert", channel="sms")
    stage.send(101, "monthly_report")
    stage.send(101, "payment_reminder", channel="both", priority="critical")
    stage.post("/preferences/102", {"sms_enabled": False}, method="PUT")
    stage.send(102, "weekly_checkin", channel="sms")
    waiting = stage.send(101, "monthly_report", scheduled_time=FAR)
    stage.kept |= {"scheduled": waiting, "scheduled too": stage.send(102, "monthly_report", scheduled_time=FAR)}
    called_off = stage.send(101, "career_insight", scheduled_time=FAR)
    stage.post(f"/cancel/{called_off}")
    stage.post(f"/cancel/{called_off}", expect=400)
    stage.settle()
    stage.provider_id(sent)
    stage.post(f"/cancel/{sent}", expect=400)
    stage.post(f"/status/{sent}/action", {"action": "viewed_forecast"})
    stage.post(f"/status/{waiting}/action", {"action": "viewed_forecast"}, expect=400)
    stage.send(199, "monthly_report", expect=400)
    for _ in range(5):
        stage.send(103, "educational_content")
    stage.send(103, "educational_content", expect=400)
    _held_and_many(stage)


def _held_and_many(stage: Stage) -> None:
    now = datetime.now(UTC)
    night = {"start": f"{now - timedelta(hours=2):%H:%M}", "end": f"{now + timedelta(hours=9):%H:%M}"}
    stage.post("/preferences/104", {"time_zone": "UTC", "quiet_hours": night}, method="PUT")
    stage.kept["held"] = stage.send(104, "payment_reminder", channel="sms")
    items = [
        {"user_id": 101, "trigger_type": "monthly_report", "data": {}, "priority": "critical"},
        {"user_id": 199, "trigger_type": "monthly_report", "data": {}},
        {"user_id": 101, "trigger_type": "no_such_type", "data": {}},
    ]
    stage.post("/batch", {"communications": items})


def consents(stage: Stage) -> None:
    """Taken back in every way, wrong and late codes, too many of them."""
    stage.post("/consent/email", {"user_id": 111, "email": "some@example.com", "message_types": ["monthly_report"]})
    stage.post("/consent/revoke", {"user_id": 102, "channel": "email", "message_types": ["career_insight"]})
    stage.post("/opt-out", {"user_id": 103, "channel": "sms", "message_type": "payment_reminder", "reason": "enough"})
    stage.post("/opt-out", {"user_id": 112, "message_type": "all"})
    for number in range(6):
        body = {"user_id": 105, "phone_number": f"+15552{number:06}"}
        stage.post("/consent/sms", body, expect=200 if number < 5 else 400)
    for user in (106, 107, 113):
        stage.post("/consent/sms", {"user_id": user, "phone_number": number_of(user)})
    stage.settle()
    for _ in range(6):
        body = {"phone_number": number_of(106), "verification_code": _wrong(stage.code(number_of(106)))}
        stage.post("/consent/sms/verify", body, expect=400)
    stage.settle("11m")
    body = {"phone_number": number_of(107), "verification_code": stage.code(number_of(107))}
    stage.post("/consent/sms/verify", body, expect=400)
    stage.users |= {105, 106, 107, 111, 113}


def _wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


def preferences(stage: Stage) -> None:
    """Changed often enough for a snapshot, set back, in no time zone, and on an old version."""
    for number in range(210):
        stage.post("/preferences/108", {"preferred_email_day": number % 7, "user_segment": f"s{number}"}, method="PUT")
    stage.post("/preferences/103", {"frequency_preference": "daily", "alert_types_sms": {"weekly_checkin": False}},
               method="PUT")  # fmt: skip
    stage.post("/preferences/103/reset")
    stage.post("/preferences/108", {"time_zone": "Mars/Olympus"}, method="PUT", expect=400)
    stage.post("/preferences/108", {"sms_enabled": False}, method="PUT", expect=412, If_Match='"1"')
    stage.users |= {108}


def failures(stage: Stage) -> None:
    """A provider that refuses, that breaks off without a word, and one that puts off for long."""
    for user, behaviour in (
        (102, failing(400, "21211")), (103, dropping(recorded=True)),
        (101, failing(429, headers={"Retry-After": "7200"})),
    ):  # fmt: skip
        stage.twilio.behave(behaviour.model_copy(update={"to": number_of(user)}))
    stage.post("/preferences/102", {"sms_enabled": True}, method="PUT")
    stage.send(102, "financial_alert", channel="sms")
    stage.send(103, "financial_alert", channel="sms")
    stage.kept["put off"] = stage.send(101, "financial_alert", channel="sms")
    stage.settle()


def reports(stage: Stage) -> None:
    """What providers say of messages, of messages that nobody here sent, and what comes in by text."""
    for word in ("delivered", "undelivered"):
        sent = stage.send(104, "financial_alert", channel="sms")
        stage.settle()
        twilio(stage, "twilio", MessageSid=stage.provider_id(sent), MessageStatus=word, To=number_of(104))
    twilio(stage, "twilio", MessageSid=stage.provider_id(stage.messages[0]), MessageStatus="sending")
    twilio(stage, "twilio", MessageSid="SMunknown", MessageStatus="delivered", To="+15550000000")
    resend(stage, "email.delivered", "re_unknown", "unknown@example.com")
    for user, words in ((101, ("opened", "clicked")), (114, ("bounced",)), (115, ("complained",))):
        if user > 113:
            agree(stage, user)
        sent = stage.send(user, "monthly_report", channel="email", priority="critical")
        stage.settle()
        for word in words:
            resend(stage, f"email.{word}", stage.provider_id(sent), f"user{user}@example.com")
    for user, text in ((115, "STOP"), (115, "START"), (101, "HELP"), (116, "Stop")):
        twilio(stage, "sms-opt-out", MessageSid=f"SM{user}{text}", From=number_of(user), Body=text)
    unsubscribe(stage)


def twilio(stage: Stage, path: str, **form: str) -> None:
    """A form, signed as Twilio signs it."""
    url = TWILIO_URL.replace("/twilio", f"/{path}")
    text = url + "".join(name + value for name, value in sorted(form.items()))
    signature = base64.b64encode(hmac.digest(AUTH_TOKEN.encode(), text.encode(), hashlib.sha1)).decode()
    headers = {"X_Twilio_Signature": signature, "Content_Type": "application/x-www-form-urlencoded"}
    stage.recorder.report(f"{API}/webhooks/{path}", urlencode(form), **headers)


def resend(stage: Stage, type_: str, id_: str, to: str) -> None:
    """An event, signed in the way that needs no time."""
    bounce = {"bounce": {"type": "Permanent", "subType": "General", "message": "gone"}} if "bounced" in type_ else {}
    body = json.dumps({"type": type_, "data": {"email_id": id_, "to": [to], **bounce}})
    signature = hmac.new(RESEND_SECRET.encode(), body.encode(), hashlib.sha256).hexdigest()
    stage.recorder.report(f"{API}/webhooks/resend", body, X_Resend_Signature=signature)


def unsubscribe(stage: Stage) -> None:
    """By the link in an e-mail; another one stays unused."""
    agree(stage, 117, 118)
    for user in (117, 118):
        stage.send(user, "monthly_report", channel="email")
    stage.settle()
    links = {user: link_to(stage, user) for user in (117, 118)}
    found = stage.recorder.asking.client.post(links[117])
    assert found.status_code == 200, found.text
    stage.kept["unsubscribe link"] = links[118]


def link_to(stage: Stage, user: int) -> str:
    """The path of the unsubscribe link in the latest e-mail to somebody."""
    texts = [path.read_text() for path in (stage.installation.data / "outbox").glob("email-*.json")]
    text = next(text for text in texts if f"user{user}@example.com" in text)
    return f"/communication/unsubscribe/{re.findall(LINK, text)[0]}"


def refusals(stage: Stage, generation: str, owner: str) -> None:
    """Those that the endpoints answer from read models, before a command: as commands they leave an outcome too."""
    nothing, endpoint = str(UUID(int=7)), stage.kept["endpoints"]["b"]
    stage.command("communication", "communication.message.cancel.v1", message_id=nothing, user_id=101)
    stage.command("communication", "communication.recipient.verify_phone.v1", user_id=101, verification_id=nothing,
                  correct=True)  # fmt: skip
    for id_, phase in ((nothing, "unknown"), (stage.kept["held webhook"], "held")):
        subject = f"communication:{101 if phase == 'unknown' else stage.kept['held webhook of']}"
        stage.command("communication", "webhooks.webhook.recover.v1", endpoint_id=endpoint, webhook_id=id_,
                      data_subject=subject)  # fmt: skip
    gccp: Sequence[tuple[str, str, str]] = ((nothing, owner, owner), (generation, owner, nothing),
                                            (generation, nothing, nothing))  # fmt: skip
    for id_, key, caller in gccp:
        stage.command("gccp", "gccp.generation.cancel.v1", generation_id=id_, owner=key, caller=caller)
    stage.settle()


def budget(stage: Stage) -> None:
    """Nearly spent, which is noted, and too little for a text."""
    stage.send(118, "weekly_checkin", channel="email", priority="critical")
    stage.send(118, "financial_alert", channel="sms", expect=400)
    stage.settle()


def asked_after(stage: Stage) -> None:
    """Everything that can be read in communication and does not depend on the day."""
    read = stage.recorder.read
    for task in stage.messages:
        read(READER, f"{API}/status/{task}")
        read(READER, f"{API}/status/{task}/explanation")
    moment = datetime.now(UTC).isoformat()
    for user in sorted(stage.users):
        read(READER, f"{API}/preferences/{user}")
        read(ANA, f"{API}/analytics/user/{user}")
        for channel in ("sms", "email"):
            read(ANA, f"{API}/consent/check", {"user_id": user, "message_type": "monthly_report", "channel": channel,
                                              "as_of": moment})  # fmt: skip
    for path in ("analytics/summary", "analytics/channel-effectiveness", "reports/performance", "trigger-types"):
        read(ANA, f"{API}/{path}")
    read("", stage.kept.get("unsubscribe link", f"/communication/unsubscribe/{time.time()}"))
