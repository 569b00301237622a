"""Web pages as documents: HTML, Markdown and plain text at any public address."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime

from connectors.document_draft import TOO_LARGE, DocumentDraft, DocumentTooLarge, accepted, moment_of
from connectors.html_blocks import read_html
from connectors.markdown_blocks import is_markdown, read_markdown, read_plain
from connectors.outward_fetch import Fetched, FetchLimits, Unavailable, Unfetchable, fetch
from connectors.outward_http import OutwardClient
from connectors.retry_after import retry_after
from documents.html.charset import decoded
from domain.calls.document import FetchDocument
from streams.core.calls import Deferred, Rejected, Verdict

MOST_BYTES = 2 * 1024 * 1024
SECONDS = 10.0

HTML = frozenset({"text/html", "application/xhtml+xml"})
MARKDOWN = frozenset({"text/markdown", "text/x-markdown"})
PLAIN = frozenset({"text/plain"})
MARKDOWN_NAMES = (".md", ".markdown")


class WebPages:
    """The connector to web pages; a document's id is its address. `tls` replaces the default certificates.

    Only public addresses are called, unless `allow_private`. What it says of a failure tells nothing of a network.
    """

    provider = "web"
    idempotent = True

    def __init__(
        self, allow_private: bool = False, seconds: float = SECONDS, tls: ssl.SSLContext | None = None
    ) -> None:
        self._client = OutwardClient(allow_private, seconds, tls)
        self._limits = FetchLimits(MOST_BYTES, seconds, HTML | MARKDOWN | PLAIN)

    async def __call__(self, effect: FetchDocument, key: str) -> Verdict:
        try:
            fetched = await fetch(self._client, effect.document_id, self._limits)
            draft = await asyncio.to_thread(read, fetched)
        except Unfetchable as refusal:
            return Rejected(refusal.code, refusal.reason)
        except Unavailable as failure:
            return Deferred(failure.code, failure.reason, retry_after(failure.headers, datetime.now(UTC)))
        except DocumentTooLarge:
            return TOO_LARGE
        return accepted(draft)

    async def close(self) -> None:
        await self._client.close()


def read(fetched: Fetched) -> DocumentDraft:
    """The document of what was fetched; raises DocumentTooLarge."""
    draft = _read(fetched, str(fetched.url))
    draft.modified_at = draft.modified_at or moment_of(fetched.headers.get("last-modified", ""))
    return draft


def _read(fetched: Fetched, base: str) -> DocumentDraft:
    is_html = fetched.media_type in HTML
    text = decoded(fetched.body, fetched.headers.get("content-type", ""), html=is_html)
    if is_html:
        return read_html(text, base)
    by_name = fetched.url.path.lower().endswith(MARKDOWN_NAMES)
    if fetched.media_type in MARKDOWN or by_name or is_markdown(text):
        return read_markdown(text, base)
    return read_plain(text)
