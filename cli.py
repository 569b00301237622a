"""The `headwater` command line. Each subcommand imports its modules when it runs, so help appears at once."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console

from commandline import EXPECTED
from commandline.subcommands.audit import audit
from commandline.subcommands.keys import keys
from commandline.subcommands.options import Data, duration, settings_with
from commandline.subcommands.webhook import webhook

app = typer.Typer(
    name="headwater",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="""One event log behind product APIs: messages by SMS and e-mail (communication), course content (gccp),
newsletters, pages and posts (content-generator), creators and their members (creator-hub).

Start with `headwater up`: it runs everything in one process, with a database of its own, and says how to make a
first request. Every setting is an environment variable too (HEADWATER_DATA, HEADWATER_PORT, …).""",
)
projection = typer.Typer(no_args_is_help=True, help="Read models: look, rebuild beside the live one, swap, drop.")
clock = typer.Typer(no_args_is_help=True, help="The manual clock of `headwater up --clock manual`.")
tasks = typer.Typer(no_args_is_help=True, help="Timers and outside calls that could not go on.")
topics = typer.Typer(no_args_is_help=True, help="The Kafka topics of a distributed installation.")
journal = typer.Typer(no_args_is_help=True, help="The journal in PostgreSQL of a distributed installation.")
app.add_typer(audit, name="audit")
app.add_typer(webhook, name="webhook")
app.add_typer(journal, name="journal")
app.add_typer(keys, name="keys")
app.add_typer(tasks, name="tasks")
app.add_typer(topics, name="topics")
app.add_typer(projection, name="projection")
app.add_typer(clock, name="clock")

console = Console(stderr=True)


def main() -> None:
    """The console script: runs a subcommand; an expected error is one sentence, never a traceback."""
    reason = ""
    try:
        app()
    except EXPECTED as expected:
        reason = str(expected)
    except ValidationError as wrong:
        reason = _wrong_settings(wrong)
    except _database_away() as away:
        reason = f"PostgreSQL does not answer: {away}"
    console.print(f"[red]headwater:[/red] {reason}", highlight=False, soft_wrap=True)
    sys.exit(1)


def _wrong_settings(wrong: ValidationError) -> str:
    from commandline.setting_errors import sentences

    return sentences(wrong)


def _database_away() -> type[Exception]:
    """Imported only after an error, so that help loads no database driver."""
    from psycopg import OperationalError

    return OperationalError


@app.command()
def up(
    data: Data = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (HEADWATER_PORT).")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on (HEADWATER_HOST).")] = None,
    clock: Annotated[str | None, typer.Option(help="`system`, or `manual`: stands still until advanced.")] = None,
) -> None:
    """Run everything in one process, on an embedded database."""
    from commandline.server import serve

    serve(settings_with(data=data, port=port, host=host, clock=clock))


Kafka = Annotated[str | None, typer.Option(help="Brokers, host:port,… (HEADWATER_KAFKA).")]
Postgres = Annotated[str | None, typer.Option(help="DSN of PostgreSQL (HEADWATER_POSTGRES).")]
Instance = Annotated[str | None, typer.Option(help="This process's own stable name (HEADWATER_INSTANCE).")]


@app.command()
def api(
    kafka: Kafka = None,
    postgres: Postgres = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (HEADWATER_PORT).")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on (HEADWATER_HOST).")] = None,
) -> None:
    """Serve the HTTP surfaces of a distributed installation. Any number of these."""
    from commandline.roles import serve_api

    serve_api(settings_with(kafka=kafka, postgres=postgres, port=port, host=host))


@app.command()
def processor(kafka: Kafka = None, postgres: Postgres = None, instance: Instance = None) -> None:
    """Decide commands on Kafka, in a supervised child process. Any number, each with a name of its own."""
    from commandline.roles import run_supervised

    raise typer.Exit(run_supervised(settings_with(kafka=kafka, postgres=postgres, instance=instance), "processor"))


@app.command()
def projector(kafka: Kafka = None, postgres: Postgres = None, instance: Instance = None) -> None:
    """Carry the log from Kafka into PostgreSQL, in a supervised child process. Any number, each with its own name."""
    from commandline.roles import run_supervised

    raise typer.Exit(run_supervised(settings_with(kafka=kafka, postgres=postgres, instance=instance), "projector"))


@app.command()
def worker(kafka: Kafka = None, postgres: Postgres = None, instance: Instance = None) -> None:
    """Do due timers and outside calls. Any number, each with a name of its own."""
    from commandline.roles import run_worker

    run_worker(settings_with(kafka=kafka, postgres=postgres, instance=instance))


@app.command()
def live(
    kafka: Kafka = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (HEADWATER_PORT).")] = None,
) -> None:
    """Serve rates, failures, latencies and alerts by the minute, from Kafka, at /live as JSON and SSE."""
    from commandline.roles import run_live

    run_live(settings_with(kafka=kafka, port=port))


@app.command()
def move(to_kafka: Annotated[str, typer.Option("--to-kafka", help="Brokers, host:port,….")], data: Data = None) -> None:
    """Carry an embedded installation's journal into Kafka, and verify it there. Nothing may be running."""
    from commandline.moves import move_to_kafka

    move_to_kafka(settings_with(kafka=to_kafka, data=data))


@journal.command("rebuild")
def rebuild_journal(kafka: Kafka = None, postgres: Postgres = None) -> None:
    """Make an empty PostgreSQL anew from Kafka alone."""
    from commandline.moves import rebuild_from_kafka

    rebuild_from_kafka(settings_with(kafka=kafka, postgres=postgres))


@topics.command()
def create(kafka: Kafka = None) -> None:
    """Make the topics of every context that are missing."""
    from commandline.roles import create_topics

    create_topics(settings_with(kafka=kafka))


@topics.command()
def check(kafka: Kafka = None) -> None:
    """Check partitions, retention, compaction and replication of every topic; say what is wrong and how to mend it."""
    from commandline.roles import check_topics

    check_topics(settings_with(kafka=kafka))


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable.")] = False, data: Data = None
) -> None:
    """Show projections with their lag, what has halted and why, partitions and tasks."""
    from commandline.operations import show_status

    healthy = asyncio.run(show_status(settings_with(data=data), as_json))
    raise typer.Exit(0 if healthy else 3)


@app.command("first-request")
def first_request(
    surface: Annotated[str, typer.Argument(help="A surface, e.g. communication.")], data: Data = None
) -> None:
    """Print the commands of a surface's first request, with a token for a day."""
    from commandline.first_requests import first_request as made

    typer.echo(made(settings_with(data=data), surface))


@app.command("backup")
def back_up(into: Annotated[Path, typer.Argument(help="A new directory.")], data: Data = None) -> None:
    """Write database, secrets and the list of erased persons into a new directory, while everything runs."""
    from commandline.backups import back_up as write

    write(settings_with(data=data), into)


@app.command("restore")
def restore_installation(
    backup: Annotated[Path, typer.Argument(help="A directory that `headwater backup` has written.")],
    erased: Annotated[
        Path | None,
        typer.Option(help="Persons erased since: what `headwater audit erased` printed later, or an exported log."),
    ] = None,
    data: Data = None,
) -> None:
    """Restore a backup where no installation is yet, verify its history, and erase again who was erased since."""
    from commandline.backups import restore as put_back

    raise typer.Exit(0 if put_back(settings_with(data=data), backup, erased) else 4)


@app.command()
def upgrade(data: Data = None) -> None:
    """Carry the data to this program's PostgreSQL and table format, where one has changed. Nothing may be running."""
    from commandline.upgrades import upgrade as carry

    carry(settings_with(data=data))


@projection.command("list")
def list_projections(data: Data = None) -> None:
    """List every table of every projection."""
    from commandline.operations import list_projections as show

    show(settings_with(data=data))


@projection.command()
def rebuild(name: str, data: Data = None) -> None:
    """Build a read model anew beside the live one and compare the two. Nothing is swapped yet."""
    from commandline.operations import rebuild_projection

    rebuild_projection(settings_with(data=data), name)


@projection.command()
def swap(name: str, data: Data = None) -> None:
    """Put the rebuilt table in the live one's place; the old one is kept until dropped."""
    from commandline.operations import swap_projection

    swap_projection(settings_with(data=data), name)


@projection.command()
def retry(name: str, data: Data = None) -> None:
    """Take a halted projection up again where it stopped."""
    from commandline.operations import retry_projection

    retry_projection(settings_with(data=data), name)


@projection.command()
def drop(name: str, data: Data = None) -> None:
    """Remove the tables of a projection that are not live."""
    from commandline.operations import drop_projection

    drop_projection(settings_with(data=data), name)


@tasks.command("retry")
def retry_tasks(data: Data = None) -> None:
    """Let the tasks go on that `headwater status` shows as failed or unreadable. No provider is asked again."""
    from commandline.operations import retry_tasks as let_go_on

    let_go_on(settings_with(data=data))


@clock.command()
def advance(by: Annotated[str, typer.Argument(help="How far: 30s, 15m, 2h, 3d.")], data: Data = None) -> None:
    """Move the manual clock on, and wait until what is due then has been done."""
    from commandline.operations import advance_clock

    typer.echo(advance_clock(settings_with(data=data), duration(by)).isoformat())


@app.command()
def erase(
    subject: Annotated[str, typer.Argument(help="Whom: context:id, e.g. communication:123.")], data: Data = None
) -> None:
    """Destroy a person's key: their values are gone from log and read models, the history still verifies."""
    from commandline.orders import erase_subject

    erase_subject(settings_with(data=data), subject)


@app.command()
def preview(
    trigger_type: Annotated[str, typer.Argument(help="A trigger type, e.g. monthly_report.")],
    channel: Annotated[str, typer.Argument(help="`sms` or `email`.")],
    values: Annotated[str, typer.Option("--values", help="The message's `data`, as JSON.")] = "{}",
    html: Annotated[bool, typer.Option("--html", help="The e-mail's HTML instead of its text.")] = False,
) -> None:
    """Print what a message would read like, with the segments and price of a text."""
    from commandline.messages import preview_message

    typer.echo(preview_message(trigger_type, channel, values, html))


if __name__ == "__main__":
    main()
