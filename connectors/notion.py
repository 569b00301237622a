"""Notion's pages as documents: the page for its title, and its blocks page by page and level by level."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import quote

from connectors.document_draft import TOO_LARGE, DocumentDraft, DocumentTooLarge, accepted, moment_of
from connectors.document_http import SECONDS, Answer, Failed, JsonClient
from connectors.notion_blocks import TOP, Place, is_in_trash, read_block, title_of
from connectors.provider_json import Fields, list_in, text_in
from domain.calls.document import FetchDocument
from streams.core.calls import Deferred, Rejected, Verdict

NOTION_URL = "https://api.notion.com"
NOTION_VERSION = "2026-03-11"

DEEPEST = 10
"""Levels of blocks inside each other."""

MOST_REQUESTS = 200
"""Requests of a fetch. Notion admits about three a second, and each list of blocks costs one."""

LONGEST_PAUSE = 5.0
MOST_PAUSES = 20
"""Pauses within a fetch, and their seconds, when Notion asks for fewer requests: a fetch put off starts anew."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")
_NOT_FOUND = Rejected("not_found", "there is no such page, or it is not shared with the integration")


class Notion:
    """The connector to Notion. A document's version is the hash of its content: Notion's times have only minutes.

    `timeout_seconds` bounds each step of a request.
    """

    provider = "notion"
    idempotent = True

    def __init__(self, token: str, base_url: str = NOTION_URL, timeout_seconds: float = 15.0) -> None:
        headers = {"Authorization": f"Bearer {token}", "Notion-Version": NOTION_VERSION}
        self._client = JsonClient(base_url, timeout_seconds, headers)

    async def __call__(self, effect: FetchDocument, key: str) -> Verdict:
        if _ID.fullmatch(effect.document_id) is None:
            return Rejected("bad_address", "the id of a Notion page has letters, digits, - and _ only")
        try:
            async with asyncio.timeout(SECONDS):
                return accepted(await _Fetch(self._client).page(effect.document_id))
        except Failed as failure:
            return failure.verdict
        except DocumentTooLarge:
            return TOO_LARGE
        except TimeoutError:
            return Deferred("timeout", f"Notion did not answer within {SECONDS:g} seconds")

    async def close(self) -> None:
        await self._client.close()


class _Fetch:
    def __init__(self, client: JsonClient) -> None:
        self._client = client
        self._draft = DocumentDraft()
        self._requests = 0
        self._pauses = 0

    async def page(self, page_id: str) -> DocumentDraft:
        page = await self._get(f"/v1/pages/{quote(page_id, safe='')}", {})
        if is_in_trash(page):
            raise Failed(_NOT_FOUND)
        self._draft.title = title_of(page)
        self._draft.modified_at = moment_of(text_in(page, "last_edited_time"))
        await self._children(page_id, TOP, 1)
        return self._draft

    async def _children(self, block_id: str, place: Place, depth: int) -> None:
        if depth > DEEPEST:
            raise DocumentTooLarge
        path = f"/v1/blocks/{quote(block_id, safe='')}/children"
        cursor = ""
        while True:
            page = await self._get(path, {"page_size": "100"} | ({"start_cursor": cursor} if cursor else {}))
            for block in list_in(page, "results"):
                await self._block(block, place, depth)
            following = text_in(page, "next_cursor")
            if page.get("has_more") is not True or following in {"", cursor}:
                return
            cursor = following

    async def _block(self, block: Fields, place: Place, depth: int) -> None:
        if is_in_trash(block):
            return
        below = read_block(self._draft, block, place)
        if below is not None and block.get("has_children") is True and (block_id := text_in(block, "id")):
            await self._children(block_id, below, depth + 1)

    async def _get(self, path: str, params: dict[str, str]) -> Fields:
        self._requests += 1
        if self._requests > MOST_REQUESTS:
            raise DocumentTooLarge
        answer = await self._client.get(path, params)
        while (pause := self._pause(answer)) is not None:
            self._pauses += 1
            await asyncio.sleep(pause)
            answer = await self._client.get(path, params)
        if answer.is_success and answer.fields:
            return answer.fields
        raise Failed(_refused(answer))

    def _pause(self, answer: Answer) -> float | None:
        pause = answer.wait() if answer.status == 429 and self._pauses < MOST_PAUSES else None
        return None if pause is None or pause > LONGEST_PAUSE else pause


def _refused(answer: Answer) -> Verdict:
    status = answer.status
    said = f"Notion answered {status}"
    if answer.is_passing or answer.is_success:
        return Deferred(f"http_{status}", said, answer.wait())
    match status:
        case 401:
            return Rejected("credentials", f"{said}: the token is refused")
        case 403:
            return Rejected("forbidden", f"{said}: the integration may not read this page")
        case 404 | 410:
            return _NOT_FOUND
    return Rejected("bad_address", f"{said}: this is no id of a page")
