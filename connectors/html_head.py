"""What an HTML page says about itself: its title and its last change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from connectors.document_draft import moment_of

_TITLES = ("og:title", "twitter:title", "dc.title")
_CHANGES = ("article:modified_time", "og:updated_time", "datemodified", "last-modified", "dcterms.modified")
_PUBLICATIONS = ("article:published_time", "datepublished", "date", "dcterms.created", "pubdate")


class PageHead:
    """What the page says about itself: the title, and the first value of each name."""

    def __init__(self) -> None:
        self._title = ""
        self._named: dict[str, str] = {}

    @property
    def title(self) -> str:
        return self.first(_TITLES) or self._title

    def first(self, names: tuple[str, ...]) -> str:
        return next((self._named[name] for name in names if self._named.get(name)), "")

    @property
    def modified_at(self) -> datetime | None:
        return moment_of(self.first(_CHANGES)) or moment_of(self.first(_PUBLICATIONS))

    def titled(self, text: str) -> None:
        self._title = self._title or text.strip()

    def described(self, attributes: Mapping[str, str]) -> None:
        for kind in ("property", "name", "itemprop", "http-equiv"):
            if (name := attributes.get(kind, "").lower()) and attributes.get("content", "").strip():
                self._named.setdefault(name, attributes["content"])

    def dated(self, attributes: Mapping[str, str]) -> None:
        if (name := attributes.get("itemprop", "").lower()) and attributes.get("datetime"):
            self._named.setdefault(name, attributes["datetime"])
