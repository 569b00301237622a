"""The tolerant reading of single fields: ids, numbers, times and lists."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connectors.provider_json import address_in, fields_of, first_word, id_in, items_in, moment_in, number_in, value_of

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('"a-1"', "a-1"),
        ("17", "17"),
        ("17.0", "17"),
        ("9007199254740991", "9007199254740991"),
        ("9007199254740993", ""),
        ("1.5", ""),
        ("true", ""),
        ("null", ""),
        ('""', ""),
    ],
)
def test_an_id_is_a_text_or_a_whole_number_that_kept_its_digits(written: str, read: str) -> None:
    assert id_in(fields_of(f'{{"id": {written}}}'), "other", "id") == read


def test_the_first_name_with_something_under_it_counts() -> None:
    fields = fields_of('{"a": "", "b": 3, "c": "word", "d": "later", "e": {}, "f": [1]}')
    assert first_word(fields, "a", "b", "c", "d") == "word"
    assert first_word(fields, "a", "x") == ""
    assert items_in(fields, "e", "f") == [1.0]
    assert items_in(fields, "e", "x") is None


def test_an_address_is_never_cut() -> None:
    longest = f"{'a' * 244}@b.example"
    assert len(longest) == 254
    assert address_in({"email": f" {longest} "}, "mail", "email") == longest
    assert address_in({"email": f" a{longest}"}, "email") == ""
    assert address_in({"email": "a\0@b.example"}, "email") == ""
    assert address_in({"email": "nothing"}, "email") == ""


@pytest.mark.parametrize(
    ("written", "read"), [("5.5", 5.5), ("0", 0.0), ("-1", None), ("NaN", None), ("Infinity", None), ('"5"', None)]
)
def test_a_number_is_finite_and_not_negative(written: str, read: float | None) -> None:
    assert number_in(fields_of(f'{{"rate": {written}}}'), "rate") == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('"2026-11-22T12:00:00Z"', NOON),
        ('"2026-11-22T13:00:00+0100"', NOON),
        ('"2026-11-22T12:00:00"', NOON),
        ("1795348800", NOON),
        ("1795348800000", NOON),
        ('"noon"', None),
        ("1e300", None),
        ("NaN", None),
        ("true", None),
        ('"0001-01-01T00:00:00+14:00"', None),
    ],
)
def test_a_time_is_read_in_utc(written: str, read: datetime | None) -> None:
    assert moment_in(fields_of(f'{{"at": {written}}}'), "at") == read


def test_json_nested_too_deeply_is_no_json() -> None:
    with pytest.raises(ValueError, match="nested"):
        value_of("[" * 100_000)
