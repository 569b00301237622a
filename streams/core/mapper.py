"""Mapper between messages and JSON bytes, with personal values encrypted under their subject's key."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Any, TypeVar

import orjson

from domain.messages import Named
from streams.core.envelope import Record
from streams.core.keys import Keyring, seal, unseal
from streams.core.names import Names, UnknownName

N = TypeVar("N", bound=Named)

SEALED = "personal"
"""The only key of the JSON object that replaces an encrypted value."""

SEALED_KEY = orjson.dumps(SEALED)
"""The bytes of that key in encoded JSON. Data without them holds no sealed value."""


def sealed_subjects(records: Iterable[Record]) -> set[str]:
    """Subjects whose keys are needed to read these records."""
    return {record.subject for record in records if record.subject is not None and SEALED_KEY in record.data}


class Mapper:
    """Encoder and decoder of named messages; an erased subject's values are decoded as None."""

    def __init__(self, names: Names, keyring: Keyring) -> None:
        self.names = names
        self.keyring = keyring

    def encode(self, message: Named) -> bytes:
        """Encode as UTF-8 JSON. A subject marked by `Keyring.allow` gets a key; raises KeyNotLoaded."""
        if not message.seals:
            return message.__pydantic_serializer__.to_json(message)
        body: dict[str, Any] = message.__pydantic_serializer__.to_python(message, mode="json")
        for field in message.personal_fields:
            if (value := body[field]) is not None:
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
        if not message.seals or message.subject is None or not self.keyring.knows(message.subject):
            return message
        if self.keyring.cipher(message.subject) is not None:
            return message
        return message.model_copy(update=dict.fromkeys(message.personal_fields))

    def decode(self, name: str, data: bytes, subject: str | None) -> Named:
        """Decode a message to its current type; raises UnknownName, pydantic's ValidationError, or KeyNotLoaded."""
        if self.names.is_current(name):
            type_ = self.names.type_of(name)
            if not type_.personal_fields or SEALED_KEY not in data:
                return type_.__pydantic_validator__.validate_json(data)  # type: ignore[no-any-return]
        type_, body = self.names.current(name, orjson.loads(data))
        return type_.model_validate(self._opened(body, type_.personal_fields, subject))

    def holds_sealed(self, name: str, data: bytes) -> bool:
        """Whether a stored message has sealed values, for which a key is needed; False for unreadable data."""
        if SEALED_KEY not in data:
            return False
        try:
            type_, body = self.names.current(name, orjson.loads(data))
        except (UnknownName, ValueError):
            return False
        return any(body.get(field) is not None for field in type_.personal_fields)

    def decode_as(self, expected: type[N], name: str, data: bytes, subject: str | None) -> N:
        """Decode a message of the expected type; raises what `decode` raises, and TypeError for another type."""
        message = self.decode(name, data, subject)
        if not isinstance(message, expected):
            raise TypeError(f"{name} is not a {expected.__name__}")
        return message

    def _opened(self, body: dict[str, Any], fields: tuple[str, ...], subject: str | None) -> dict[str, Any]:
        for field in fields:
            if isinstance(value := body.get(field), dict) and SEALED in value:
                body[field] = self._open(value[SEALED], subject)
        return body

    def _open(self, sealed: str, subject: str | None) -> Any:
        if subject is None:
            raise TypeError("a sealed value in a record without a subject")
        cipher = self.keyring.cipher(subject)
        return None if cipher is None else orjson.loads(unseal(cipher, b64decode(sealed), subject.encode()))
