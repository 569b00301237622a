"""Topics of a context: required settings, creation, and the check that a role makes before it runs on them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError as ClientError
from confluent_kafka import KafkaException, Producer
from kafka.admin import ConfigResource, KafkaAdminClient
from kafka.errors import AuthorizationError, KafkaError, TopicAlreadyExistsError

from streams.kafka.denials import ConnectionRefusals, Denied
from streams.kafka.rights import NONE, Rights, missing
from streams.kafka.settings import Cluster
from streams.kafka.watchdog import reason_of

log = logging.getLogger(__name__)

SEVEN_DAYS_MS = 7 * 24 * 3600 * 1000
FOR_EVER = "-1"
MESSAGE_BYTES = 1_048_588
"""Brokers' default limit of a message; the log's records have up to a million bytes with their headers."""

UNKNOWN_TOPIC = 3
ANSWER_SECONDS = 5.0
TO_CREATE = frozenset({"DESCRIBE"})
TO_CHECK = frozenset({"DESCRIBE", "DESCRIBE_CONFIGS"})


class WrongTopic(Exception):
    """A topic is missing, unreachable, or set up so that it could lose or reorder records; the text says what to do."""


class BrokerAway(WrongTopic):
    """No broker answers, which says nothing about the topics: to wait may help."""


@dataclass(frozen=True, slots=True)
class Durability:
    """Number of replicas that a topic must have, and number of them that a write must reach."""

    replicas: int = 3
    min_insync: int = 2


def wanted(cluster: Cluster, contexts: Sequence[str], durability: Durability) -> dict[str, dict[str, str]]:
    """Topics of these contexts with the settings that they must have."""
    common = {
        "cleanup.policy": "delete",
        "min.insync.replicas": str(durability.min_insync),
        "unclean.leader.election.enable": "false",
        "max.message.bytes": str(MESSAGE_BYTES),
    }
    events = common | {"retention.ms": FOR_EVER, "retention.bytes": FOR_EVER}
    commands = common | {"retention.ms": str(SEVEN_DAYS_MS), "retention.bytes": FOR_EVER}
    return {cluster.commands(context): commands for context in contexts} | {
        cluster.events(context): events for context in contexts
    }


def create(cluster: Cluster, contexts: Sequence[str], partitions: int, durability: Durability) -> list[str]:
    """Create the missing topics and give their names; existing ones are left as they are.

    Raises WrongTopic when the cluster cannot be reached or refuses.
    """
    topics = wanted(cluster, contexts, durability)
    with _admin(cluster) as admin:
        existing = {topic["name"]: topic for topic in _described(admin, list(topics))}
        if denied := [why for name, topic in existing.items() for why in missing(name, topic, TO_CREATE)]:
            raise WrongTopic("\n".join(denied))
        absent = {name: configs for name, configs in topics.items() if name not in existing}
        for name, configs in absent.items():
            _create_one(admin, name, partitions, durability.replicas, configs)
        if absent:
            admin.wait_for_topics(list(absent))
    return list(absent)


def check(
    cluster: Cluster, contexts: Sequence[str], partitions: int, durability: Durability, rights: Rights = NONE
) -> None:
    """Check the topics and the role's rights to them.

    Raises WrongTopic, whose text names every wrong setting and every missing right, and how to fix each.
    """
    topics = wanted(cluster, contexts, durability)
    try:
        with _admin(cluster) as admin:
            described = {topic["name"]: topic for topic in _described(admin, list(topics))}
            present = [ConfigResource("TOPIC", name) for name in described]
            configs = admin.describe_configs(present, config_filter="all")["topic"] if present else {}
    except KafkaError as error:
        raise BrokerAway(f"the brokers at {cluster.bootstrap} do not answer: {error}") from error
    faults: list[str] = []
    for name, settings in topics.items():
        topic = described.get(name)
        denied = [] if topic is None else list(missing(name, topic, TO_CHECK | rights.of(name)))
        faults += denied or _faults(name, settings, partitions, durability, topic, configs.get(name, {}))
    if faults:
        raise WrongTopic("\n".join(faults))


def _faults(
    name: str,
    settings: Mapping[str, str],
    partitions: int,
    durability: Durability,
    topic: Mapping[str, Any] | None,
    configs: Mapping[str, Any],
) -> Iterator[str]:
    if topic is None:
        yield f"topic {name} does not exist: run `headwater topics create`"
        return
    if (found := len(topic["partitions"])) != partitions:
        yield (
            f"topic {name} has {found} partitions, not {partitions}; the number is fixed when the data is born: "
            f"set HEADWATER_PARTITIONS={found}"
        )
    replicas = min(len(partition["replica_nodes"]) for partition in topic["partitions"])
    if replicas < durability.replicas:
        yield (
            f"topic {name} has {replicas} replicas, not {durability.replicas}: reassign its partitions "
            f"(kafka-reassign-partitions.sh), or set HEADWATER_REPLICAS={replicas} if that is meant"
        )
    yield from _wrong_settings(name, settings, configs)


def _wrong_settings(name: str, settings: Mapping[str, str], configs: Mapping[str, Any]) -> Iterator[str]:
    for setting, value in settings.items():
        found = configs[setting]["value"] if setting in configs else None
        if found != value and not _safe(name, setting, value, found):
            yield (
                f"topic {name} has {setting}={found}, it must be {value}: kafka-configs.sh --alter "
                f"--topic {name} --add-config {setting}={value}"
            )


def _safe(name: str, setting: str, value: str, found: str | None) -> bool:
    """A longer retention of commands, more in-sync replicas or larger messages than required are no fault."""
    if found is None:
        return False
    if setting == "retention.ms" and name.endswith(".commands"):
        return found == FOR_EVER or int(found) >= int(value)
    return setting in ("min.insync.replicas", "max.message.bytes") and int(found) >= int(value)


def _create_one(admin: KafkaAdminClient, name: str, partitions: int, replicas: int, configs: Mapping[str, str]) -> None:
    topic = {name: {"num_partitions": partitions, "replication_factor": replicas, "configs": dict(configs)}}
    try:
        admin.create_topics(topic)
    except TopicAlreadyExistsError:
        log.info("topic %s was made meanwhile by somebody else", name)
    except AuthorizationError as error:
        raise WrongTopic(f"topic {name} cannot be made: Kafka denies this process's user the right to it") from error
    except KafkaError as error:
        raise WrongTopic(f"topic {name} cannot be made: {error}") from error


def _described(admin: KafkaAdminClient, names: list[str]) -> list[dict[str, Any]]:
    return [topic for topic in admin.describe_topics(names) if topic["error_code"] != UNKNOWN_TOPIC]


def _admin(cluster: Cluster) -> KafkaAdminClient:
    """Connect with the other client first: kafka-python leaks sockets where it cannot connect, and gives no reason."""
    try:
        _ask(cluster)
        return KafkaAdminClient(**cluster.admin())
    except Denied as denied:
        raise WrongTopic(f"at {cluster.bootstrap}: {denied}") from None
    except KafkaException as error:
        raise _unanswered(cluster, reason_of(error)) from error
    except (KafkaError, OSError) as error:
        raise BrokerAway(f"no Kafka broker answers kafka-python at {cluster.bootstrap}: {error}") from error


def _ask(cluster: Cluster) -> None:
    """`poll` raises Denied, which is the reason that `list_topics` does not give."""
    with Producer(cluster.client() | {"error_cb": ConnectionRefusals().on_error}) as client:
        try:
            client.list_topics(timeout=ANSWER_SECONDS)
        except KafkaException:
            client.poll(0)
            raise


def _unanswered(cluster: Cluster, reason: ClientError) -> WrongTopic:
    if reason.code() in (ClientError._INVALID_ARG, ClientError._INVALID_TYPE):
        return WrongTopic(f"the connection settings (HEADWATER_KAFKA_…) cannot be used: {reason.str()}")
    return BrokerAway(f"no Kafka broker answers at {cluster.bootstrap}: {reason.str()}")
