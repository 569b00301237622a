"""Digests of what templates compose: `python -m tests.content.content_generator.digests` adds those of new versions."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from content.content_generator.composition import compose
from content.content_generator.demonstration import DEMONSTRATION
from domain.content_generator.composed import pinned
from domain.content_generator.kinds import Channel, TemplateName
from tests.content.content_generator.markdown_documents import DOCUMENTS

FILE = Path(__file__).with_name("digests.json")
ALL = {"demonstration": DEMONSTRATION, **DOCUMENTS}


def recorded() -> dict[str, str]:
    """The digests by document and template, as `weekly_tips modern@1`."""
    found: dict[str, str] = json.loads(FILE.read_text())
    return found


def digest(entry: str) -> str:
    """The digest of what is composed now."""
    name, template = entry.split(" ")
    stored = compose(ALL[name], frozenset(Channel), template).model_dump_json()
    return hashlib.sha256(stored.encode()).hexdigest()


if __name__ == "__main__":
    entries = [f"{name} {pinned(template)}" for name in ALL for template in TemplateName]
    kept = recorded() if FILE.exists() else {}
    digests = {entry: digest(entry) for entry in entries} | kept
    FILE.write_text(json.dumps(dict(sorted(digests.items())), indent=1) + "\n")
