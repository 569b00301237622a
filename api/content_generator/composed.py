"""Answers with composed content, as `generate` and summaries show it."""

from __future__ import annotations

from pydantic import BaseModel, JsonValue

from domain.calls.social_post import Network


class MailAnswer(BaseModel):
    subject: str
    html: str
    text: str


class PageAnswer(BaseModel):
    """A page. `seo_metadata`: `meta_description`, `keywords`, `og_title`, and `og_image` where there is a picture."""

    title: str
    html: str
    tags: list[str]
    seo_metadata: dict[str, JsonValue]


class PostAnswer(BaseModel):
    platform: Network
    content: str
    hashtags: list[str]


class GeneratedAnswer(BaseModel):
    """The content by channel; one that was not asked for is left out."""

    email: MailAnswer | None = None
    web: PageAnswer | None = None
    social: list[PostAnswer] | None = None


class WebUpdateAnswer(BaseModel):
    title: str
    content: str
    slug: str
    seo_description: str


class PostTextAnswer(BaseModel):
    content: str
    hashtags: list[str]
