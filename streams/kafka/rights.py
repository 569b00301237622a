"""What a process does with its topics, and which of the rights to that the cluster does not give to its user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

TOPIC_HIDDEN = 29
"""The error code of a topic that a user may not even know of."""


class Rights(NamedTuple):
    """Operations on the commands and events topics of every context, named as kafka-python names them."""

    commands: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()

    def of(self, topic: str) -> frozenset[str]:
        """Those on this topic."""
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
"""By role, and by command that reads or writes the log. Whoever may read or write may also describe."""


def missing(name: str, topic: Mapping[str, Any], needed: frozenset[str]) -> Iterator[str]:
    """A sentence for every right to this topic, as `describe_topics` tells of it, that is needed and not given."""
    given = topic["authorized_operations"]
    if topic["error_code"] == TOPIC_HIDDEN:
        given = []
    elif given is None:  # a cluster that does not tell
        return
    for operation in sorted(needed - set(given)):
        shown = operation.title().replace("_", "")
        yield (
            f"topic {name}: Kafka denies this process's user the right to {shown}: kafka-acls.sh --add "
            f"--allow-principal User:… --topic {name} --operation {shown} (docs/kafka.md)"
        )
