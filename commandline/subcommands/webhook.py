"""The subcommands of `headwater webhook`: endpoints of outgoing webhooks."""

from __future__ import annotations

from typing import Annotated

import typer

from commandline.subcommands.options import Data, settings_with

webhook = typer.Typer(no_args_is_help=True, help="Webhooks out: who is told what becomes of messages.")

Surface = Annotated[str, typer.Argument(help="Which product, e.g. communication.")]
Endpoint = Annotated[str, typer.Argument(help="The endpoint's id, as `webhook list` shows it.")]


@webhook.command()
def add(
    surface: Surface,
    url: Annotated[str, typer.Argument(help="Where to post; nothing secret belongs into it.")],
    event: Annotated[list[str] | None, typer.Option(help="A type, e.g. message.delivered; repeat for more.")] = None,
    data: Data = None,
) -> None:
    """Register an address, and print its id and the secret that its webhooks are signed with."""
    from commandline.webhooks import add_webhook

    for line in add_webhook(settings_with(data=data), surface, url, event or []):
        typer.echo(line)


@webhook.command("list")
def list_endpoints(surface: Surface, data: Data = None) -> None:
    """List every endpoint: its address, its health, and its types of events."""
    from commandline.webhooks import list_webhooks

    list_webhooks(settings_with(data=data), surface)


@webhook.command()
def disable(surface: Surface, endpoint: Endpoint, data: Data = None) -> None:
    """Disable an endpoint. Its webhooks are held from now on."""
    from commandline.webhooks import disable_webhook

    disable_webhook(settings_with(data=data), surface, endpoint)


@webhook.command()
def enable(surface: Surface, endpoint: Endpoint, data: Data = None) -> None:
    """Enable an endpoint for new webhooks. Held ones wait for `recover`."""
    from commandline.webhooks import enable_webhook

    enable_webhook(settings_with(data=data), surface, endpoint)


@webhook.command()
def recover(
    surface: Surface,
    endpoint: Endpoint,
    since: Annotated[str | None, typer.Option("--from", help="A position; only what was queued after it.")] = None,
    data: Data = None,
) -> None:
    """Send failed and held webhooks again, in order, and print their number."""
    from commandline.webhooks import recover_webhook

    typer.echo(recover_webhook(settings_with(data=data), surface, endpoint, since))
