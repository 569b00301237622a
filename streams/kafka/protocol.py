"""Guarded steps of the processor's protocol, each of which prevents a fault that was met on a real broker.

Production uses `PROTOCOL` as it is. A test overrides one step in a subclass and shows the fault that follows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from confluent_kafka import Consumer, KafkaError, TopicPartition

from streams.core.batch import Loaded, Wants
from streams.core.envelope import Envelope
from streams.kafka.command_decoder import CommandMessage
from streams.kafka.overlay import Overlay
from streams.kafka.types import Place, TransactionEnd

NO_GENERATION = -1


class ProcessorProtocol:
    """Steps that keep a processor from deciding on stale state and from committing what it no longer owns."""

    # --- taking a partition over ------------------------------------------------------------------------------------

    def committed_offset(self, consumer: Consumer, commands: TopicPartition, timeout_seconds: float) -> TopicPartition:
        """Ask the broker for the group's committed offset of a commands partition; it must be stable.

        `consumer` reads committed records only, so the broker gives it no offset while a transaction that holds
        offsets is open: the end of that transaction decides where to continue. The answer holds an offset or an
        error. Raises KafkaException.
        """
        (answer,) = consumer.committed([commands], timeout_seconds)
        return answer

    def is_end(self, offset: int, end: int) -> bool:
        """Whether an EOF at `offset` has reached the true end of the log.

        EOF alone is the last stable offset: an open transaction hides the records after it.
        """
        return offset >= end

    # --- accepting commands -----------------------------------------------------------------------------------------

    def reassigned_places(self, before: Mapping[Place, int], now: Mapping[Place, int]) -> set[Place]:
        """Partitions that changed hands between two counts of assignments, which happens within a client's call.

        The commit does not catch this: the broker checks the member's generation, not that it still owns the
        partition.
        """
        return {place for place, count in now.items() if before.get(place) != count}

    def is_loss(self, gap: tuple[int, int], last_gap: tuple[int, int] | None) -> bool:
        """Whether a gap, as (expected offset, found offset), means that commands were lost within the client.

        A gap that is still there after a reload is in the topic itself: aborted transactions leave offsets empty.
        """
        return gap != last_gap

    def is_member(self, metadata: bytes) -> bool:
        """Whether the metadata names a generation of the group.

        The broker accepts offsets without a generation as soon as the group is empty.
        """
        return generation_of(metadata) != NO_GENERATION

    # --- deciding ---------------------------------------------------------------------------------------------------

    def clear_fresh(
        self,
        messages: Sequence[CommandMessage],
        envelopes: Sequence[Envelope],
        sent_since: Mapping[Place, int],
    ) -> list[Envelope]:
        """Clear `fresh` of commands sent before their partition was taken over, so that their outcomes are looked up.

        After its group's offsets were lost a topic is read again from the start, and its commands still claim to be
        new.
        """
        return [_clear_if_old(*pair, sent_since) for pair in zip(messages, envelopes, strict=True)]

    def complete(self, overlay: Overlay, loaded: Loaded, wants: Wants) -> Loaded:
        """Merge the records that are committed to Kafka but not yet projected, so that no decision uses stale state."""
        return overlay.merge(loaded, wants)

    # --- committing -------------------------------------------------------------------------------------------------

    def commit_metadata(self, _consumer: Consumer, polled: bytes) -> bytes:
        """Group metadata to commit with: those taken at the poll, before the decision.

        A member that was replaced and has joined again since then has a new generation. The broker would accept that
        one, although another processor has decided on the partition meanwhile.
        """
        return polled

    def is_unknown(self, reason: KafkaError, committing: bool) -> bool:
        """Whether a failed commit may have happened all the same. Such a transaction must not be aborted."""
        return committing and reason.retriable()

    def must_reload(self, end: TransactionEnd) -> bool:
        """Whether to read the batch's partitions again: memory holds states and sequences that the log lacks."""
        return end is not TransactionEnd.COMMITTED


PROTOCOL = ProcessorProtocol()


def generation_of(metadata: bytes) -> int:
    """Group generation in librdkafka's serialized, otherwise opaque group metadata; `NO_GENERATION` for no member.

    Raises ValueError for a serialization that this program does not know.
    """
    if not metadata.startswith(b"CGMDv2:"):
        raise ValueError("this version of librdkafka serializes group metadata in another way")
    return int.from_bytes(metadata[7:11], "little", signed=True)


def _clear_if_old(message: CommandMessage, envelope: Envelope, sent_since: Mapping[Place, int]) -> Envelope:
    old = message.offset < sent_since[message.context, message.partition]
    return envelope._replace(fresh=False) if old and envelope.fresh else envelope
