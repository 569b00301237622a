"""Coverage of the partitions by the group: whether each of them has an owner.

The group can leave partitions without one. It hands them over in two rounds. A member that is killed between the two
and comes back under its name gets its share of the first round again, and no second round follows. The partitions that
it was about to hand over then have no owner until some member joins.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import Future

from confluent_kafka import ConsumerGroupState, KafkaException
from confluent_kafka.admin import AdminClient, ConsumerGroupDescription  # type: ignore[attr-defined]

from streams.kafka.settings import Cluster
from streams.kafka.types import Place, place_of
from streams.kafka.watchdog import reason_of

log = logging.getLogger(__name__)

CHECK_SECONDS = 0.5
ASK_SECONDS = 300.0
"""Must be long: librdkafka aborts the process if a response arrives just as its request times out, which happens after
a suspended process wakes up."""


class Coverage:
    """Check of the group's assignments, from this process's join until every partition has an owner.

    The check asks the broker without blocking. Members that joined long ago do not ask: they would give up what they
    serve because another member is slow.
    """

    def __init__(self, cluster: Cluster, group: str, contexts: Sequence[str], partitions: int) -> None:
        self._cluster, self._group = cluster, group
        self._wanted = {(context, partition) for context in contexts for partition in range(partitions)}
        self._admin: AdminClient | None = None
        self._answer: Future[ConsumerGroupDescription] | None = None
        self._joined = False
        self._due: float | None = None

    def on_assigned(self) -> None:
        """Begin to check after the group has assigned partitions to this process for the first time since it joined."""
        if not self._joined:
            self._joined, self._answer, self._due = True, None, time.monotonic() + CHECK_SECONDS

    def on_lost(self) -> None:
        """Note that the group has dropped this process, which will join again."""
        self._joined = False

    def unowned_places(self) -> set[Place]:
        """Partitions without an owner in a group that is stable; empty while the answer is not known."""
        if self._answer is None:
            self._ask()
            return set()
        if not self._answer.done():
            return set()
        answer, self._answer, self._due = self._answer, None, time.monotonic() + CHECK_SECONDS
        try:
            return self._unowned(answer.result())
        except KafkaException as error:
            log.info("who serves what is not known: %s", reason_of(error).str())
            return set()

    def _ask(self) -> None:
        if self._due is None or time.monotonic() < self._due:
            return
        self._admin = self._admin or AdminClient(self._cluster.client())
        asked = self._admin.describe_consumer_groups([self._group], request_timeout=ASK_SECONDS)
        self._answer = asked[self._group]

    def _unowned(self, group: ConsumerGroupDescription) -> set[Place]:
        if group.state is not ConsumerGroupState.STABLE:
            return set()
        owned = {place_of(one) for member in group.members for one in member.assignment.topic_partitions}
        if self._wanted <= owned:
            self._due = None
        return self._wanted - owned
