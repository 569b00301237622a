"""The subcommands of `headwater keys`: tokens for callers, and keys of data subjects."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from commandline import Stop
from commandline.subcommands.options import Data, duration, settings_with

keys = typer.Typer(no_args_is_help=True, help="Tokens for callers, and keys of data subjects.")

Surface = Annotated[str, typer.Argument(help="Which product the token is for, e.g. communication.")]


@keys.command()
def issue(
    surface: Surface,
    subject: Annotated[str, typer.Option(help="Who the caller is; limits count per subject.")] = "client",
    scope: Annotated[
        list[str] | None,
        typer.Option(help="A scope, or `all`; repeat for more. None given: those of a client's daily work."),
    ] = None,
    no_scope: Annotated[bool, typer.Option("--no-scope", help="No scope at all.")] = False,
    limit: Annotated[list[str] | None, typer.Option(help="Raise a limit: CLASS=N/min (or /s, /hour, /day).")] = None,
    lifetime: Annotated[str | None, typer.Option(help="How long it is good for: 15m, 12h, 90d.")] = None,
    days: Annotated[int | None, typer.Option(help="The same, in days.", min=1, max=36500)] = None,
    tier: Annotated[str | None, typer.Option(help="The caller's tier, where the product has tiers.")] = None,
    tenant: Annotated[str | None, typer.Option(help="The caller's tenant, where the product has tenants.")] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="A refresh token, where the product has any.")] = False,
    role: Annotated[str | None, typer.Option(help="The caller's role, where the product has roles.")] = None,
    data: Data = None,
) -> None:
    """Print one token for a surface, and nothing else; what it may do goes to standard error."""
    from commandline.tokens import Wanted, describe, issue_token

    wanted = Wanted(
        subject=subject,
        scopes=scope or [],
        limits=limit or [],
        lifetime=_lifetime(lifetime, days),
        options={
            "no-scope": no_scope,
            "refresh": refresh,
            "role": role is not None,
        },
        tier=tier,
        tenant=tenant,
    )
    issued = issue_token(settings_with(data=data), surface, wanted)
    typer.echo(issued.text)
    typer.echo(describe(issued), err=True)


def _lifetime(text: str | None, days: int | None) -> timedelta | None:
    if text is not None and days is not None:
        raise Stop("give either --lifetime or --days")
    if text is None:
        return None if days is None else timedelta(days=days)
    if not (lifetime := duration(text)):
        raise Stop(f"a token must last some time: a duration reads 30s, 15m, 2h or 3d, not {text!r}")
    return lifetime


@keys.command("list")
def list_issued(surface: Surface, data: Data = None) -> None:
    """List the tokens on record: holder, scopes, limits, and until when each counts."""
    from commandline.tokens import list_tokens

    list_tokens(settings_with(data=data), surface)


@keys.command()
def revoke(
    surface: Surface,
    subject: Annotated[str | None, typer.Option(help="Whose tokens: all that were issued up to now.")] = None,
    id_: Annotated[str | None, typer.Option("--id", help="Which token, by its id (`jti`).")] = None,
    data: Data = None,
) -> None:
    """Make tokens void, on every node within a second."""
    from commandline.tokens import revoke_tokens

    typer.echo(revoke_tokens(settings_with(data=data), surface, subject, id_))


@keys.command()
def rotate(
    finish: Annotated[bool, typer.Option("--finish", help="Make the second key the only one.")] = False,
    data: Data = None,
) -> None:
    """Change the key that signs tokens, in two steps: both count between them."""
    from commandline.tokens import rotate_key

    typer.echo(rotate_key(settings_with(data=data), finish))


@keys.command()
def backup(path: Path, data: Data = None) -> None:
    """Write the data subjects' keys, wrapped by the master key, to a new file."""
    from commandline.moves import backup as back_up

    back_up(settings_with(data=data), path)


@keys.command()
def restore(path: Path, data: Data = None) -> None:
    """Put the data subjects' keys back that are missing."""
    from commandline.moves import restore as put_back

    put_back(settings_with(data=data), path)
