"""E-mails with attachments: the files' bytes are loaded from the object store before each attempt."""

from __future__ import annotations

import psycopg
from psycopg_pool import PoolTimeout

from connectors.email import EmailConnector, EmailFile
from domain.calls.email import Email
from streams.core.calls import Deferred, Rejected, Verdict
from streams.postgres.objects import ObjectErased, ObjectMissing, Objects, ObjectTooLarge

MOST_BYTES = 25_000_000
"""Of all files of an e-mail. In base64 that is what providers take: Resend 40 MB, most servers 35 MB."""

GONE = Rejected("attachment_gone", "a file of the e-mail is no longer there")
TOO_LARGE = Rejected("too_large", f"the files of the e-mail have more than {MOST_BYTES} bytes")
AWAY = Deferred("database_away", "the files of the e-mail could not be read")


class AttachmentLoading:
    """Loads the files that an e-mail names, and hands both to the provider's connector."""

    def __init__(self, objects: Objects, mail: EmailConnector) -> None:
        self._objects = objects
        self._mail = mail
        self.provider = mail.provider
        self.idempotent = mail.idempotent

    async def __call__(self, effect: Email, key: str) -> Verdict:
        files = await self._files(effect)
        if isinstance(files, Rejected | Deferred):
            return files
        return await self._mail(effect, key, files)

    async def close(self) -> None:
        await self._mail.close()

    async def _files(self, effect: Email) -> list[EmailFile] | Rejected | Deferred:
        loaded, left = list[EmailFile](), MOST_BYTES
        try:
            for one in effect.attachments:
                content = await self._objects.read(one.object_id, left)
                loaded.append(EmailFile(one.name, one.media_type, content))
                left -= len(content)
        except (ObjectMissing, ObjectErased, ValueError):  # the last for an id that is none
            return GONE
        except ObjectTooLarge:
            return TOO_LARGE
        except (psycopg.Error, PoolTimeout):
            return AWAY
        return loaded
