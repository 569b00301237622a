"""Uploads over HTTP: a file goes to an object as it arrives, and whatever a client sends gets a sentence."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import uuid4

import httpx2
import orjson
import psycopg
import pytest

import bootstrap
from api.multipart import MOST_PARTS, Part, part_of
from api.uploads import FORM_BYTES, LONGEST_TEXT
from tests.api.book_club import MOUNT, club
from tests.api.book_club_context import NAME
from tests.api.product import Served

PATH = f"/{MOUNT}/api/books/Emma"
PICTURE = bytes(range(256)) * 2_000
BOUNDARY = "a-boundary"


@pytest.fixture(scope="module")
def product() -> Iterator[Served]:
    with club() as served:
        yield served


class Field(NamedTuple):
    """A part as it is sent: its headers after the first one's name, and its data."""

    disposition: str
    data: bytes = b""
    headers: tuple[str, ...] = ()

    def sent(self) -> bytes:
        lines = [f"Content-Disposition: form-data; {self.disposition}", *self.headers]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.data


FILE = Field('name="file"; filename="emma.png"', PICTURE, ("Content-Type: image/png",))


def body_of(*fields: Field, end: str = "--\r\n") -> bytes:
    parts = b"".join(f"--{BOUNDARY}\r\n".encode() + field.sent() + b"\r\n" for field in fields)
    return parts + f"--{BOUNDARY}{end}".encode()


def key(product: Served, *scopes: str, tier: str = "premium", subject: str = "tester") -> dict[str, str]:
    token = bootstrap.tokens(product.settings, NAME).issue(
        subject, scopes or ("write",), datetime.now(UTC), timedelta(hours=1), {}, "", tier
    )
    return {"X-API-Key": token}


def posted(
    product: Served, body: bytes, path: str = PATH, kind: str = f"multipart/form-data; boundary={BOUNDARY}", **more: str
) -> httpx2.Response:
    headers = {"Content-Type": kind} | key(product) | {name.replace("_", "-"): value for name, value in more.items()}
    return product.http.post(path, content=body, headers=headers)


def stored(product: Served) -> dict[str, bool]:
    """Every object there is, and whether it is kept."""
    return dict(product.ask("select id::text, kept from headwater.objects"))


def test_a_file_is_stored_and_its_object_kept_by_the_event_that_names_it(product: Served) -> None:
    files = {"file": ("emma.png", PICTURE, "image/png")}
    sent = {"note": "a drawing", "data": '{"by": ["Hugh", "Thomson"]}'}
    answer = product.http.post(PATH, files=files, data=sent, headers=key(product))
    assert answer.status_code == 201, answer.text
    assert answer.json() == {
        "cover": answer.json()["cover"],
        "file_name": "emma.png",
        "content_type": "image/png",
        "size": len(PICTURE),
        "sha256": sha256(PICTURE).hexdigest(),
        "data": {"by": ["Hugh", "Thomson"]},
    }
    assert stored(product)[answer.json()["cover"]] is True


def test_a_repeated_upload_is_one_object_whatever_its_boundary_and_another_file_a_conflict(product: Served) -> None:
    same = {"Idempotency_Key": str(uuid4())}
    first = posted(product, body_of(Field('name="note"', b"one"), FILE), **same)
    before = len(stored(product))
    kind = "multipart/form-data; boundary=another"
    again = posted(
        product, body_of(FILE, Field('name="note"', b"one")).replace(b"a-boundary", b"another"), kind=kind, **same
    )
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    for other in (
        body_of(FILE._replace(data=PICTURE[1:]), Field('name="note"', b"one")),
        body_of(FILE._replace(disposition='name="file"; filename="other.png"'), Field('name="note"', b"one")),
        body_of(FILE, Field('name="note"', b"two")),
        body_of(FILE),
    ):
        assert posted(product, other, **same).status_code == 409
    assert len(stored(product)) == before


def test_guards_and_what_the_endpoint_checks_come_before_the_body_is_read(product: Served) -> None:
    limited = key(product, tier="basic", subject="somebody limited")
    for _ in range(4):
        assert product.http.get(f"/{MOUNT}/api/caller", headers=limited).status_code == 200
    unknown = f"/{MOUNT}/api/books/unknown"
    for status, path, headers in (
        (401, PATH, {}),
        (429, PATH, limited),
        (403, PATH, key(product, "read")),
        (404, unknown, key(product)),
    ):
        assert answered_early(product, path, headers) == status


def answered_early(product: Served, path: str, headers: Mapping[str, str], length: int = 900_000) -> int:
    """The status of an answer to a request of which nothing but the head is ever sent."""
    with begun(product, path, headers, length) as connection:
        return int(connection.recv(100).split()[1])


@contextmanager
def begun(product: Served, path: str, headers: Mapping[str, str], length: int) -> Iterator[socket.socket]:
    """A connection on which the head of an upload of this length has been sent."""
    with socket.create_connection(("127.0.0.1", product.port), timeout=30) as connection:
        lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {length}"]
        lines += [f"Content-Type: multipart/form-data; boundary={BOUNDARY}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        yield connection


def test_what_is_too_large_is_413_by_its_length_and_by_count(product: Served) -> None:
    before = stored(product)
    assert answered_early(product, PATH, key(product), 1_000_001 + FORM_BYTES) == 413
    large = posted(product, body_of(FILE._replace(data=bytes(1_000_001))))
    assert (large.status_code, large.json()) == (413, {"error": "The file is larger than 1000000 bytes"})

    def endless() -> Iterator[bytes]:
        yield body_of(FILE)[:-20]
        for _ in range(20):
            yield bytes(100_000)

    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", **key(product)}
    assert product.http.post(PATH, content=endless(), headers=headers).status_code == 413
    assert posted(product, body_of(FILE._replace(data=bytes(1_000_000)))).status_code == 201
    assert len(stored(product)) == len(before) + 1


NOTE = Field('name="note"', b"one")
HOSTILE: dict[str, tuple[bytes, str]] = {
    "no file": (body_of(NOTE), "Missing required field: file"),
    "a form without a chosen file": (body_of(Field('name="file"; filename=""')), "Missing required field: file"),
    "a file whose name is only a path": (body_of(Field('name="file"; filename="../"')), "Missing required field: file"),
    "two files": (body_of(FILE, FILE), "Invalid file: must be one file"),
    "a text in the file's place": (
        body_of(Field('name="file"', b"x")),
        "Invalid file: must be a file, with a file name",
    ),
    "a file in a text's place": (body_of(Field('name="note"; filename="x"')), "Invalid note: must not be a file"),
    "a nested name": (body_of(Field('name="file[0]"; filename="x"')), "Invalid file[0]: must not be a file"),
    "a nested body": (
        body_of(FILE._replace(headers=("Content-Type: multipart/mixed; boundary=b",))),
        "Invalid file: must not be a multipart body within the body",
    ),
    "an encoded part": (
        body_of(FILE._replace(headers=("Content-Transfer-Encoding: base64",))),
        "Invalid file: must not have a Content-Transfer-Encoding",
    ),
    "a text twice": (body_of(NOTE, NOTE, FILE), "Invalid note: must be given once"),
    "a text too long": (body_of(NOTE._replace(data=b"x" * 51), FILE), "Invalid note: must have 50 characters or fewer"),
    "a text without end": (
        body_of(NOTE._replace(data=b"x" * (LONGEST_TEXT + 1)), FILE),
        f"Invalid note: must have {LONGEST_TEXT} bytes or fewer",
    ),
    "a text in another encoding": (body_of(NOTE._replace(data=b"\xff"), FILE), "Invalid note: must be UTF-8"),
    "a text with NUL": (body_of(NOTE._replace(data=b"\0")), "Invalid note: must not contain the NUL character"),
    "no JSON": (body_of(FILE, Field('name="data"', b"{")), "Invalid data: must be JSON"),
    "another JSON": (body_of(FILE, Field('name="data"', b"[NaN]")), "Invalid data: must be JSON"),
    "JSON that is no object": (body_of(FILE, Field('name="data"', b"[1]")), "Invalid data: must be a JSON object"),
    "JSON with NUL": (
        body_of(FILE, Field('name="data"', b'{"a": "\\u0000"}')),
        "Invalid data: must not contain the NUL character",
    ),
    "JSON without end": (body_of(FILE, Field('name="data"', b"[" * 60_000)), "Invalid data: must be JSON"),
    "what the endpoint does not take": (body_of(FILE._replace(data=b"MZ\x90")), "Invalid file: must be a picture"),
}
MALFORMED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "it ends before its last boundary"),
    "no parts": (b"hello", "malformed at byte 0"),
    "a cut body": (body_of(FILE, end=""), "it ends before its last boundary"),
    "a body cut in its file": (body_of(FILE)[:5_000], "it ends before its last boundary"),
    "headers without end": (
        body_of(Field('name="file"; filename="x"', b"", tuple(f"X-{n}: 1" for n in range(8)))),
        "a part has more than 8 headers",
    ),
    "a header without end": (body_of(Field(f'name="{"n" * 5_000}"')), "a header of a part has more than 4096 bytes"),
    "a header without a name": (body_of(FILE._replace(headers=(": x",))), "malformed at byte"),
    "a part without a name": (body_of(Field("x=1")), "a part has no Content-Disposition: form-data with a name"),
    "an attachment": (
        b"--a-boundary\r\nContent-Disposition: attachment; name=file\r\n\r\n--a-boundary--",
        "a part has no Content-Disposition: form-data with a name",
    ),
    "a name in another encoding": (
        body_of(FILE).replace(b"emma.png", b"\xff.png"),
        "the name of a file is not UTF-8",
    ),
    "too many parts": (
        body_of(*[Field(f'name="n{number}"') for number in range(MOST_PARTS + 1)]),
        f"it has more than {MOST_PARTS} parts",
    ),
}
KINDS = {
    "no type": ("", "must be multipart/form-data"),
    "JSON": ("application/json", "must be multipart/form-data"),
    "no boundary": ("multipart/form-data", "the Content-Type has no boundary of 1 to 70 characters"),
    "a boundary too long": (f"multipart/form-data; boundary={'b' * 71}", "has no boundary of 1 to 70 characters"),
}


@pytest.mark.parametrize("body", HOSTILE)
def test_a_form_that_does_not_fit_gets_a_sentence_and_leaves_nothing(product: Served, body: str) -> None:
    before, (sent, sentence) = stored(product), HOSTILE[body]
    answer = posted(product, sent)
    assert (answer.status_code, answer.json()) == (400, {"error": sentence})
    assert stored(product) == before


@pytest.mark.parametrize("body", MALFORMED)
def test_a_malformed_body_gets_a_sentence_and_leaves_nothing(product: Served, body: str) -> None:
    before, (sent, fault) = stored(product), MALFORMED[body]
    answer = posted(product, sent)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(f"Invalid body: is not well-formed multipart/form-data: {fault}")
    assert stored(product) == before


@pytest.mark.parametrize("kind", KINDS)
def test_another_type_of_body_gets_a_sentence(product: Served, kind: str) -> None:
    answer = posted(product, body_of(FILE), kind=KINDS[kind][0])
    assert answer.status_code == 400
    assert KINDS[kind][1] in answer.json()["error"]


@pytest.mark.parametrize("size", [1, 7, 4_096])
def test_a_body_may_come_in_pieces_of_any_size(product: Served, size: int) -> None:
    body = body_of(NOTE, FILE._replace(data=b"\r\n--a-bound\r\n--\r" * 300), end="--")

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(body), size):
            yield body[start : start + size]

    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", **key(product)}
    answer = product.http.post(PATH, content=pieces(), headers=headers)
    assert (answer.status_code, answer.json()["size"]) == (201, 300 * 16)


@pytest.mark.parametrize(
    ("disposition", "label"),
    [
        ('name="file"; filename="../../etc/passwd"', "passwd"),
        ('name="file"; filename="C:\\plums\\emma.png"', "emma.png"),
        ('name="file"; filename="a\\"b\t\x7f.png"', 'a"b.png'),
        ('name="file"; filename="Käthe ☂.png"', "Käthe ☂.png"),
        ("name=file; filename*=UTF-8''K%C3%A4the.png", "Käthe.png"),
        (f'name="file"; filename="{"x" * 300}"', "x" * 255),
    ],
)
def test_a_file_s_name_is_a_label_and_never_a_path(disposition: str, label: str) -> None:
    headers = {"content-disposition": f"form-data; {disposition}".encode().decode("latin-1")}
    assert part_of(headers).label == label


def test_a_text_has_no_file_name() -> None:
    assert part_of({"content-disposition": 'form-data; name="note"'}) == Part("note", None, "")


def test_a_connection_that_is_cut_leaves_nothing(product: Served) -> None:
    before = stored(product)
    with begun(product, PATH, key(product), 900_000) as connection:
        connection.sendall(body_of(FILE)[:400_000])
        product.wait(lambda: len(stored(product)) == len(before) + 1, "the upload has not begun")
    product.wait(lambda: stored(product) == before, "what was cut is still there")


def test_while_the_database_is_away_an_upload_is_503(product: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: object) -> None:
        raise psycopg.errors.DiskFull("no space left on device")

    monkeypatch.setattr("streams.postgres.objects._add_part", full)
    answer = posted(product, body_of(FILE))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_an_upload_that_is_repeated_after_the_erasure_is_answered_as_before(product: Served) -> None:
    path, same = f"/{MOUNT}/api/books/Persuasion", {"Idempotency_Key": str(uuid4())}
    first = posted(product, body_of(FILE), path, **same)
    assert first.status_code == 201
    product.journal.execute("update headwater.subject_keys set wrapped = null where subject = 'book_club:Persuasion'")
    product.journal.execute("delete from headwater.objects where subject = 'book_club:Persuasion'")
    again = posted(product, body_of(FILE), path, **same)
    assert (again.status_code, again.json()) == (201, first.json())
    other = body_of(FILE._replace(data=PICTURE[::-1]))
    assert posted(product, other, path, **same).status_code == 409


def test_openapi_shows_the_form(product: Served) -> None:
    document = orjson.loads(product.http.get(f"/{MOUNT}/openapi.json").content)
    operation: dict[str, Any] = document["paths"]["/api/books/{title}"]["post"]
    schema = operation["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert schema["required"] == ["file"]
    assert schema["properties"]["file"] == {"type": "string", "format": "binary"}
    assert schema["properties"]["note"]["maxLength"] == 50
    assert schema["properties"]["data"]["type"] == "object"
    assert "$ref" not in orjson.dumps(schema).decode()
    assert "get" in document["paths"]["/api/books/{title}"]


def test_an_object_that_was_put_without_a_command_is_swept_after_a_day(product: Served) -> None:
    with begun(product, f"/{MOUNT}/api/books/abandoned", key(product), len(body_of(FILE))) as connection:
        connection.sendall(body_of(FILE))
        waiting = "select count(*) from headwater.objects where key = 'abandoned' and wrapped is not null"
        product.wait(lambda: product.ask(waiting) == [(1,)], "the file is not stored")
    kept = len([one for one in stored(product).values() if one])
    product.advance(timedelta(hours=25))
    product.wait(lambda: len(stored(product)) == kept, "the file is still there")
