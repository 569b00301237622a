"""What a webhook calls each event of an entry."""

from __future__ import annotations

from collections.abc import Mapping

from domain.guestbook.entry import AuthorThanked, EntrySigned

TYPES: Mapping[str, str] = {EntrySigned.name: "entry.signed", AuthorThanked.name: "entry.thanked"}
