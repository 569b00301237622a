"""Personal values as stored: sealed, empty, or in clear from before their field was personal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest

from domain.messages import Event, Personal, Remark
from streams.core.envelope import Record
from streams.core.keys import Keyring, WrappedKey
from streams.core.mapper import Mapper
from streams.core.names import Names

AT = datetime(2026, 1, 5, 9, tzinfo=UTC)


class Posted(Event, name="house.letter.posted.v1", subject="person"):
    """`note` was a plain field in an earlier release, which noted no subject."""

    person: str
    address: Personal[str]
    note: Remark = ""


class Weighed(Event, name="house.letter.weighed.v1", subject="person"):
    person: str
    weight: Personal[dict[str, float]]


class WeighedInGrams(Event, name="house.letter.weighed.v2", subject="person"):
    person: str
    grams: Personal[float]


def in_grams(body: dict[str, Any]) -> dict[str, Any]:
    """Sealed values come opened, and None once their person is erased."""
    weight = body.pop("weight")
    return body | {"grams": None if weight is None else weight["kilograms"] * 1000}


UPCASTS = {Weighed.name: (WeighedInGrams.name, in_grams)}


def mapper(*known: str) -> Mapper:
    found = Mapper(Names([Posted, WeighedInGrams], UPCASTS), Keyring(bytes(32)))
    for subject in known:
        found.keyring.allow(subject)
    return found


def body(**fields: object) -> bytes:
    return orjson.dumps({"at": "2026-01-05T09:00:00Z", "person": "ada", **fields})


def erased(by: Mapper) -> Mapper:
    by.keyring.learn(WrappedKey("house:ada", None))
    return by


@pytest.mark.parametrize("subject", ["house:ada", None], ids=["by the record", "by the body"])
def test_a_value_in_clear_is_read_as_it_stands_and_withheld_once_its_subject_is_erased(subject: str | None) -> None:
    data, by = body(address="12 Orchard Lane", note="left with Bob"), mapper()
    assert by.decode(Posted.name, data, subject) == Posted(
        at=AT, person="ada", address="12 Orchard Lane", note="left with Bob"
    )
    assert erased(by).decode(Posted.name, data, subject) == Posted(at=AT, person="ada", address=None, note=None)


def test_beside_a_sealed_value_one_in_clear_is_read_and_withheld_alike() -> None:
    by = mapper("house:ada")
    sealed = orjson.loads(by.encode(Posted(at=AT, person="ada", address="12 Orchard Lane")))
    data = orjson.dumps(sealed | {"note": "left with Bob"})
    assert by.decode(Posted.name, data, "house:ada") == Posted(
        at=AT, person="ada", address="12 Orchard Lane", note="left with Bob"
    )
    assert erased(by).decode(Posted.name, data, "house:ada") == Posted(at=AT, person="ada", address=None, note=None)


def test_the_value_of_another_subject_is_not_withheld() -> None:
    data = orjson.dumps({"at": "2026-01-05T09:00:00Z", "person": "bob", "address": "1 Quay", "note": "hello"})
    assert erased(mapper()).decode(Posted.name, data, None) == Posted(
        at=AT, person="bob", address="1 Quay", note="hello"
    )


def test_an_empty_text_needs_no_key() -> None:
    data = mapper().encode(Posted(at=AT, person="ada", address=None, note=""))
    assert orjson.loads(data)["note"] == ""
    assert mapper().decode(Posted.name, data, "house:ada") == Posted(at=AT, person="ada", address=None, note="")


def test_an_upcast_changes_a_value_that_is_sealed() -> None:
    writer = Mapper(Names([Weighed]), Keyring(bytes(32)))
    writer.keyring.allow("house:ada")
    old = writer.encode(Weighed(at=AT, person="ada", weight={"kilograms": 1.5}))
    assert b"kilograms" not in old
    reader = mapper()
    for key in writer.keyring.created():
        reader.keyring.learn(key)
    assert reader.decode(Weighed.name, old, "house:ada") == WeighedInGrams(at=AT, person="ada", grams=1500.0)
    assert erased(reader).decode(Weighed.name, old, "house:ada") == WeighedInGrams(at=AT, person="ada", grams=None)


def test_which_fields_a_record_holds_in_clear_is_known() -> None:
    by = mapper("house:ada")
    sealed = by.encode(Posted(at=AT, person="ada", address="12 Orchard Lane"))
    assert by.plain_fields(Posted.name, sealed) == []
    assert by.plain_fields(Posted.name, body(address="12 Orchard Lane", note="")) == ["address"]
    assert by.plain_fields(Posted.name, b"no JSON") == by.plain_fields("house.letter.lost.v1", body()) == []
    assert by.holds_sealed(Posted.name, sealed)
    assert not by.holds_sealed(Posted.name, body(address="personal"))


def test_the_subject_of_a_record_that_names_none_is_its_partition_key() -> None:
    by = mapper("house:ada")
    named = record(by.encode(Posted(at=AT, person="ada", address="12 Orchard Lane")), "house:ada")
    nameless = record(body(address="12 Orchard Lane"), None)
    assert by.subjects_of([named]) == by.subjects_of([nameless]) == {"house:ada"}
    assert by.subjects_of([nameless._replace(name="house.letter.lost.v1")]) == set()


def record(data: bytes, subject: str | None) -> Record:
    id_ = UUID(int=1)
    return Record("house", 0, 1, id_, "ada", "letter/1", 1, Posted.name, subject, data, id_, None, id_, "", AT, b"")
