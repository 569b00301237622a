"""Rights that each role needs on its topics, and those that the cluster does not give to its user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

TOPIC_HIDDEN = 29
"""Error code of a topic that a user has no right to see."""


class Rights(NamedTuple):
    """Operations on the commands and events topics of every context, named as kafka-python names them."""

    commands: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()

    def of(self, topic: str) -> frozenset[str]:
        """Operations on this topic."""
        return self.commands if topic.endswith(".commands") else self.events


NONE = Rights()
RIGHTS: Mapping[str, Rights] = {
    "api": Rights(commands=frozenset({"WRITE"})),
    "worker": Rights(commands=frozenset({"WRITE"})),
    "processor": Rights(commands=frozenset({"READ"}), events=frozenset({"READ", "WRITE"})),
    "projector": Rights(events=frozenset({"READ"})),
    "live": Rights(events=frozenset({"READ"})),
    "move": Rights(events=frozenset({"READ", "WRITE"})),
    "rebuild": Rights(events=frozenset({"READ"})),
}
"""Rights by role, and by command that reads or writes the log. The right to read or write includes to describe."""


def missing(name: str, topic: Mapping[str, Any], needed: frozenset[str]) -> Iterator[str]:
    """Yield a sentence for every needed right that the topic's description (see `describe_topics`) does not list."""
    given = topic["authorized_operations"]
    if topic["error_code"] == TOPIC_HIDDEN:
        given = []
    elif given is None:  # the cluster does not report rights
        return
    for operation in sorted(needed - set(given)):
        shown = operation.title().replace("_", "")
        yield (
            f"topic {name}: Kafka denies this process's user the right to {shown}: kafka-acls.sh --add "
            f"--allow-principal User:… --topic {name} --operation {shown} (docs/kafka.md)"
        )
