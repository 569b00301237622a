"""The roles of the distributed runtime: topics, api, processor, projector, worker."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TypeVar

import psycopg
from confluent_kafka import KafkaException
from rich.console import Console

import bootstrap
import installation_secrets
from commandline import Stop
from commandline.setting_errors import check_settings
from settings import Settings
from streams.core.keys import Keyring
from streams.core.mapper import Mapper
from streams.core.wiring import names_of
from streams.kafka import topics
from streams.kafka.denials import Denied
from streams.kafka.log_ends import check_follows, log_ends
from streams.kafka.node import ApiNode, WorkerNode
from streams.kafka.process import serve
from streams.kafka.processor import KafkaProcessor
from streams.kafka.projector import KafkaProjector
from streams.kafka.rights import NONE, RIGHTS, Rights
from streams.kafka.settings import Cluster, Role, WrongSetting, connection_settings
from streams.kafka.supervisor import WRONG_SETUP_EXIT, Supervisor
from streams.postgres.database import connect_plain
from streams.postgres.heartbeats import heartbeat
from streams.postgres.installation import WrongInstallation, check_master_key, check_secret, prepare
from streams.postgres.rebuild import bring_up
from streams.postgres.server import NotDurable
from streams.telemetry.logs import set_up_logging
from streams.telemetry.pulse import Pulse, serve_pulse

log = logging.getLogger(__name__)
console = Console(highlight=False, soft_wrap=True)
NAMES = [context.name for context in bootstrap.CONTEXTS]
T = TypeVar("T")


def cluster(settings: Settings) -> Cluster:
    """The configured cluster; raises Stop without one."""
    if settings.kafka is None:
        raise Stop("which Kafka? Set HEADWATER_KAFKA=host:port,… (or --kafka)")
    given = {name: value for name, value in os.environ.items() if name != "HEADWATER_KAFKA"}
    try:
        return Cluster(settings.kafka, settings.prefix, connection_settings(given))
    except WrongSetting as wrong:
        raise Stop(str(wrong)) from None


def role_of(settings: Settings, name: str) -> Role:
    """The settings of a process in this role; raises Stop when one is missing."""
    if settings.postgres is None:
        raise Stop("which PostgreSQL? Set HEADWATER_POSTGRES=postgresql://… (or --postgres)")
    given = settings.instance or socket.gethostname()
    instance = given if given.startswith(f"{name}-") else f"{name}-{given}"
    return Role(
        cluster(settings), settings.postgres, instance, installation_secrets.master_key(settings), settings.partitions
    )


def durability(settings: Settings) -> topics.Durability:
    """The number of replicas of topics, and of those in sync that a write requires."""
    return topics.Durability(settings.replicas, settings.min_insync)


def create_topics(settings: Settings) -> None:
    """Make the missing topics and print their names."""
    try:
        made = topics.create(cluster(settings), NAMES, settings.partitions, durability(settings))
    except topics.WrongTopic as wrong:
        raise Stop(str(wrong)) from None
    console.print("\n".join(f"made {name}" for name in made) or "every topic is there already")


def check_topics(settings: Settings, rights: Rights = NONE) -> None:
    """Check the topics; raises Stop with each wrong setting and missing right, and its remedy."""
    try:
        topics.check(cluster(settings), NAMES, settings.partitions, durability(settings), rights)
    except topics.WrongTopic as wrong:
        raise Stop(str(wrong)) from None


def _wait_for_topics(settings: Settings, rights: Rights) -> None:
    try:
        until_within_reach(
            partial(topics.check, cluster(settings), NAMES, settings.partitions, durability(settings), rights)
        )
    except topics.WrongTopic as wrong:
        raise Stop(str(wrong)) from None


def run_supervised(settings: Settings, name: str) -> int:
    """Run a role as a supervised child process and return the exit code."""
    set_up_logging(settings.log_level)
    return Supervisor(partial(_run_child, settings, name)).run()


def _run_child(settings: Settings, name: str) -> int:
    try:
        role = _prepare_patiently(settings, role_of(settings, name), RIGHTS[name])
    except (Stop, WrongInstallation, NotDurable, topics.WrongTopic, Denied) as wrong:
        log.critical("%s", wrong)
        return WRONG_SETUP_EXIT
    made: type[KafkaProcessor | KafkaProjector] = KafkaProcessor if name == "processor" else KafkaProjector
    process = made(role, bootstrap.CONTEXTS)
    with _shown(settings, name, role, process.pulse):
        return serve(process)


@contextmanager
def _shown(settings: Settings, name: str, role: Role, pulse: Pulse) -> Iterator[None]:
    """Show the process to others: health and metrics on a port, and a heartbeat in the database.

    A port in use must not stop the role, so it is only logged.
    """
    if settings.metrics_port is not None:
        try:
            serve_pulse(settings.host, settings.metrics_port, name, pulse)
        except OSError as error:
            log.error("health cannot be shown on %s:%d: %s", settings.host, settings.metrics_port, error)
    with heartbeat(role.dsn, name, role.instance, pulse):
        yield


def _prepare_patiently(settings: Settings, role: Role, rights: Rights) -> Role:
    """Wait for brokers and database: what is out of reach may come, and is no wrong setup."""
    return until_within_reach(partial(_prepare, settings, role, rights))


def until_within_reach(check: Callable[[], T]) -> T:
    """Repeat a check while brokers or database are out of reach; logs that once, and every half minute."""
    said, silent_until = "", 0.0
    while True:
        try:
            return check()
        except (topics.BrokerAway, psycopg.OperationalError) as away:
            sentence = f"{away}".strip()
        if sentence != said or time.monotonic() > silent_until:
            log.warning("waiting: %s", sentence)
            said, silent_until = sentence, time.monotonic() + REMINDER_SECONDS
        time.sleep(RETRY_SECONDS)


def _prepare(settings: Settings, role: Role, rights: Rights) -> Role:
    """The first process makes the tables, under a lock; every process checks them and the topics.

    Returns the role with the ends of the log.
    """
    topics.check(role.cluster, NAMES, settings.partitions, durability(settings), rights)
    mapper = Mapper(names_of(bootstrap.CONTEXTS), Keyring(role.master_key))
    with connect_plain(role.dsn, "headwater setup") as connection:
        connection.execute("select pg_advisory_lock(%s)", (SETTING_UP,))
        prepare(connection, bootstrap.CONTEXTS, settings.partitions, "kafka")
        check_master_key(connection, role.master_key)
        ends = log_ends(role.cluster, NAMES, role.partitions)
        check_follows(connection, ends)
        bring_up(connection, bootstrap.CONTEXTS, mapper, lambda _: None)
    return replace(role, log_ends=ends)


RETRY_SECONDS = 1.0
REMINDER_SECONDS = 30.0
SETTING_UP = 0x48656165
"""The key of the advisory lock under which tables are made."""


def serve_api(settings: Settings) -> None:
    """Run an API node until a signal arrives."""
    set_up_logging(settings.log_level)
    check_settings(settings)
    role = role_of(settings, "api")
    from commandline.server import listeners, serve_edge

    listening = listeners(settings)
    role = _checked(settings, role, RIGHTS["api"])
    _check_secret(settings, role)
    node = ApiNode(role, bootstrap.CONTEXTS, bootstrap.clock(settings))
    with heartbeat(role.dsn, "api", role.instance, node.pulse):
        serve_edge(settings, bootstrap.distributed_edge(settings, node), listening)


def run_live(settings: Settings) -> None:
    """Serve the live figures per minute from Kafka until a signal arrives."""
    from api.protocol import Bounds, protocol_within
    from streams.kafka.live import Live
    from streams.kafka.live_http import serve_live

    set_up_logging(settings.log_level)
    _wait_for_topics(settings, RIGHTS["live"])
    counting = Live(cluster(settings), NAMES, settings.partitions, bootstrap.DELIVERIES, bootstrap.clock(settings))
    try:
        asyncio.run(serve_live(counting, settings.host, settings.port, protocol_within(Bounds())))
    except (WrongSetting, Denied, KafkaException) as wrong:
        raise Stop(str(wrong)) from None


def run_worker(settings: Settings) -> None:
    """Run a worker until a signal arrives."""
    set_up_logging(settings.log_level)
    check_settings(settings)
    role = _checked(settings, role_of(settings, "worker"), RIGHTS["worker"])
    _check_secret(settings, role)
    performers = bootstrap.performers(settings, role.dsn, role.log_ends)
    node = WorkerNode(role, bootstrap.CONTEXTS, bootstrap.clock(settings), performers, bootstrap.background())
    try:
        with _shown(settings, "worker", role, node.pulse):
            asyncio.run(_until_signalled(node))
    except (Denied, KafkaException) as reason:
        raise Stop(str(reason)) from None


def _check_secret(settings: Settings, role: Role) -> None:
    """For roles that derive from the secret; raises Stop for the secret of another installation."""
    with connect_plain(role.dsn, "headwater setup") as connection:
        try:
            check_secret(connection, installation_secrets.secrets(settings).mark_of_installation)
        except WrongInstallation as wrong:
            raise Stop(str(wrong)) from None


def _checked(settings: Settings, role: Role, rights: Rights) -> Role:
    try:
        return _prepare_patiently(settings, role, rights)
    except (WrongInstallation, NotDurable, topics.WrongTopic, Denied) as wrong:
        raise Stop(str(wrong)) from None


async def _until_signalled(node: WorkerNode) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await node.run(stop)
