"""The sandbox: messages as files, in place of a provider until one is configured.

Each message is one JSON file in the outbox directory, readable by its owner only, named by its key: a repeat writes
the same file again. It holds the effect's fields beside `effect`, `subject` (the data subject), `key` and
`provider_id`. Once that person is erased, `forget` removes the files.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from urllib.parse import quote

from connectors.email import ERASED as ERASED_EMAIL
from connectors.sms import ERASED as ERASED_SMS
from domain.calls.email import Email
from domain.calls.sms import Sms
from streams.core.calls import Accepted, Deferred, Verdict

DRAFT = ".draft"


class SandboxSms:
    """The connector that writes each `Sms` to `sms-<key>.json`."""

    provider = "sandbox"
    idempotent = True

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        discard_drafts(directory)

    async def __call__(self, effect: Sms, key: str) -> Verdict:
        if effect.to is None or effect.body is None:
            return ERASED_SMS
        return _post(self._directory, "sms", effect, key)

    async def close(self) -> None:
        """Nothing to close."""


class SandboxEmail:
    """The connector that writes each `Email` to `email-<key>.json`."""

    provider = "sandbox"
    idempotent = True

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        discard_drafts(directory)

    async def __call__(self, effect: Email, key: str) -> Verdict:
        if effect.to is None or effect.subject_line is None or (effect.html is None and effect.text is None):
            return ERASED_EMAIL
        return _post(self._directory, "email", effect, key)

    async def close(self) -> None:
        """Nothing to close."""


def discard_drafts(directory: Path) -> None:
    """Remove what a crash left half-written: it holds a message, and no file without its draft is complete.

    A message that another process writes at that moment is put off, and written again.
    """
    for path in directory.glob(f"*{DRAFT}"):
        path.unlink(missing_ok=True)


def forget(directory: Path, subject: str) -> None:
    """Remove every message to this data subject (`context:id`); raises OSError if that fails.

    All drafts are removed, as a crash may leave unreadable ones.
    """
    discard_drafts(directory)
    for path in [path for path in directory.glob("*.json") if _subject(path) == subject]:
        path.unlink(missing_ok=True)


def _subject(path: Path) -> object:
    try:
        content = json.loads(path.read_bytes())
    except ValueError:  # not one of our files
        return None
    return content.get("subject") if isinstance(content, dict) else None


def _post(directory: Path, channel: str, effect: Sms | Email, key: str) -> Verdict:
    provider_id = f"sandbox-{key}"
    about = {"effect": effect.name, "subject": effect.subject, "key": key, "provider_id": provider_id}
    content = json.dumps(about | effect.model_dump(mode="json"), ensure_ascii=False, indent=2)
    try:
        _write(directory / f"{channel}-{quote(key, safe='')}.json", content.encode())
    except OSError as error:
        return Deferred("outbox", f"the outbox could not be written: {error.strerror}")
    return Accepted(provider_id)


def _write(path: Path, content: bytes) -> None:
    """Write the whole file or nothing, also if the machine stops half-way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=DRAFT)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
