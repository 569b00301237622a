"""The content of a summary's job: the same parts as a document's, so that both go the same way out."""

from __future__ import annotations

from domain.content_generator.composed import Composed, ComposedPage, ComposedSummary, SeoMetadata, WebUpdate


def as_composed(summary: ComposedSummary) -> Composed:
    """The summary as content for channels."""
    return Composed(
        template=summary.template,
        email=summary.newsletter,
        web=None if summary.web_update is None else _page(summary.web_update),
        social=summary.social_posts,
    )


def _page(update: WebUpdate) -> ComposedPage:
    metadata = SeoMetadata(meta_description=update.seo_description, keywords=(), og_title=update.title)
    return ComposedPage(title=update.title, html=update.content, tags=(), seo_metadata=metadata)
