"""The actions of the `headwater` command's subcommands, one file per area: serving, operating, auditing."""

from __future__ import annotations

from streams.postgres.accounts import NotStarted
from streams.secret_files import WrongSecret


class Stop(Exception):
    """The end of a command by an expected error, whose text is one sentence."""


EXPECTED = (Stop, WrongSecret, NotStarted)
"""Errors whose text is one sentence for the operator."""
