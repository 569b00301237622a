"""Options of several subcommands, and the settings that they override."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from commandline import Stop
from settings import Settings, load
from streams.postgres.accounts import refuse_root_on_anothers

DURATION = re.compile(r"^(\d{1,6})(s|m|h|d)$")
Data = Annotated[Path | None, typer.Option("--data", help="Data directory (HEADWATER_DATA).")]


def settings_with(**given: object) -> Settings:
    """The environment's settings, overridden by the options of this command.

    Raises NotStarted for root on the data of another user.
    """
    for name, value in given.items():
        if value is not None:
            os.environ[f"HEADWATER_{name.upper()}"] = str(value)
    settings = load()
    refuse_root_on_anothers(settings.data)
    return settings


def duration(text: str) -> timedelta:
    """`30s`, `15m`, `2h` or `3d` as a duration, also none; raises Stop for anything else."""
    found = DURATION.match(text)
    if found is None:
        raise Stop(f"a duration reads 30s, 15m, 2h or 3d, not {text!r}")
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[found[2]]
    return timedelta(**{unit: int(found[1])})
