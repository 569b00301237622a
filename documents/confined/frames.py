"""The frames between the pool and a confined process: four bytes of length, then that many bytes.

An answer has two frames: a head, and a body or nothing.
"""

from __future__ import annotations

import json
import struct

from documents.confined.job import Answer, Outcome

LENGTH = struct.Struct(">I")
READY = b"ready"
"""The first frame of a process, sent once its job is prepared and its limits are set."""


def frame(body: bytes) -> bytes:
    return LENGTH.pack(len(body)) + body


def answer_frames(answer: Answer, retiring: bool) -> bytes:
    """The answer as two frames. `retiring`: the process ends after it."""
    head = [answer.outcome, answer.reason, answer.detail, retiring]
    return frame(json.dumps(head).encode()) + frame(answer.body)


def answer_from(head: bytes, body: bytes) -> tuple[Answer, bool]:
    outcome, reason, detail, retiring = json.loads(head)
    return Answer(Outcome(outcome), str(reason), str(detail), body), bool(retiring)
