"""An imitation of Twilio's Messages resource: form in, JSON out, HTTP Basic, and its numbered errors."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import uuid4

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tests.imitations import Behaviour, Imitation, Received, Stage, main, suffer

ACCOUNT_SID = "AC00000000000000000000000000000001"
AUTH_TOKEN = "imitated-auth-token"

PATH = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json"

_BASIC = "Basic " + base64.b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()).decode()
_E164 = re.compile(r"\+[1-9]\d{1,14}")
_CODES = {401: 20003, 404: 20404, 429: 20429, 500: 20500, 503: 20503}


class TwilioImitation(Imitation):
    """Takes messages of ACCOUNT_SID with AUTH_TOKEN; each that goes out is recorded under its `To`, and listed.

    The list begins with the latest, filters by `To` and by date, and has pages, as Twilio's. `unlisted` is the number
    of look-ups that do not show the latest message yet.
    """

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.messages: list[dict[str, Any]] = []
        self.unlisted = 0

    def routes(self) -> Sequence[BaseRoute]:
        return [Route(PATH, self._create, methods=["POST"]), Route(PATH, self._list, methods=["GET"])]

    async def _list(self, request: Request) -> Response:
        if request.headers.get("authorization") != _BASIC:
            return _error(401, 20003, "Authenticate")
        query = request.query_params
        behaviour = self.journal.following(query.get("To", ""), Stage.LIST)
        await suffer(request, behaviour)
        return _failure(behaviour) if behaviour.status else JSONResponse(self._page(query))

    def _page(self, query: QueryParams) -> dict[str, Any]:
        shown = self.messages[:-1] if self.unlisted else self.messages
        self.unlisted = max(0, self.unlisted - 1)
        fitting = [one for one in reversed(shown) if _fits(one, query)]
        size, number = int(query.get("PageSize", 50)), int(query.get("Page", 0))
        start = size * number
        following = urlencode({**query, "Page": number + 1, "PageToken": f"PA{start:032}"})
        return {
            "end": min(start + size, len(fitting)) - 1,
            "first_page_uri": f"{PATH}?{urlencode({**query, 'Page': 0})}",
            "messages": fitting[start : start + size],
            "next_page_uri": f"{PATH}?{following}" if start + size < len(fitting) else None,
            "page": number,
            "page_size": size,
            "previous_page_uri": None,
            "start": start,
            "uri": f"{PATH}?{urlencode(query)}",
        }

    async def _create(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        if refusal := _refusal(request, form):
            return refusal
        behaviour = self.journal.following(form["To"])
        message = _message(form)
        if behaviour.recorded:
            self.messages.append(message)
            self.journal.record(Received(to=form["To"], content=form, headers=dict(request.headers)))
        await suffer(request, behaviour)
        return _failure(behaviour) if behaviour.status else JSONResponse(message, 201)


def _fits(message: dict[str, Any], query: QueryParams) -> bool:
    day = parsedate_to_datetime(message["date_created"]).date()
    after = query.get("DateSent>")
    return query.get("To") in (None, message["to"]) and (after is None or day >= date.fromisoformat(after))


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
