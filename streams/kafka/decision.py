"""Decision on one batch of the processor: load state, decide, and store new keys before the records are committed."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

import psycopg

from streams.core.batch import NOTHING_LOADED, Batch
from streams.core.envelope import LARGEST_BYTES, Envelope
from streams.core.processor import Processor
from streams.kafka.command_decoder import CommandMessage, envelope_of, wire_of
from streams.kafka.overlay import Overlay
from streams.kafka.processor_store import Store
from streams.kafka.protocol import ProcessorProtocol
from streams.kafka.records import Unreadable
from streams.kafka.types import Place

log = logging.getLogger(__name__)

ATTEMPTS = 5
PRUNE_SECONDS = 0.25


class DecidedBatch(NamedTuple):
    """Decided batch with the envelopes that it answers."""

    envelopes: list[Envelope]
    batch: Batch


class Decider:
    """Decider on the state in PostgreSQL merged with the records that are committed to Kafka but not yet projected."""

    def __init__(
        self, core: Processor, store: Store, overlay: Overlay, partitions: int, protocol: ProcessorProtocol
    ) -> None:
        self._core, self._store, self._overlay, self._partitions = core, store, overlay, partitions
        self._protocol = protocol
        self._prune_at = 0.0

    def decide(self, messages: Sequence[CommandMessage], sent_since: Mapping[Place, int]) -> DecidedBatch:
        """Decide the messages as one batch. `sent_since` is as in `Takeover`, by place.

        This writes nothing but the keys of new subjects, which must be durable before anything that they encrypt.
        Raises psycopg.Error when the database is away, BrokenLog when the log contradicts the database.
        """
        too_large: set[UUID] = set()
        for _ in range(ATTEMPTS):
            decided = self._decide(self._decode(messages, too_large, sent_since))
            found = {r.command_id for _, r in decided.batch.recorded if len(r.data) > LARGEST_BYTES}
            if not found and (not decided.batch.keys or self._store_keys(decided.batch)):
                return decided
            log.warning(
                "deciding again: %s",
                "records too large" if found else "a key came from elsewhere, or must not be made anew",
            )
            self._core.aborted(decided.batch)
            too_large |= found
        raise psycopg.OperationalError("the key of a person is missing, or the database does not cover the log yet")

    def _decode(
        self, messages: Sequence[CommandMessage], too_large: set[UUID], sent_since: Mapping[Place, int]
    ) -> list[Envelope]:
        """Keys are looked up for every batch, for another process may have destroyed one."""
        wires = [wire_of(message) for message in messages]
        subjects = {wire.subject for wire in wires if not isinstance(wire, Unreadable) and wire.subject is not None}
        keyring = self._core.mapper.keyring
        keyring.forget(list(subjects))
        if subjects:
            for key in (*self._store.keys(list(subjects)), *self._overlay.erased_keys()):
                keyring.learn(key)
        envelopes = [
            envelope_of(message, wire, self._core.mapper, self._partitions, too_large)
            for message, wire in zip(messages, wires, strict=True)
        ]
        return self._protocol.clear_fresh(messages, envelopes, sent_since)

    def _decide(self, envelopes: list[Envelope]) -> DecidedBatch:
        """PostgreSQL is asked only for state that is not cached, and every `PRUNE_SECONDS` for its checkpoints."""
        wants = self._core.wants(envelopes)
        keyring = self._core.mapper.keyring
        wants.subjects += [one for one in self._overlay.subjects(wants, self._core.mapper) if not keyring.knows(one)]
        found = NOTHING_LOADED
        if wants or time.monotonic() > self._prune_at:
            sequences, found = self._store.load(wants)
            self._prune_at = time.monotonic() + PRUNE_SECONDS
            self._overlay.prune(sequences)
        complete = self._protocol.complete(self._overlay, found, wants)
        return DecidedBatch(envelopes, self._core.decide(envelopes, complete))

    def _store_keys(self, batch: Batch) -> bool:
        try:
            return self._store.add_keys(batch.keys)
        except psycopg.Error:
            self._core.aborted(batch)
            raise
