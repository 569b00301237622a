"""Options of several subcommands, and the settings that they override."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from settings import Settings, load

Data = Annotated[Path | None, typer.Option("--data", help="Data directory (HEADWATER_DATA).")]


def settings_with(**given: object) -> Settings:
    """The environment's settings, overridden by the options of this command."""
    for name, value in given.items():
        if value is not None:
            os.environ[f"HEADWATER_{name.upper()}"] = str(value)
    return load()
