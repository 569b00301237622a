"""An imitation of Twilio's Messages resource: form in, JSON out, HTTP Basic, and its numbered errors."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tests.imitations import Behaviour, Imitation, Received, main, suffer

ACCOUNT_SID = "AC00000000000000000000000000000001"
AUTH_TOKEN = "imitated-auth-token"

_BASIC = "Basic " + base64.b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()).decode()
_E164 = re.compile(r"\+[1-9]\d{1,14}")
_CODES = {401: 20003, 404: 20404, 429: 20429, 500: 20500, 503: 20503}


class TwilioImitation(Imitation):
    """Takes messages of ACCOUNT_SID with AUTH_TOKEN; each that goes out is recorded under its `To`."""

    def routes(self) -> Sequence[BaseRoute]:
        path = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"
        return [Route(path, self._create, methods=["POST"])]

    async def _create(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        if refusal := _refusal(request, form):
            return refusal
        behaviour = self.journal.following(form["To"])
        if behaviour.recorded:
            self.journal.record(Received(to=form["To"], content=form, headers=dict(request.headers)))
        await suffer(request, behaviour)
        return _failure(behaviour) if behaviour.status else JSONResponse(_message(form), 201)


def _refusal(request: Request, form: dict[str, str]) -> Response | None:
    if request.headers.get("authorization") != _BASIC:
        return _error(401, 20003, "Authenticate")
    to, body = form.get("To", ""), form.get("Body", "")
    checks = (
        (request.headers.get("content-type") == "application/x-www-form-urlencoded", 20001, "Unsupported content type"),
        (to, 21604, "A 'To' phone number is required."),
        (_E164.fullmatch(to), 21211, f"The 'To' number {to} is not a valid phone number."),
        (form.get("From") or form.get("MessagingServiceSid"), 21603, "A 'From' phone number is required."),
        (body, 21602, "Message body is required."),
        (len(body) <= 1600, 21617, "The concatenated message body exceeds the 1600 character limit"),
    )
    return next((_error(400, code, message) for passed, code, message in checks if not passed), None)


def _failure(behaviour: Behaviour) -> Response:
    status = behaviour.status or 500
    code = int(behaviour.code) if behaviour.code else _CODES.get(status, 20001)
    return _error(status, code, behaviour.text, behaviour.headers)


def _error(status: int, code: int, message: str, headers: dict[str, str] | None = None) -> Response:
    more_info = f"https://www.twilio.com/docs/errors/{code}"
    body = {"code": code, "message": message, "more_info": more_info, "status": status}
    return JSONResponse(body, status, headers=headers)


def _message(form: dict[str, str]) -> dict[str, Any]:
    sid = f"SM{uuid4().hex}"
    now = format_datetime(datetime.now(UTC))
    uri = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{sid}"
    return {
        "account_sid": ACCOUNT_SID,
        "api_version": "2010-04-01",
        "body": form["Body"],
        "date_created": now,
        "date_sent": None,
        "date_updated": now,
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": form.get("From"),
        "messaging_service_sid": form.get("MessagingServiceSid"),
        "num_media": "0",
        "num_segments": str(_segments(form["Body"])),
        "price": None,
        "price_unit": "USD",
        "sid": sid,
        "status": "accepted" if form.get("MessagingServiceSid") else "queued",
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": form["To"],
        "uri": f"{uri}.json",
    }


def _segments(body: str) -> int:
    single, part = (160, 153) if body.isascii() else (70, 67)
    return 1 if len(body) <= single else -(-len(body) // part)


if __name__ == "__main__":
    main(TwilioImitation)
