"""The subcommands of `headwater audit`: verification, past states, causes, exports."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from commandline.subcommands.options import Data, settings_with

audit = typer.Typer(no_args_is_help=True, help="Verify the history, look back, ask why, export.")

Personal = Annotated[bool, typer.Option("--personal", help="Open personal values (needs the master key).")]
Context = Annotated[str | None, typer.Option(help="One context only.")]


@audit.command()
def verify(context: Context = None, data: Data = None) -> None:
    """Verify the whole history: hash chain, sequences, versions, outcomes, signatures."""
    from commandline.audit import verify_log

    raise typer.Exit(0 if verify_log(settings_with(data=data), context) else 4)


@audit.command()
def sign(data: Data = None) -> None:
    """Sign the heads of all partitions and print the public key."""
    from commandline.audit import sign as sign_now

    sign_now(settings_with(data=data))


@audit.command()
def erased(data: Data = None) -> None:
    """Print who has been erased and when, one JSON object a line: keep it apart from backups, for a restore."""
    from commandline.backups import print_erased

    print_erased(settings_with(data=data))


@audit.command()
def replay(data: Data = None) -> None:
    """Fold every stream anew with today's code and compare with the snapshots."""
    from commandline.audit import replay as replay_now

    raise typer.Exit(0 if replay_now(settings_with(data=data)) else 4)


@audit.command("as-of")
def as_of(name: str, until: str, personal: Personal = False, data: Data = None) -> None:
    """Print a read model as it was at a position (context/partition/sequence) or a time."""
    from commandline.audit import show_as_of

    show_as_of(settings_with(data=data), name, until, personal)


@audit.command()
def diff(name: str, before: str, after: str = "now", personal: Personal = False, data: Data = None) -> None:
    """Print what changed in a read model between two positions or times."""
    from commandline.audit import show_diff

    show_diff(settings_with(data=data), name, before, after, personal)


@audit.command()
def why(
    what: Annotated[str, typer.Argument(help="A position, an event id, a command id, or a read model's name.")],
    key: Annotated[list[str] | None, typer.Argument(help="With a read model: the key of the row.")] = None,
    data: Data = None,
) -> None:
    """Print the chain of causes back to the request."""
    from commandline.audit import show_why

    show_why(settings_with(data=data), what, key or [])


@audit.command()
def events(name: str, key: list[str], personal: Personal = False, data: Data = None) -> None:
    """Print every event that touched a row of a read model."""
    from commandline.audit import show_events

    show_events(settings_with(data=data), name, key, personal)


@audit.command()
def subject(who: str, personal: Personal = False, data: Data = None) -> None:
    """Print everything recorded about a person, `context:id`."""
    from commandline.audit import show_dossier

    show_dossier(settings_with(data=data), who, personal)


@audit.command()
def export(directory: Path, context: Context = None, data: Data = None) -> None:
    """Write the log as files, with a manifest and a verifier that needs nothing but Python."""
    from commandline.audit import export_log

    export_log(settings_with(data=data), directory, context)
