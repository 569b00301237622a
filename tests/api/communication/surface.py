"""How the requests of this surface come about: what must have happened before each of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta

from tests.api import product as kit
from tests.api.communication.product import BASE, NAME, Client, client, endpoint
from tests.api.communication.reports import SECRETS, resend_hmac, twilio_json
from tests.api.conformance import Fill, Filler, Sign, Surface
from tests.api.schemas import Leeway

USER, OTHER = 123, 124
"""The document's own."""

CODE_OF_THE_DOCUMENT = "key 9212"
"""The idempotency key under which the verification code comes out as the document's own, 123456."""

RECENT = "engagement_metrics.recent_communications[]"
SWITCHES = ("alert_types_sms", "alert_types_email")


def filling(make: Callable[[Client], Fill]) -> Filler:
    """A filler that prepares by a client of this surface, an hour later: only so many codes are sent within one."""

    def fill(product: kit.Served, _subject: str) -> Fill:
        product.advance(timedelta(hours=1))
        with client(product) as asking:
            return make(asking)

    return fill


def _consenting(asking: Client) -> Fill:
    asking.agree(USER, "+15550000123")
    asking.agree(OTHER, "+15550000124")
    return Fill()


def _sent(asking: Client) -> Fill:
    _consenting(asking)
    task_id = asking.send(USER, priority="critical")["task_id"]
    asking.product.settle()
    return Fill(path={"task_id": task_id})


def _scheduled(asking: Client) -> Fill:
    _consenting(asking)
    due = asking.product.clock.now() + timedelta(days=1)
    return Fill(path={"task_id": asking.send(USER, scheduled_time=due.isoformat())["task_id"]})


def _acted(asking: Client) -> Fill:
    return _sent(asking)._replace(fields={"action": "viewed_forecast"})


def _code_of_the_document(asking: Client) -> Fill:
    body = endpoint("consent-sms-grant")["request_example"]
    asking.ok("POST", "/consent/sms", body, **{"Idempotency-Key": CODE_OF_THE_DOCUMENT})
    return Fill()


def _code_of_its_own(asking: Client) -> Fill:
    user_id = asking.product.new_user()
    number = f"+1555{user_id:07}"
    asking.ok("POST", "/consent/sms", {"user_id": user_id, "phone_number": number})
    return Fill(fields={"phone_number": number, "verification_code": asking.code(number)})


def _of_the_user(_product: kit.Served, _subject: str) -> Fill:
    return Fill(query={"user_id": USER})


def _signed(sign: Sign) -> Filler:
    return lambda _product, _subject: Fill(sign=sign)


BY_TWILIO = _signed(twilio_json)


SURFACE = Surface(
    name=NAME,
    fillers={
        f"POST {BASE}/send": filling(_consenting),
        f"POST {BASE}/batch": filling(_consenting),
        f"GET {BASE}/status/{{task_id}}": filling(_sent),
        f"GET {BASE}/status/{{task_id}}/explanation": filling(_sent),
        f"POST {BASE}/status/{{task_id}}/action": filling(_acted),
        f"POST {BASE}/cancel/{{task_id}}": filling(_scheduled),
        f"POST {BASE}/consent/sms": filling(lambda _: Fill()),
        f"POST {BASE}/consent/sms/verify": filling(_code_of_its_own),
        f"GET {BASE}/optimal-send-time": _of_the_user,
        f"GET {BASE}/analytics/summary": filling(lambda asking: _sent(asking)._replace(path={})),
        f"GET {BASE}/analytics/user/{{user_id}}": filling(lambda asking: _sent(asking)._replace(path={})),
        f"POST {BASE}/webhooks/twilio": BY_TWILIO,
        f"POST {BASE}/webhooks/sms-opt-out": BY_TWILIO,
        f"POST {BASE}/webhooks/resend": _signed(lambda _, body: resend_hmac(body)),
    },
    verbatim={f"POST {BASE}/consent/sms/verify": filling(_code_of_the_document)},
    own=frozenset(
        {
            f"GET {BASE}/status/{{task_id}}/explanation",
            f"POST {BASE}/status/{{task_id}}/action",
            "GET /outcomes/{command_id}",
            "GET /unsubscribe/{token}",
            "POST /unsubscribe/{token}",
        }
    ),
    open=frozenset(
        {
            f"GET {BASE}/health",
            f"POST {BASE}/webhooks/twilio",
            f"POST {BASE}/webhooks/resend",
            f"POST {BASE}/webhooks/sms-opt-out",
            "GET /unsubscribe/{token}",
            "POST /unsubscribe/{token}",
        }
    ),
    reads=frozenset({f"POST {BASE}/consent/check"}),
    leeway=Leeway(
        frozenset(f"{RECENT}.{name}" for name in ("sent_at", "delivered_at", "opened_at", "action_taken")),
        frozenset(f"preferences.{name}" for name in SWITCHES),
    ),
    surroundings=lambda: nullcontext(SECRETS),
    may_be_empty=True,
    elides=True,
    static=frozenset({f"GET {BASE}/trigger-types", "GET /outcomes/{command_id}"}),
    undescribed=frozenset({"404"}),
    scopes={f"GET {BASE}/preferences/{{user_id}}": frozenset({"preferences:manage", "communication:read"})},
)
