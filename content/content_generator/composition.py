"""The composition of a document's content: e-mail, page and posts, for the channels asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from pydantic import BaseModel

from content.content_generator.model_text import with_model_texts
from content.content_generator.placeholders import filled
from content.content_generator.posts import post_of
from content.content_generator.rendering import UnknownTemplate, mail_html, mail_text, page_html, version_of
from content.content_generator.search_metadata import search_metadata
from content.content_generator.sections import Outline, outline_of
from domain.calls.document import Document
from domain.content_generator.composed import (
    LARGEST_COMPOSED,
    NETWORKS,
    Composed,
    ComposedMail,
    ComposedPage,
    CompositionOptions,
    TooLarge,
)
from domain.content_generator.kinds import Channel


def compose(
    document: Document,
    channels: Collection[Channel],
    template: str,
    options: CompositionOptions | None = None,
    model_texts: Mapping[str, str] | None = None,
) -> Composed:
    """The content of a document by a template as `modern@1`, with a model's texts by part where they are fit.

    Raises UnknownTemplate, TooLarge.
    """
    rules = _VERSIONS.get(version_of(template))
    if rules is None:
        raise UnknownTemplate(template)
    chosen = options or CompositionOptions()
    complete = filled(document, chosen.custom_data)
    composed = rules(outline_of(complete), frozenset(channels), template, chosen)
    if model_texts is not None:
        composed = with_model_texts(composed, complete, model_texts)
    return bounded(composed)


def _first(outline: Outline, channels: frozenset[Channel], template: str, options: CompositionOptions) -> Composed:
    return Composed(
        template=template,
        email=_mail(outline, template) if Channel.EMAIL in channels else None,
        web=_page(outline, template, options.seo_optimize) if Channel.WEBSITE in channels else None,
        social=tuple(post_of(outline, network) for channel, network in NETWORKS.items() if channel in channels),
    )


def _mail(outline: Outline, template: str) -> ComposedMail:
    return ComposedMail(subject=outline.title, html=mail_html(outline, template), text=mail_text(outline))


def _page(outline: Outline, template: str, seo_optimize: bool) -> ComposedPage:
    metadata = search_metadata(outline) if seo_optimize else None
    html = page_html(outline, template)
    return ComposedPage(title=outline.title, html=html, tags=outline.tags, seo_metadata=metadata)


_VERSIONS: Mapping[int, Callable[[Outline, frozenset[Channel], str, CompositionOptions], Composed]] = {1: _first}


Content = TypeVar("Content", bound=BaseModel)


def bounded(composed: Content) -> Content:
    """What was composed, unless it is larger than a record may hold; raises TooLarge."""
    size = len(composed.model_dump_json().encode())
    if size > LARGEST_COMPOSED:
        raise TooLarge("composed", size, LARGEST_COMPOSED)
    return composed
