"""One row per campaign and link that was clicked, with the number of clicks."""

from __future__ import annotations

from collections.abc import Iterator

from domain.content_generator.events import ContentGeneratorEvent
from domain.content_generator.recipient import RecipientLinkClicked
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, add

LONGEST_BYTES = 2000
"""The bytes of a URL that are kept. An entry of an index of PostgreSQL holds 2,700: a longer one halts the table."""


def project(event: Recorded[ContentGeneratorEvent]) -> Iterator[Change]:
    match event.fact:
        case RecipientLinkClicked() as clicked if clicked.url:
            yield add(clicked.campaign_id, kept(clicked.url), clicks=1)


def kept(url: str) -> str:
    """The URL as far as it is kept."""
    return url.encode()[:LONGEST_BYTES].decode(errors="ignore")


LINKS = ReadModel(
    "content_generator_links",
    version=1,
    key=("campaign_id", "url"),
    project=project,
    ddl="""
    create table {table} (
        campaign_id     text not null,
        url             text not null,
        clicks          bigint not null default 0,
        primary key (campaign_id, url)
    );
    create index on {table} (campaign_id, clicks desc);
""",
)
