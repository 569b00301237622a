"""The kinds of message of every context: commands (wishes), events (facts), effects (outside calls).

All three are frozen pydantic models with an explicit, versioned name. The log and the task table hold that name, so a
class may move or be renamed without touching data.
"""

from __future__ import annotations

import operator
import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

T = TypeVar("T")


class PersonalMarker:
    """The mark of a field whose value is encrypted with its data subject's key wherever it is stored.

    `needed`: without the value a command means nothing, so that it is refused once its subject has been erased.
    """

    def __init__(self, needed: bool = True) -> None:
        self.needed = needed


Personal = Annotated[T | None, PersonalMarker()]
"""A value about a person. Stored encrypted; None once the subject has been erased, or if nothing was given."""

Remark = Annotated[str | None, PersonalMarker(needed=False)]
"""A free text from outside in a message about a person: a reason, an action, the wording of a consent.

Stored encrypted, as such a text may hold anything. A command stands without it: it is decided with None once the
subject has been erased.
"""


class ObjectMarker:
    """The mark of a field that names an object or credentials: bytes beside the log (`streams.postgres`).

    `kept`: whether the event keeps them, or lets them be forgotten.
    """

    def __init__(self, kept: bool) -> None:
        self.kept = kept


ObjectId = Annotated[str, ObjectMarker(kept=True)]
"""The id of an object in an event, which keeps it: an object that no event has named within a day is removed.

The event lies in the context and under the partition key of the object's owner. The mark may stand in lists, maps and
models inside the event; in commands and replies it has no effect.
"""

ForgottenObject = Annotated[str, ObjectMarker(kept=False)]
"""The id of an object in an event of its owner that ends it: it is removed with the projection of the event.

Or the reference of credentials, which ends likewise.
"""

VaultReference = Annotated[str, ObjectMarker(kept=True)]
"""The reference of credentials in an event, which keeps them in the vault, as `ObjectId` keeps an object."""


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_utc)]
"""A point in time, always in UTC, microsecond precision."""


class Named(BaseModel):
    """A message with a stable name (`context.aggregate.fact.v1`) and, if it holds personal values, a data subject.

    `subject` names the field that identifies the person; the key is kept under `context:value`. A message whose field
    holds `context:value` itself says so by `subject_in_full`; where it holds "", the message is about nobody, and its
    fields that may be personal are not.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: ClassVar[str] = ""
    subject_field: ClassVar[str | None] = None
    subject_in_full: ClassVar[bool] = False
    subject_prefix: ClassVar[str] = ""
    personal_fields: ClassVar[tuple[str, ...]] = ()
    needed_fields: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Ignore the class arguments: pydantic passes them to both hooks, and the one below knows the fields."""
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(cls, name: str = "", subject: str | None = None, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.name = name or cls.name
        cls.subject_field = subject or cls.subject_field
        cls.subject_prefix = cls.name.partition(".")[0] + ":"
        marks = {
            field: mark
            for field, info in cls.model_fields.items()
            for mark in info.metadata
            if isinstance(mark, PersonalMarker)
        }
        cls.personal_fields = tuple(marks)
        cls.needed_fields = tuple(field for field, mark in marks.items() if mark.needed)

    @property
    def subject(self) -> str | None:
        """The data subject, as `context:id`; None for a message about no person in particular."""
        if self.subject_field is None:
            return None
        value = getattr(self, self.subject_field)
        return (value or None) if self.subject_in_full else f"{self.subject_prefix}{value}"

    @property
    def seals(self) -> bool:
        """Whether there are personal values to encrypt: there are none where it says that it is about nobody."""
        return self.holds_personal and not (self.subject_in_full and self.subject is None)

    @property
    def holds_personal(self) -> bool:
        """Whether a personal field has a value; an empty text is none."""
        for field in self.personal_fields:  # noqa: SIM110 - any() takes five times as long, several times a message
            if getattr(self, field) not in (None, ""):
                return True
        return False

    def without_personal(self) -> Self:
        """This message as it is once its subject has been erased."""
        return self.model_copy(update=dict.fromkeys(self.personal_fields))


class Event(Named):
    """A fact. `at` is the time it happened, UTC.

    `aggregate`, the second part of the name, is the category of its stream.
    """

    aggregate: ClassVar[str] = ""
    at: Instant

    @classmethod
    def __pydantic_init_subclass__(cls, name: str = "", subject: str | None = None, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(name, subject, **kwargs)
        cls.aggregate = cls.name.split(".")[1] if cls.name else ""


class Command(Named):
    """A wish, complete in itself: time, ids and prices are inside. `at` is the time it was made, UTC."""

    key_field: ClassVar[str] = ""
    at: Instant

    @classmethod
    def __pydantic_init_subclass__(
        cls, name: str = "", subject: str | None = None, key: str = "", **kwargs: Any
    ) -> None:
        super().__pydantic_init_subclass__(name, subject, **kwargs)
        cls.key_field = key or cls.key_field

    @property
    def key(self) -> str:
        """The partition key. Commands that must be decided together share it."""
        return str(getattr(self, self.key_field))

    @property
    def subjects(self) -> tuple[str, ...]:
        """The data subjects whose personal values this command's events may hold."""
        return () if self.subject is None else (self.subject,)


class Effect(Named):
    """An outside call, as data. A connector performs it, and the answer comes back as a command."""


class Result(StrEnum):
    """The result of one try at an outside call."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DEFERRED = "deferred"
    UNCONFIRMED = "unconfirmed"


class Attempt(BaseModel):
    """One try at an outside call. `number` counts from 1; `retry_at` is set for a deferred one.

    `worn_out`: a rejection that is our own, as the provider could not be reached in the last of many tries.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    result: Result
    number: int
    provider: str = ""
    provider_id: str | None = None
    code: str | None = None
    reason: str = ""
    output: dict[str, Any] | None = None
    retry_at: Instant | None = None
    worn_out: bool = Field(default=False, exclude_if=operator.not_)


class Reply(Command):
    """A command that carries the answer to an outside call; the worker fills in `attempt` and `at`."""

    attempt: Attempt | None = None

    def answered(self, attempt: Attempt, at: datetime) -> Self:
        """This reply with the attempt and its time."""
        return self.model_copy(update={"attempt": attempt, "at": at})


class ReplyAboutPerson(Reply):
    """A reply about a person. The words of its attempt are kept apart, as a remark.

    Without words it is stored as earlier releases know it: their worker may read the task.
    """

    remark: Remark = Field(None, exclude_if=lambda words: words is None)

    @property
    def reason(self) -> str:
        """The words of the attempt; replies of earlier releases hold them in the attempt itself."""
        return self.remark or ("" if self.attempt is None else self.attempt.reason)

    @property
    def holds_personal(self) -> bool:
        """Whether there are words of the attempt."""
        return self.reason != ""

    def answered(self, attempt: Attempt, at: datetime) -> Self:
        """This reply with the attempt and its time."""
        remark = attempt.reason or None
        return super().answered(_wordless(attempt), at).model_copy(update={"remark": remark})

    def without_personal(self) -> Self:
        """This reply as it is once its subject has been erased."""
        attempt = None if self.attempt is None else _wordless(self.attempt)
        return super().without_personal().model_copy(update={"attempt": attempt})


def _wordless(attempt: Attempt) -> Attempt:
    return attempt.model_copy(update={"reason": ""})


REFUSAL_NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")


class Refused(Exception):
    """The refusal of a command that was understood. `sentence` is for a person; `details` are plain JSON values.

    Every refusal is a subclass with an explicit name, `context.snake_case`: recorded outcomes hold the name and not the
    class, so a class may move or be renamed without touching data. `formerly` lists its names in older outcomes.
    """

    name: ClassVar[str]
    formerly: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, *, name: str, formerly: str | tuple[str, ...] = ()) -> None:
        """Set the name. Raises ValueError for a malformed one; Python raises TypeError for a class without any."""
        super().__init_subclass__()
        if REFUSAL_NAME.fullmatch(name) is None:
            raise ValueError(f"a refusal is named context.snake_case; {cls.__name__} is named {name!r}")
        cls.name = name
        cls.formerly = (formerly,) if isinstance(formerly, str) else formerly

    def __init__(self, sentence: str, **details: Any) -> None:
        if type(self) is Refused:
            raise TypeError("Refused has no name that an outcome could hold: raise a subclass")
        super().__init__(sentence)
        self.sentence = sentence
        self.details = details
