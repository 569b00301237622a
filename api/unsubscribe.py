"""The page behind an unsubscribe link, in every surface that writes to people: GET shows, POST acts (RFC 8058).

Mail scanners follow links, so looking at one changes nothing. A POST comes from the page's button or from a mail
program (one-click). The link's token is the only proof, so these endpoints have no other authentication.
"""

from __future__ import annotations

from html import escape
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from api.errors import ApiError
from api.surface import surface_of
from domain.messages import Command
from streams.core.gateway import Pending, Unavailable, envelop

DEADLINE_SECONDS = 5.0
RECIPIENT = "recipient"
"""The actor of an unsubscription."""

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Unsubscribe</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">
<style>body{{font-family:system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem;line-height:1.5}}
button{{font:inherit;padding:.6rem 1.2rem}}</style></head><body><h1>{title}</h1><p>{text}</p>{form}</body></html>"""

BUTTON = '<form method="post"><button>Unsubscribe</button></form>'
INVALID_LINK = "Nothing was changed. Perhaps the address was cut short: please follow the link in the e-mail again."


class LinkPurpose(NamedTuple):
    """What a valid link is for: the mail that ends, in words (`the newsletter`), and the command that ends it."""

    about: str
    command: Command


def show(request: Request, link: LinkPurpose | None) -> Response:
    """The page that says what the link is for; None is a link that is not valid, 404 in the form that is asked for."""
    if link is None and "text/html" in request.headers.get("accept", ""):
        return _page("This link is not valid", INVALID_LINK, status=404)
    return _page("Unsubscribe", f"You are about to stop receiving {_valid(link).about} by e-mail.", BUTTON)


async def act(request: Request, link: LinkPurpose | None) -> Response:
    """Unsubscribe, and the page that says so; raises ApiError 404 for a link that is not valid, or 503."""
    about, command = _valid(link)
    actions = surface_of(request).actions
    envelope = envelop(command, actions.surface, actions.partitions, RECIPIENT)
    try:
        await actions.gateway.submit(envelope, DEADLINE_SECONDS)
    except (Unavailable, Pending) as away:
        raise ApiError(503, "Please try again in a moment", kind="Unavailable", headers={"Retry-After": "5"}) from away
    return _page("You are unsubscribed", f"You will not receive {about} by e-mail any more.")


def _valid(link: LinkPurpose | None) -> LinkPurpose:
    if link is None:
        raise ApiError(404, "This link is not valid", kind="NotFound")
    return link


def _page(title: str, text: str, form: str = "", status: int = 200) -> Response:
    return HTMLResponse(PAGE.format(title=escape(title), text=escape(text), form=form), status)
