"""Weak protocols of a processor: each lacks one guarded step, or the two that can replace each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from confluent_kafka import Consumer, KafkaError, TopicPartition

from streams.core.batch import Loaded, Wants
from streams.core.envelope import Envelope
from streams.kafka.command_decoder import CommandMessage
from streams.kafka.overlay import Overlay
from streams.kafka.protocol import PROTOCOL, ProcessorProtocol
from streams.kafka.settings import Cluster
from streams.kafka.types import Place, TransactionEnd


class WeakProtocol(ProcessorProtocol):
    """A protocol with a guard missing, for a processor of this cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster


Weakness = type[WeakProtocol] | None
"""What a test takes away from the protocol; None for nothing."""


class NoStableOffset(WeakProtocol):
    def committed_offset(self, consumer: Consumer, commands: TopicPartition, timeout_seconds: float) -> TopicPartition:
        group = f"{self.cluster.prefix}.processor"
        reader = Consumer(self.cluster.reader(group_id=group, isolation_level="read_uncommitted"))
        answer = super().committed_offset(reader, commands, 5)
        reader.close()
        return answer


class NoTrueEnd(WeakProtocol):
    def is_end(self, offset: int, end: int) -> bool:
        return True


class NoStableOffsetNorTrueEnd(NoStableOffset, NoTrueEnd):
    """The two guards against a transaction that is still open."""


class NoOwnership(WeakProtocol):
    def reassigned_places(self, before: Mapping[Place, int], now: Mapping[Place, int]) -> set[Place]:
        return set()


class NoGaps(WeakProtocol):
    def is_loss(self, gap: tuple[int, int], last_gap: tuple[int, int] | None) -> bool:
        return False


class NoMembership(WeakProtocol):
    def is_member(self, metadata: bytes) -> bool:
        return True


class NoSentSince(WeakProtocol):
    def clear_fresh(
        self, messages: Sequence[CommandMessage], envelopes: Sequence[Envelope], sent_since: Mapping[Place, int]
    ) -> list[Envelope]:
        return list(envelopes)


class NoOverlay(WeakProtocol):
    def complete(self, overlay: Overlay, loaded: Loaded, wants: Wants) -> Loaded:
        return loaded


class LateMetadata(WeakProtocol):
    def commit_metadata(self, consumer: Consumer, polled: bytes) -> bytes:
        metadata: bytes = consumer.consumer_group_metadata()
        return metadata


class NoResolve(WeakProtocol):
    def is_unknown(self, reason: KafkaError, committing: bool) -> bool:
        return False


class NoReload(WeakProtocol):
    def must_reload(self, end: TransactionEnd) -> bool:
        return False


class NoReloadNorGaps(NoReload, NoGaps):
    """The two guards against building on a batch that was aborted."""


WEAKNESSES: Mapping[str, type[WeakProtocol]] = {
    one.__name__: one
    for one in (
        NoStableOffset,
        NoTrueEnd,
        NoStableOffsetNorTrueEnd,
        NoSentSince,
        NoOverlay,
    )
}
"""Those that a processor in a process of its own can be started with, by name."""


def protocol_of(weakness: Weakness, cluster: Cluster) -> ProcessorProtocol:
    """The real protocol, or the weak one."""
    return PROTOCOL if weakness is None else weakness(cluster)
