"""Mapper between messages and JSON bytes, with personal values encrypted under their subject's key."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard, TypeVar

import orjson

from domain.messages import Named
from streams.core.envelope import OUTCOME_NAMES, Record
from streams.core.keys import Keyring, seal, unseal
from streams.core.names import Names, UnknownName

N = TypeVar("N", bound=Named)

SEALED = "personal"
"""The only key of the JSON object that replaces an encrypted value."""

SEALED_KEY = orjson.dumps(SEALED)
"""The bytes of that key in encoded JSON. Data without them holds no sealed value."""


class Mapper:
    """Encoder and decoder of named messages; an erased subject's values are decoded as None.

    A personal field of a record may hold its value in clear: the field was not personal when that was written. It is
    read as it stands, and withheld once its subject is known as erased.
    """

    def __init__(self, names: Names, keyring: Keyring) -> None:
        self.names = names
        self.keyring = keyring
        self._once_in_clear = names.with_personal_fields.difference(OUTCOME_NAMES)

    def subjects_of(self, records: Iterable[Record]) -> set[str]:
        """Subjects whose keys are needed to read these records, or to know whom to withhold."""
        return {
            record.key_subject for record in records if SEALED_KEY in record.data or record.name in self._once_in_clear
        }

    def encode(self, message: Named) -> bytes:
        """Encode as UTF-8 JSON. A subject marked by `Keyring.allow` gets a key; raises KeyNotLoaded."""
        if not message.seals:
            return message.__pydantic_serializer__.to_json(message)
        body: dict[str, Any] = message.__pydantic_serializer__.to_python(message, mode="json")
        for field in message.personal_fields:
            if (value := body.get(field)) not in (None, ""):
                body[field] = self.sealed(value, message.subject)
        return orjson.dumps(body)

    def sealed(self, value: Any, subject: str | None) -> dict[str, str] | None:
        """The encrypted form of a personal value (as JSON); None when the subject has been erased."""
        if subject is None:
            raise TypeError("a personal value of no subject")
        cipher = self.keyring.cipher_for_writing(subject)
        if cipher is None:
            return None
        return {SEALED: b64encode(seal(cipher, orjson.dumps(value), subject.encode())).decode()}

    def withheld(self, message: N) -> N:
        """The message as it is decoded later: without personal values, if its subject has been erased."""
        return message.without_personal() if message.seals and self.keyring.has_erased(message.subject) else message

    def decode(self, name: str, data: bytes, subject: str | None) -> Named:
        """Decode a message to its current type; raises UnknownName, pydantic's ValidationError, or KeyNotLoaded."""
        message = self._decoded(name, data, subject)
        erased = message.seals and self.keyring.has_erased(subject or message.subject)
        return message.without_personal() if erased else message

    def _decoded(self, name: str, data: bytes, subject: str | None) -> Named:
        if self.names.is_current(name):
            type_ = self.names.type_of(name)
            if not type_.personal_fields or SEALED_KEY not in data:
                return type_.__pydantic_validator__.validate_json(data)  # type: ignore[no-any-return]
        type_, body = self.names.current(name, self._opened(name, orjson.loads(data), subject))
        return type_.model_validate(body)

    def holds_sealed(self, name: str, data: bytes) -> bool:
        """Whether a stored message has sealed values, for which a key is needed; False for unreadable data."""
        if SEALED_KEY not in data:
            return False
        try:
            body = orjson.loads(data)
            return any(_is_sealed(body.get(field)) for field in self._personal(name, body))
        except (UnknownName, ValueError):
            return False

    def plain_fields(self, name: str, data: bytes) -> list[str]:
        """The personal fields whose values a stored message holds in clear; none for unreadable data."""
        try:
            type_, body = self.names.current(name, orjson.loads(data))
        except (UnknownName, ValueError, KeyError, TypeError, AttributeError):
            return []
        return [field for field in type_.personal_fields if not (_is_sealed(v := body.get(field)) or v in (None, ""))]

    def with_remarks(self, name: str, data: bytes, subject: str | None) -> dict[str, Any]:
        """A stored body with its remarks in clear, and other personal values sealed; None for what cannot be opened."""
        body: dict[str, Any] = orjson.loads(data)
        if not self.names.is_current(name):
            return body
        type_ = self.names.type_of(name)
        for field in set(type_.personal_fields).difference(type_.needed_fields):
            if self.keyring.has_erased(subject):
                body[field] = None
            elif _is_sealed(value := body.get(field)):
                known = subject is not None and self.keyring.knows(subject)
                body[field] = self._open(value[SEALED], subject) if known else None
        return body

    def decode_as(self, expected: type[N], name: str, data: bytes, subject: str | None) -> N:
        """Decode a message of the expected type; raises what `decode` raises, and TypeError for another type."""
        message = self.decode(name, data, subject)
        if not isinstance(message, expected):
            raise TypeError(f"{name} is not a {expected.__name__}")
        return message

    def _opened(self, name: str, body: dict[str, Any], subject: str | None) -> dict[str, Any]:
        """The body with its sealed values opened, before any upcast: so upcasts change what was sealed, too."""
        for field in self._personal(name, body):
            if _is_sealed(value := body.get(field)):
                body[field] = self._open(value[SEALED], subject)
        return body

    def _personal(self, name: str, body: Mapping[str, Any]) -> Iterable[str]:
        """Under a retired name any field may be sealed: which ones were is known to code that is gone."""
        return self.names.type_of(name).personal_fields if self.names.is_current(name) else list(body)

    def _open(self, sealed: str, subject: str | None) -> Any:
        if subject is None:
            raise TypeError("a sealed value in a record without a subject")
        cipher = self.keyring.cipher(subject)
        return None if cipher is None else orjson.loads(unseal(cipher, b64decode(sealed), subject.encode()))


def _is_sealed(value: Any) -> TypeGuard[dict[str, str]]:
    return isinstance(value, dict) and value.keys() == {SEALED} and isinstance(value[SEALED], str)
