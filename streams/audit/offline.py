"""Standalone verifier of the log's rules, on the standard library alone, for an auditor to read and run.

Every export contains a copy of this file as `verify_export.py`, which needs no other module:

    python -I verify_export.py [DIRECTORY] [--key PUBLIC_KEY_IN_HEX]...

It shares no code with the programs that write the log.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from hashlib import sha256, sha512
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

FORMAT = "headwater.export.v2"
FORMATS = ("headwater.export.v1", FORMAT)
"""What can be read. In v1 there are no outcomes but those of v1."""

MANIFEST = "manifest.json"
GENESIS = bytes(32)
OUTCOMES = ("headwater.command.decided.v1", "headwater.command.decided.v2")
RECORDER = "recorder"
ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Fault(NamedTuple):
    """The first violation of a rule: its position and its reason."""

    context: str
    partition: int
    sequence: int
    reason: str

    def __str__(self) -> str:
        return f"{self.context}/{self.partition}/{self.sequence}: {self.reason}"


class Broken(Exception):
    """Raised at the first fault; carries it to the report."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class Line(NamedTuple):
    """A record of the log: the header's fields in the order of hashing, then the stored bytes and the hash."""

    context: str
    partition: int
    sequence: int
    event_id: str
    key: str
    stream: str
    version: int
    name: str
    subject: str | None
    command_id: str
    causation_id: str | None
    correlation_id: str
    actor: str
    at: str
    data: bytes
    hash: bytes


HEADER = Line._fields[:-2]


def canonical(line: Line) -> bytes:
    """The hashed bytes: the header as a compact JSON array in UTF-8, a newline, the stored bytes."""
    return ENCODE(line[:-2]).encode("utf-8", "surrogatepass") + b"\n" + line.data


class Partition:
    """Checker of one partition's records, in order; raises Broken at the first violation."""

    def __init__(self, context: str, partition: int) -> None:
        self.context = context
        self.number = partition
        self.sequence = 0
        self.hash = GENESIS
        self._command, self._actor, self._events = "", "", 0

    def check(self, line: Line) -> None:
        """Check the next record: its sequence, its hash, and its order among its command's records."""
        expected = self.sequence + 1
        if line.sequence > expected:
            self.broken(expected, f"missing; the next record is {line.sequence}")
        if line.sequence < expected:
            self.broken(line.sequence, "there is more than one record with this sequence")
        self.sequence = expected
        if sha256(self.hash + canonical(line)).digest() != line.hash:
            self.broken(expected, "the record does not have the hash that follows from it and the one before")
        self.hash = line.hash
        if line.name in OUTCOMES:
            self._check_outcome(line)
        else:
            self._take_event(line)

    def _take_event(self, line: Line) -> None:
        if line.command_id != self._command:
            self._check_decided(line.sequence - 1)
            self._command, self._actor, self._events = line.command_id, line.actor, 0
        self._events += 1

    def _check_decided(self, sequence: int) -> None:
        """An outcome must follow every command's events. Records of the library's recorder have no command."""
        if self._events and self._actor != RECORDER:
            self.broken(sequence, f"command {self._command} has events here without the outcome that ends them")

    def _check_outcome(self, line: Line) -> None:
        if line.command_id != self._command:
            self._check_decided(line.sequence - 1)
            self._events = 0
        if (line.stream, line.version) != (f"command/{line.command_id}", 1):
            self.broken(line.sequence, "an outcome that is not the first record of its command's own stream")
        if events_of(line.data) != self._events:
            self.broken(line.sequence, f"the outcome of {events_of(line.data)} events follows {self._events}")
        self._command, self._actor, self._events = "", "", 0

    def finish(self, sequence: int, hash_: bytes) -> None:
        """Compare the last record with the stored head."""
        if self.sequence < sequence:
            self.broken(self.sequence + 1, f"missing; the head is at {sequence}")
        if self.sequence > sequence:
            self.broken(sequence + 1, f"the head is at {sequence}; this is beyond it")
        if self.hash != hash_:
            self.broken(sequence, "the head has another hash")
        self._check_decided(sequence)

    def broken(self, sequence: int, reason: str) -> None:
        """Raise Broken at this sequence."""
        raise Broken(Fault(self.context, self.number, sequence, reason))


def events_of(data: bytes) -> int | None:
    """The number of events that an outcome states; None when it states none."""
    try:
        number = json.loads(data)["events"]
    except (ValueError, LookupError, TypeError):
        return None
    return number if isinstance(number, int) else None


def head_message(context: str, partition: int, sequence: int, hash_: bytes, signed_at: str) -> bytes:
    """The signed bytes of a head."""
    return ENCODE(("headwater.head.v1", context, partition, sequence, hash_.hex(), signed_at)).encode()


# --- exported files ---------------------------------------------------------------------------------------------------


def file_of(context: str, partition: int) -> str:
    """The file name of a partition in an export."""
    return f"{quote(context, safe='')}.{partition}.ndjson"


def written(line: Line) -> bytes:
    """A record as one NDJSON line; data that is not UTF-8 is written in hexadecimal."""
    body: dict[str, Any] = dict(zip(HEADER, line, strict=False))
    try:
        body["data"] = line.data.decode()
    except UnicodeDecodeError:
        body["data_hex"] = line.data.hex()
    body["hash"] = line.hash.hex()
    return ENCODE(body).encode("utf-8", "surrogatepass") + b"\n"


def read(raw: bytes) -> Line:
    """The record parsed from a line; raises ValueError for any form that `written` does not produce."""
    try:
        body = json.loads(raw)
        data = bytes.fromhex(body["data_hex"]) if "data_hex" in body else body["data"].encode("utf-8", "surrogatepass")
        line = Line._make([*(body[field] for field in HEADER), data, bytes.fromhex(body["hash"])])
        same = written(line) == raw and isinstance(line.sequence, int)
    except (LookupError, TypeError, AttributeError, UnicodeError) as error:
        raise ValueError(f"not a record: {error!r}") from error
    if not same:
        raise ValueError("not written as an export writes it")
    return line


class Versions:
    """Checker of gapless versions in every stream. Memory: one number per stream, outcomes excluded."""

    def __init__(self) -> None:
        self._ends: dict[tuple[str, str], int] = {}

    def check(self, line: Line, partition: Partition) -> None:
        if line.name in OUTCOMES:
            return
        place = (line.context, line.stream)
        end = self._ends.get(place, 0 if line.version or line.actor != RECORDER else -1)
        if line.version != end + 1:
            partition.broken(line.sequence, f"{line.stream} goes from version {end} to {line.version}")
        self._ends[place] = line.version


def verify_export(directory: Path, trusted: Sequence[str] = ()) -> Iterator[str]:
    """Check every file against the rules and the manifest; yields a sentence per partition.

    With `trusted` keys (hex), a partition without signed heads, or with a head signed by another key, is a fault.
    Raises Broken, or ValueError or OSError for an unreadable export.
    """
    manifest = json.loads((directory / MANIFEST).read_bytes())
    if manifest["format"] not in FORMATS:
        raise ValueError(f"an export of format {manifest['format']}; this program reads {' and '.join(FORMATS)}")
    versions, signed = Versions(), defaultdict(list)
    for head in manifest["signed_heads"]:
        signed[head["context"], head["partition"]].append(head)
    listed = {(entry["context"], entry["partition"]) for entry in manifest["partitions"]}
    for context, number in signed.keys() - listed:
        raise Broken(Fault(context, number, 0, "a head of this partition was signed, and it is not in the export"))
    for entry in manifest["partitions"]:
        yield _verify_file(directory, entry, signed[entry["context"], entry["partition"]], trusted, versions)


def _verify_file(
    directory: Path, entry: dict[str, Any], signed: list[dict[str, Any]], trusted: Sequence[str], versions: Versions
) -> str:
    partition, digest = Partition(entry["context"], entry["partition"]), sha256()
    waiting = defaultdict(list)
    for head in signed:
        waiting[head["sequence"]].append(head)
    with (directory / file_of(partition.context, partition.number)).open("rb") as file:
        for raw in file:
            digest.update(raw)
            line = _line(raw, partition)
            partition.check(line)
            versions.check(line, partition)
            for head in waiting.pop(line.sequence, ()):
                _check_signed(head, partition, trusted)
    partition.finish(entry["head"]["sequence"], bytes.fromhex(entry["head"]["hash"]))
    for sequence in waiting:
        partition.broken(sequence, "a head was signed here, beyond the end of the log")
    if trusted and partition.sequence and not signed:
        partition.broken(partition.sequence, "no head of this partition is signed")
    if digest.hexdigest() != entry["sha256"] or partition.sequence != entry["records"]:
        partition.broken(partition.sequence, "the file is not the one that the manifest describes")
    reach = max((head["sequence"] for head in signed), default=0)
    ends = f"{partition.sequence} records, signed up to {reach}, head {partition.hash.hex()}"
    return f"{partition.context}/{partition.number}: {ends}"


def _line(raw: bytes, partition: Partition) -> Line:
    try:
        line = read(raw)
    except ValueError as error:
        raise Broken(Fault(partition.context, partition.number, partition.sequence + 1, str(error))) from error
    if (line.context, line.partition) != (partition.context, partition.number):
        partition.broken(partition.sequence + 1, f"a record of {line.context}/{line.partition}")
    return line


def _check_signed(head: dict[str, Any], partition: Partition, trusted: Sequence[str]) -> None:
    if head["hash"] != partition.hash.hex():
        partition.broken(partition.sequence, f"another hash was signed here at {head['signed_at']}")
    if trusted and head["key"] not in trusted:
        partition.broken(partition.sequence, f"the head is signed with the key {head['key']}, which is not trusted")
    message = head_message(partition.context, partition.number, partition.sequence, partition.hash, head["signed_at"])
    if not signature_holds(bytes.fromhex(head["key"]), message, bytes.fromhex(head["signature"])):
        partition.broken(partition.sequence, "the signature of the head does not hold")


# --- Ed25519 verification, RFC 8032 section 5.1.7; points in extended coordinates ----------------------------------

Point = tuple[int, int, int, int]
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def _add(p: Point, q: Point) -> Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(number: int, p: Point) -> Point:
    total: Point = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = _add(total, p)
        p, number = _add(p, p), number >> 1
    return total


def _point(encoded: bytes) -> Point | None:
    y, sign = int.from_bytes(encoded, "little") % 2**255, encoded[31] >> 7
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or y >= P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = _point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def signature_holds(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the Ed25519 signature of the message verifies under this public key."""
    if len(key) != 32 or len(signature) != 64 or BASE is None:
        return False
    a, r, s = _point(key), _point(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= ORDER:
        return False
    number = int.from_bytes(sha512(signature[:32] + key + message).digest(), "little") % ORDER
    left, right = _times(s, BASE), _add(r, _times(number, a))
    return not any((left[i] * right[2] - right[i] * left[2]) % P for i in (0, 1))


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify the export in this file's directory or the one given; returns 0 when it is whole, else 1."""
    parser = argparse.ArgumentParser(description="Verifies an export of a Headwater log: chain, order, heads.")
    parser.add_argument("directory", nargs="?", type=Path, default=Path(__file__).parent)
    parser.add_argument("--key", action="append", default=[], help="a public key (hex) that heads must be signed with")
    given = parser.parse_args(arguments)
    try:
        for sentence in verify_export(given.directory, given.key):
            print(sentence)
    except Broken as broken:
        print(f"BROKEN at {broken}", file=sys.stderr)
        return 1
    except (OSError, ValueError, LookupError, TypeError) as error:
        print(f"not a readable export: {error!r}", file=sys.stderr)
        return 1
    print("whole")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
