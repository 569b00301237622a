"""Groups of processors and projectors as the brokers know them: members, partitions without an owner, and lag."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

from confluent_kafka import ConsumerGroupState, ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ConsumerGroupDescription,
    MemberDescription,
    OffsetSpec,
)

from streams.kafka.settings import Cluster
from streams.kafka.types import Place, context_of, place_name, place_of
from streams.kafka.watchdog import reason_of

REQUEST_SECONDS = 300.0
"""Must be long: librdkafka aborts the process if a response arrives just as its request times out, which happens after
a suspended process wakes up."""

ANSWER_SECONDS = 3.0
"""How long readiness waits for an answer of the brokers: a probe must not hang."""

FRESH_SECONDS = 1.0
ROLES = ("processor", "projector")
LATEST, EARLIEST = OffsetSpec.latest(), OffsetSpec.earliest()  # type: ignore[no-untyped-call]


class Member(NamedTuple):
    """Member of a group: its instance's name, and its number of partitions by context."""

    instance: str
    partitions: Mapping[str, int]


class Group(NamedTuple):
    """One role's group. `lag` counts what its members have not done yet: commands, or records of the log."""

    role: str
    state: str
    members: Sequence[Member]
    unowned: Sequence[str]
    lag: int

    @property
    def serves(self) -> bool:
        """Whether it has members, and, unless it is just sharing the partitions out, every partition has an owner."""
        return bool(self.members) and (not self.unowned or self.state != ConsumerGroupState.STABLE.name)

    def report(self) -> dict[str, Any]:
        """The group as JSON values."""
        return {**self._asdict(), "members": [member._asdict() for member in self.members]}


class GroupsUnknown(Exception):
    """The brokers give no answer about the groups; the text says why."""


class GroupMonitor:
    """Monitor of an installation's groups, which asks the brokers once a second at most. Safe in several threads."""

    def __init__(
        self, cluster: Cluster, contexts: Sequence[str], partitions: int, answer_seconds: float = ANSWER_SECONDS
    ) -> None:
        self._cluster = cluster
        self._answer_seconds = answer_seconds
        self._places = [(context, partition) for context in contexts for partition in range(partitions)]
        self._admin: AdminClient | None = None
        self._asking = threading.Lock()
        self._asked_at = 0.0
        self._found: dict[str, Group] = {}

    def groups(self, next_offsets: Mapping[Place, int]) -> dict[str, Group]:
        """The groups by role; `next_offsets` are the projected ones of every partition. Raises GroupsUnknown."""
        with self._asking:
            if not self._found or time.monotonic() - self._asked_at > FRESH_SECONDS:
                self._found = {}
                self._found = self._ask(next_offsets)
                self._asked_at = time.monotonic()
            return self._found

    def _ask(self, next_offsets: Mapping[Place, int]) -> dict[str, Group]:
        try:
            return self._groups(next_offsets)
        except KafkaException as error:
            raise GroupsUnknown(reason_of(error).str()) from None
        except TimeoutError:
            raise GroupsUnknown(f"no Kafka broker answers at {self._cluster.bootstrap}") from None

    def _groups(self, next_offsets: Mapping[Place, int]) -> dict[str, Group]:
        admin = self._admin = self._admin or AdminClient(self._cluster.client())
        names = {f"{self._cluster.prefix}.{role}": role for role in ROLES}
        described = admin.describe_consumer_groups(list(names), request_timeout=REQUEST_SECONDS)
        processors = f"{self._cluster.prefix}.processor"
        commands = [TopicPartition(self._cluster.commands(context), partition) for context, partition in self._places]
        events = [TopicPartition(self._cluster.events(context), partition) for context, partition in self._places]
        committed = admin.list_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(processors, commands)], request_timeout=REQUEST_SECONDS
        )[processors]
        ends, starts = self._offsets([*commands, *events], LATEST), self._offsets(commands, EARLIEST)
        done = {place_of(one): one.offset for one in self._answer(committed).topic_partitions or ()}
        lags = {
            "processor": sum(_behind(ends[c], max(done.get(place_of(c), 0), starts[c])) for c in commands),
            "projector": sum(_behind(ends[e], next_offsets.get(place_of(e), 0)) for e in events),
        }
        return {role: self._group(role, described[name], lags[role]) for name, role in names.items()}

    def _offsets(self, partitions: Iterable[TopicPartition], spec: OffsetSpec) -> dict[TopicPartition, int]:
        assert self._admin is not None
        asked = self._admin.list_offsets(dict.fromkeys(partitions, spec), request_timeout=REQUEST_SECONDS)
        return {partition: int(self._answer(found).offset) for partition, found in asked.items()}

    def _answer(self, asked: Future[Any]) -> Any:
        return asked.result(self._answer_seconds)

    def _group(self, role: str, asked: Future[ConsumerGroupDescription], lag: int) -> Group:
        found = self._answer(asked)
        members = sorted((_member(one) for one in found.members), key=lambda one: one.instance)
        owned = {place_of(one) for member in found.members for one in _partitions(member)}
        unowned = [place_name(place) for place in self._places if place not in owned]
        return Group(role, found.state.name, members, unowned, lag)


def _behind(end: int, at: int) -> int:
    return max(0, end - at)


def _member(found: MemberDescription) -> Member:
    counts = Counter(context_of(one.topic) for one in _partitions(found))
    return Member(found.group_instance_id or found.client_id, dict(sorted(counts.items())))


def _partitions(member: MemberDescription) -> Sequence[TopicPartition]:
    return member.assignment.topic_partitions
