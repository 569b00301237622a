"""Content as composed from a document or a live session, as plain data that events and read models hold."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from domain.calls.social_post import Network
from domain.content_generator.kinds import Channel, TemplateName
from domain.messages import Instant

LARGEST_HTML = 400_000
LARGEST_COMPOSED = 700_000
"""Bytes in UTF-8: of one HTML text, and of all that is composed, as JSON. A record with both fits into the log."""


NETWORKS: Mapping[Channel, Network] = {
    Channel.TWITTER: Network.TWITTER,
    Channel.LINKEDIN: Network.LINKEDIN,
    Channel.FACEBOOK: Network.FACEBOOK,
}


class Category(StrEnum):
    """The categories of a document's sections, in the order in which equally good matches win."""

    BREATHSCAPE = "breathscape"
    HARDWARE = "hardware"
    TIPS = "tips"
    COMPANY_VISION = "company_vision"


class Strategy(StrEnum):
    """What an item of a document is: what stands below a heading, an entry of a labelled list, or a paragraph."""

    MARKDOWN = "markdown"
    STRUCTURED = "structured"
    FREEFORM = "freeform"


TEMPLATE_VERSION: Mapping[TemplateName, int] = {
    TemplateName.MODERN: 1,
    TemplateName.MINIMAL: 1,
    TemplateName.PLAIN: 1,
}
"""The version for new content. One that was used stays: a pinned `modern@1` renders as it did."""


def pinned(template: TemplateName) -> str:
    """The template with its version for new content, as `modern@1`."""
    return f"{template}@{TEMPLATE_VERSION[template]}"


class TooLarge(Exception):
    """A part of the content has too many bytes. `part` is `email.html`, `web.html`, `newsletter.html`, `composed`,
    or `html` for what a caller gave.
    """

    def __init__(self, part: str, size: int, limit: int) -> None:
        super().__init__(f"{part} has {size:,} bytes, and at most {limit:,} can be kept")
        self.part = part
        self.size = size
        self.limit = limit


class _Composed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Item(_Composed):
    """An item of a document, its content as plain text."""

    title: str
    content: str
    tags: tuple[str, ...] = ()
    date: Instant


class CategorizedItems(_Composed):
    """The items of a document by category, in the order of the document."""

    breathscape: tuple[Item, ...] = ()
    hardware: tuple[Item, ...] = ()
    tips: tuple[Item, ...] = ()
    company_vision: tuple[Item, ...] = ()


class CompositionOptions(_Composed):
    """What a caller may choose. `custom_data` fills the document's `{{key}}` placeholders."""

    custom_data: dict[str, JsonValue] = Field(default_factory=dict)
    seo_optimize: bool = True


class ComposedMail(_Composed):
    subject: str
    html: str
    text: str


class SeoMetadata(_Composed):
    meta_description: str
    keywords: tuple[str, ...]
    og_title: str
    og_image: str | None = None

    def public(self) -> dict[str, JsonValue]:
        """The metadata as callers see it: no `og_image` where there is no picture."""
        return self.model_dump(mode="json", exclude_none=True)


class ComposedPage(_Composed):
    """A page. `seo_metadata` is None where none was wanted, which callers see as an empty object."""

    title: str
    html: str
    tags: tuple[str, ...]
    seo_metadata: SeoMetadata | None = None

    def public(self) -> dict[str, JsonValue]:
        """The page as callers see it."""
        seo = {} if self.seo_metadata is None else self.seo_metadata.public()
        return {"title": self.title, "html": self.html, "tags": list(self.tags), "seo_metadata": seo}


def with_hashtags(content: str, hashtags: tuple[str, ...]) -> str:
    """The text of a post: its content, and the hashtags last."""
    return "\n\n".join(part for part in (content, " ".join(hashtags)) if part)


class ComposedPost(_Composed):
    """A post. `text` is what is published, within the network's limit."""

    platform: Network
    content: str
    hashtags: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return with_hashtags(self.content, self.hashtags)


class Composed(_Composed):
    """What was composed for the channels asked for. `unfit` names the parts whose text by the language model was
    replaced: `email.subject`, `web.meta_description`, `social.<network>`.
    """

    template: str
    email: ComposedMail | None = None
    web: ComposedPage | None = None
    social: tuple[ComposedPost, ...] = ()
    unfit: tuple[str, ...] = ()

    def post(self, network: Network) -> ComposedPost | None:
        """The post for that network."""
        return next((post for post in self.social if post.platform is network), None)

    def public(self) -> dict[str, JsonValue]:
        """The content as `generate` answers it: a channel that was not asked for is left out."""
        parts: dict[str, JsonValue] = {}
        if self.email is not None:
            parts["email"] = self.email.model_dump(mode="json")
        if self.web is not None:
            parts["web"] = self.web.public()
        if self.social:
            parts["social"] = [post.model_dump(mode="json") for post in self.social]
        return parts


class SessionFacts(_Composed):
    """A breathing session as its summary describes it. `session_duration` is in seconds."""

    title: str
    content: str
    session_id: str
    session_duration: int
    participant_count: int
    breathing_techniques: tuple[str, ...] = ()
    average_hrv_improvement: float | None = None
    key_achievements: tuple[str, ...] = ()
    session_type: str = "live"
    instructor_name: str | None = None
    session_date: Instant | None = None


class WebUpdate(_Composed):
    title: str
    content: str
    slug: str
    seo_description: str


class ComposedSummary(_Composed):
    """The summary of a session for the channels asked for."""

    template: str
    newsletter: ComposedMail | None = None
    web_update: WebUpdate | None = None
    social_posts: tuple[ComposedPost, ...] = ()

    def public(self) -> dict[str, JsonValue]:
        """The summary as callers see it: a channel that was not asked for is left out."""
        parts: dict[str, JsonValue] = {}
        if self.newsletter is not None:
            parts["newsletter"] = self.newsletter.model_dump(mode="json")
        if self.web_update is not None:
            parts["web_update"] = self.web_update.model_dump(mode="json")
        if self.social_posts:
            parts["social_posts"] = {
                post.platform.value: post.model_dump(mode="json", exclude={"platform"}) for post in self.social_posts
            }
        return parts
