"""The sandbox: messages as files, in place of a provider until one is configured.

Each message is one JSON file in the outbox directory, readable by its owner only, named by its key: a repeat writes
the same file again. It holds the effect's fields beside `effect`, `subject` (the data subject), `key` and
`provider_id`. Once that person is erased, `forget` removes the files.
"""

from __future__ import annotations

import base64
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from connectors.chat import ERASED as ERASED_CHAT
from connectors.email import EmailFile, unsendable
from connectors.sms import ERASED as ERASED_SMS
from domain.calls.chat import SendChat
from domain.calls.email import Email
from domain.calls.sms import Sms
from domain.calls.social_post import SocialPost
from streams.core.calls import Accepted, Deferred, Listed, Verdict

DRAFT = ".draft"
SANDBOX_ID = "sandbox-"
"""The beginning of ids that the sandbox gives in a provider's place."""


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
    """The connector that writes each `Email` to `email-<key>.json`, its attachments in base64 as `files`."""

    provider = "sandbox"
    idempotent = True

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        discard_drafts(directory)

    async def __call__(self, effect: Email, key: str, files: Sequence[EmailFile] = ()) -> Verdict:
        if refused := unsendable(effect, files):
            return refused
        contents = [base64.b64encode(file.content).decode() for file in files]
        return _post(self._directory, "email", effect, key, {"files": contents} if files else {})

    async def close(self) -> None:
        """Nothing to close."""


class SandboxChat:
    """The connector that writes each `SendChat` to `chat-<key>.json`, whatever its channel."""

    provider = "sandbox"
    idempotent = True

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        discard_drafts(directory)

    async def __call__(self, effect: SendChat, key: str) -> Verdict:
        if effect.to is None or effect.text is None:
            return ERASED_CHAT
        return _post(self._directory, "chat", effect, key)

    async def close(self) -> None:
        """Nothing to close."""


class SandboxSocial:
    """The connector that writes each `SocialPost` to `post-<key>.json`, whatever its network."""

    provider = "sandbox"
    idempotent = True

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        discard_drafts(directory)

    async def __call__(self, effect: SocialPost, key: str) -> Verdict:
        verdict = _post(self._directory, "post", effect, key)
        return Accepted(verdict.provider_id, {"url": None}) if isinstance(verdict, Accepted) else verdict

    async def find(self, effect: SocialPost, since: datetime) -> Listed | Deferred:
        """The post in the outbox with the same network and reference."""
        try:
            posts = [stored(path) for path in sorted(self._directory.glob("post-*.json"))]
        except OSError as error:
            return Deferred("outbox", f"the outbox could not be read: {error.strerror}")
        wanted = {"network": effect.network.value, "reference": effect.reference}
        return Listed(tuple(str(post.get("provider_id")) for post in posts if wanted.items() <= post.items()))

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
    for path in [path for path in directory.glob("*.json") if stored(path).get("subject") == subject]:
        path.unlink(missing_ok=True)


def stored(path: Path) -> Mapping[str, object]:
    """The fields of a file in the outbox; none of a file that is not ours."""
    try:
        content = json.loads(path.read_bytes())
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def store(directory: Path, name: str, fields: Mapping[str, object]) -> Deferred | None:
    """Write a JSON file to the outbox under this name, quoted; Deferred if that fails."""
    content = json.dumps(fields, ensure_ascii=False, indent=2)
    try:
        _write(directory / f"{quote(name, safe='')}.json", content.encode())
    except OSError as error:
        return Deferred("outbox", f"the outbox could not be written: {error.strerror}")
    return None


def _post(
    directory: Path,
    channel: str,
    effect: Sms | Email | SendChat | SocialPost,
    key: str,
    more: Mapping[str, object] | None = None,
) -> Verdict:
    provider_id = f"{SANDBOX_ID}{key}"
    about = {"effect": effect.name, "subject": effect.subject, "key": key, "provider_id": provider_id}
    failure = store(directory, f"{channel}-{key}", about | effect.model_dump(mode="json") | dict(more or {}))
    return failure or Accepted(provider_id)


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
