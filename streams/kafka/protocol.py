"""The guarded steps of the processor's protocol. Each one prevents a fault that was met on a real broker.

Production uses `PROTOCOL` as it is. A test overrides one step in a subclass and shows the fault that follows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from confluent_kafka import Consumer, KafkaError, TopicPartition

from streams.core.batch import Loaded, Wants
from streams.core.envelope import Envelope
from streams.kafka.command_decoder import CommandMessage
from streams.kafka.coverage import Coverage
from streams.kafka.overlay import Overlay
from streams.kafka.types import Place, TransactionEnd

NO_GENERATION = -1


class ProcessorProtocol:
    """The steps that keep a processor from deciding on, or committing, anything but what follows from the log."""

    # --- taking a partition over ------------------------------------------------------------------------------------

    def committed_offset(self, consumer: Consumer, commands: TopicPartition, timeout_seconds: float) -> TopicPartition:
        """Ask the broker for the group's committed offset of a commands partition: stable offsets only.

        A consumer that reads committed records gets no offset while a transaction that holds offsets is open, for the
        end of that transaction decides where to continue. The answer holds an offset or an error; raises
        KafkaException.
        """
        (answer,) = consumer.committed([commands], timeout_seconds)
        return answer

    def is_end(self, offset: int, end: int) -> bool:
        """Whether EOF at `offset` is the true end of the log.

        EOF alone is the last stable offset: an open transaction hides what was written behind it.
        """
        return offset >= end

    def unowned_places(self, coverage: Coverage) -> set[Place]:
        """The partitions that the group has given to no member and will not give to any until a member joins."""
        return coverage.unowned_places()

    # --- accepting commands -----------------------------------------------------------------------------------------

    def reassigned_places(self, before: Mapping[Place, int], now: Mapping[Place, int]) -> set[Place]:
        """The partitions that changed hands between two counts of their assignments, as within a client's call.

        The broker checks a member's generation at the commit, not that it still owns the partition.
        """
        return {place for place, count in now.items() if before.get(place) != count}

    def is_loss(self, gap: tuple[int, int], last_gap: tuple[int, int] | None) -> bool:
        """Whether a gap (expected offset, offset found) means that commands were lost within the client.

        A gap that is still there after a reload is in the topic itself, where aborted transactions leave offsets empty.
        """
        return gap != last_gap

    def is_member(self, metadata: bytes) -> bool:
        """Whether this metadata names a generation of the group.

        The broker takes offsets without a generation as soon as the group is empty.
        """
        return generation_of(metadata) != NO_GENERATION

    # --- deciding ---------------------------------------------------------------------------------------------------

    def clear_fresh(
        self,
        messages: Sequence[CommandMessage],
        envelopes: Sequence[Envelope],
        sent_since: Mapping[Place, int],
    ) -> list[Envelope]:
        """Clear `fresh` of every command sent before its partition was taken over, so that its outcome is looked up.

        A topic is read again from the start after its group's offsets were lost, and its commands say that they are
        new.
        """
        return [_clear_if_old(*pair, sent_since) for pair in zip(messages, envelopes, strict=True)]

    def complete(self, overlay: Overlay, loaded: Loaded, wants: Wants) -> Loaded:
        """Complete what PostgreSQL has by what is in the log already, so that no decision uses stale state."""
        return overlay.merge(loaded, wants)

    # --- committing -------------------------------------------------------------------------------------------------

    def commit_metadata(self, _consumer: Consumer, polled: bytes) -> bytes:
        """The group metadata to commit with: those of the poll, from before the decision.

        A member that lost its place and joined again meanwhile has a new generation, which the broker accepts.
        """
        return polled

    def is_unknown(self, reason: KafkaError, committing: bool) -> bool:
        """Whether the transaction may have been committed although its call failed; it must not be aborted then."""
        return committing and reason.retriable()

    def must_reload(self, end: TransactionEnd) -> bool:
        """Whether to read the partitions of a batch again from the log, which lacks what memory has of the batch."""
        return end is not TransactionEnd.COMMITTED


PROTOCOL = ProcessorProtocol()


def generation_of(metadata: bytes) -> int:
    """The group generation in librdkafka's serialized, otherwise opaque group metadata; -1 for no member at all."""
    if not metadata.startswith(b"CGMDv2:"):
        raise ValueError("this version of librdkafka serializes group metadata in another way")
    return int.from_bytes(metadata[7:11], "little", signed=True)


def _clear_if_old(message: CommandMessage, envelope: Envelope, sent_since: Mapping[Place, int]) -> Envelope:
    old = message.offset < sent_since[message.context, message.partition]
    return envelope._replace(fresh=False) if old and envelope.fresh else envelope
