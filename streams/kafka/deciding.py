"""One batch of the processor, between consuming its commands and committing its records: load, decide, make durable."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

import psycopg

from streams.batch import Batch
from streams.envelope import Envelope
from streams.kafka.decoding import CommandMessage, envelope_of, wire_of
from streams.kafka.loading import Guard, Guards
from streams.kafka.overlay import Overlay
from streams.kafka.records import Unreadable
from streams.kafka.store import Store
from streams.processor import Processor

log = logging.getLogger(__name__)

SAME_KEYS_AGAIN = 5


class Decision(NamedTuple):
    """A decided batch with the envelopes it answers."""

    envelopes: list[Envelope]
    batch: Batch


class Decider:
    """Decides on what PostgreSQL has, completed by what is in the log already."""

    def __init__(self, core: Processor, store: Store, overlay: Overlay, partitions: int, off: Guards) -> None:
        self._core, self._store, self._overlay, self._partitions, self._off = core, store, overlay, partitions, off

    def decide(self, messages: Sequence[CommandMessage]) -> Decision:
        """Raises psycopg.Error when the database is away, BrokenLog when the log contradicts it; nothing is written
        but new subjects' keys, which must be durable before anything that they encrypt."""
        for _ in range(SAME_KEYS_AGAIN):
            decision = self._decide(self._decoded(messages))
            if not decision.batch.keys or self._stored(decision.batch):
                return decision
            log.info("a subject got its key from somebody else meanwhile: deciding again")
            self._core.aborted(decision.batch)
        raise psycopg.OperationalError("new keys cannot be stored")

    def _decoded(self, messages: Sequence[CommandMessage]) -> list[Envelope]:
        """Keys are looked up for every batch: another process may have destroyed one."""
        wires = [wire_of(message) for message in messages]
        subjects = {wire.subject for wire in wires if not isinstance(wire, Unreadable) and wire.subject is not None}
        keyring = self._core.mapper.keyring
        keyring.forget(list(subjects))
        if subjects:
            for key in (*self._store.keys(list(subjects)), *self._overlay.erased()):
                keyring.learn(key)
        return [
            envelope_of(message, wire, self._core.mapper, self._partitions)
            for message, wire in zip(messages, wires, strict=True)
        ]

    def _decide(self, envelopes: list[Envelope]) -> Decision:
        """The outcome of every command is looked for, even of those sent as new: a topic may be read again."""
        wants = self._core.wants(envelopes)
        wants.outcomes = [(envelope.context, envelope.command_id) for envelope in envelopes]
        sequences, found = self._store.load(wants)
        if Guard.OVERLAY not in self._off:
            self._overlay.prune(sequences)
            found = self._overlay.over(found, wants)
        return Decision(envelopes, self._core.decide(envelopes, found))

    def _stored(self, batch: Batch) -> bool:
        try:
            return self._store.add_keys(batch.keys)
        except psycopg.Error:
            self._core.aborted(batch)
            raise
