"""Refusals of the engine, and the name of its failures; outcomes of every context may hold them."""

from __future__ import annotations

from domain.messages import Refused

INTERNAL_ERROR = "headwater.internal_error"
"""Problem type of a command that failed instead of being refused. It is no refusal, so no class has this name.

Older outcomes hold `InternalError`.
"""


class VersionConflict(Refused, name="headwater.version_conflict", formerly="VersionConflict"):
    """The stream has moved on since the version the command was based on."""


class WrittenElsewhere(Refused, name="headwater.written_elsewhere", formerly="WrittenElsewhere"):
    """A stream that the command reads or writes lies under another partition key.

    Another partition's writer may own it: written from here, its versions would be given twice; read from here, its
    state may be stale.
    """


class SubjectWasErased(Refused, name="headwater.subject_was_erased", formerly="SubjectWasErased"):
    """The command holds values about a person whose key has been destroyed; there is no way to keep them."""


class UnknownCommand(Refused, name="headwater.unknown_command", formerly="UnknownCommand"):
    """No handler is listed for this command."""


class UnreadableCommand(Refused, name="headwater.unreadable_command", formerly="UnreadableCommand"):
    """The command could not be decoded: made by another version, damaged, or not made by Headwater at all.

    Only the distributed runtime refuses so; its outcomes are read by every runtime.
    """


class TooLarge(Refused, name="headwater.too_large"):
    """The command, or a record that follows from it, is larger than a record of the log may be."""


ENGINE_REFUSALS: tuple[type[Refused], ...] = (
    VersionConflict,
    WrittenElsewhere,
    SubjectWasErased,
    UnknownCommand,
    UnreadableCommand,
    TooLarge,
)
