"""What search engines and previews of links show of a page."""

from __future__ import annotations

from content.content_generator.plain_text import is_picture, links_of
from content.content_generator.sections import Outline
from domain.content_generator.composed import SeoMetadata
from domain.social.text import shortened

LONGEST_DESCRIPTION = 160
MOST_KEYWORDS = 10


def search_metadata(outline: Outline) -> SeoMetadata:
    """The metadata of a document's page. Its picture is the first that the document links to."""
    links = (link for section in outline.sections for block in section.blocks for link in links_of(block))
    return SeoMetadata(
        meta_description=shortened(outline.lead_line, LONGEST_DESCRIPTION) or outline.title,
        keywords=outline.tags[:MOST_KEYWORDS],
        og_title=outline.title,
        og_image=next(filter(is_picture, links), None),
    )
