"""Google Docs as documents: the text by the Docs API, the time of the last change by Drive's."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime
from urllib.parse import quote

from connectors.document_draft import TOO_LARGE, DocumentTooLarge, accepted, moment_of
from connectors.document_http import SECONDS, Answer, Failed, JsonClient
from connectors.google_credentials import GoogleCredentials
from connectors.google_document import read_google
from connectors.provider_json import Fields, fields_in, list_in, text_in, word_in
from connectors.retry_after import LONGEST
from domain.calls.document import FetchDocument
from streams.core.calls import Deferred, Rejected, Verdict

DOCS_URL = "https://docs.googleapis.com"
DRIVE_URL = "https://www.googleapis.com"

_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")
_SECONDS = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s", re.ASCII)

_LIMITS = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED", "quotaExceeded"})
_KEYS = frozenset(
    {"API_KEY_INVALID", "API_KEY_SERVICE_BLOCKED", "SERVICE_DISABLED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}
    | {"accessNotConfigured", "insufficientPermissions", "keyInvalid", "BILLING_DISABLED"}
)
"""Google's reasons for refusing who asks, whatever is asked for."""


class GoogleDocs:
    """The connector to Google Docs. A document's version is its revision, which Google shows to editors only.

    Suggested changes are not read. Without Drive's answer the time of the last change is not known. `timeout_seconds`
    bounds each step of a request.
    """

    provider = "google_docs"
    idempotent = True

    def __init__(
        self,
        credentials: GoogleCredentials,
        docs_url: str = DOCS_URL,
        drive_url: str = DRIVE_URL,
        timeout_seconds: float = 15.0,
    ) -> None:
        self._credentials = credentials
        self._docs = JsonClient(docs_url, timeout_seconds)
        self._drive = JsonClient(drive_url, timeout_seconds)

    async def __call__(self, effect: FetchDocument, key: str) -> Verdict:
        if _ID.fullmatch(effect.document_id) is None:
            return Rejected("bad_address", "the id of a Google document has letters, digits, - and _ only")
        try:
            async with asyncio.timeout(SECONDS):
                return await self._fetch(effect.document_id)
        except Failed as failure:
            return failure.verdict
        except DocumentTooLarge:
            return TOO_LARGE
        except TimeoutError:
            return Deferred("timeout", f"Google did not answer within {SECONDS:g} seconds")

    async def close(self) -> None:
        await self._docs.close()
        await self._drive.close()
        await self._credentials.close()

    async def _fetch(self, document_id: str) -> Verdict:
        fields = await self._document(document_id)
        draft = await asyncio.to_thread(read_google, fields)
        draft.modified_at = await self._changed(document_id)
        return accepted(draft, word_in(fields, "revisionId"))

    async def _document(self, document_id: str) -> Fields:
        params = {"includeTabsContent": "true", "suggestionsViewMode": "PREVIEW_WITHOUT_SUGGESTIONS"}
        path = f"/v1/documents/{quote(document_id, safe='')}"
        answer = await self._get(self._docs, path, params)
        if answer.status == 401 and self._credentials.discard():
            answer = await self._get(self._docs, path, params)
        if not answer.is_success:
            raise Failed(_refused(answer))
        if not answer.fields:
            raise Failed(Deferred("unreadable", "Google answered with something else than a document"))
        return answer.fields

    async def _changed(self, document_id: str) -> datetime | None:
        params = {"fields": "modifiedTime", "supportsAllDrives": "true"}
        try:
            answer = await self._get(self._drive, f"/drive/v3/files/{quote(document_id, safe='')}", params)
        except Failed:
            return None
        return moment_of(text_in(answer.fields, "modifiedTime")) if answer.is_success else None

    async def _get(self, client: JsonClient, path: str, params: dict[str, str]) -> Answer:
        return await client.get(path, params, await self._credentials.headers())


def _refused(answer: Answer) -> Verdict:
    status = answer.status
    reasons = _reasons(answer.fields)
    said = f"Google answered {status}"
    if answer.is_passing or reasons & _LIMITS:
        return Deferred(f"http_{status}", said, _wait(answer))
    if status == 401 or reasons & _KEYS:
        return Rejected("credentials", f"{said}: the credentials are refused")
    if status == 403:
        return Rejected("forbidden", f"{said}: the document is not shared with these credentials")
    if status in {404, 410}:
        return Rejected("not_found", f"{said}: there is no such document")
    return Rejected("bad_address", f"{said}: this is no document that can be read")


def _reasons(fields: Fields) -> frozenset[str]:
    """The words for why, in the newer form and in Drive's."""
    error = fields_in(fields, "error")
    parts = [*list_in(error, "details"), *list_in(error, "errors")]
    return frozenset(text_in(part, "reason") for part in parts)


def _wait(answer: Answer) -> float | None:
    """Seconds to wait by RetryInfo, or else by Retry-After."""
    for detail in list_in(fields_in(answer.fields, "error"), "details"):
        if text_in(detail, "@type").endswith("google.rpc.RetryInfo"):
            delay = _SECONDS.fullmatch(text_in(detail, "retryDelay"))
            if delay is not None:
                return min(float(delay[1]), LONGEST)
    return answer.wait()
