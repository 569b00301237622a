"""What a newcomer sees: the screen of a start, and a product's first request with a token."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable
from datetime import timedelta

import bootstrap
from api.mounts import canonical, mount_of
from commandline.tokens import Wanted, issue_token
from settings import Settings

LIFETIME = timedelta(days=1)
"""The lifetime of a newcomer's token."""

SHARED = ("data", "host", "port")
"""Settings without which a command in another terminal finds another installation."""


def first_request(settings: Settings, surface: str) -> str:
    """The shell commands of a surface's first request, with a new token; raises Stop as `issue_token` does."""
    token = issue_token(settings, surface, Wanted(subject="newcomer", lifetime=LIFETIME)).text
    return bootstrap.SURFACES[canonical(surface)].first_request.format(base=settings.own_address, token=token)


def screen(settings: Settings, surfaces: Iterable[str]) -> str:
    """The text of a start: a page of 24 lines for five surfaces, and no token, as output may be kept."""
    base, mounts = settings.own_address, [mount_of(surface) for surface in surfaces]
    width = max(map(len, mounts))
    pages = [f"  {mount:<{width}}  {base}/{mount}/docs" for mount in mounts]
    requests = [f'  eval "$({_command(settings, mount)})"' for mount in mounts]
    return "\n".join(
        [
            "",
            f"Headwater serves at {base} (data in {settings.data})",
            f"{base}/health · /ready · /metrics · /live",
            "",
            *pages,
            "",
            "A first request, to paste into another terminal (without eval, to look at):",
            "",
            *requests,
            "",
            "Stop with Ctrl-C; everything taken in is finished first.",
            "",
        ]
    )


def _command(settings: Settings, mount: str) -> str:
    given = {name: getattr(settings, name) for name in SHARED}
    others = [
        f"HEADWATER_{name.upper()}={shlex.quote(str(value))}"
        for name, value in given.items()
        if value != Settings.model_fields[name].default
    ]
    return " ".join([*others, shlex.quote(sys.argv[0]), "first-request", mount])
