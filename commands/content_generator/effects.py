"""The effects of this context: outside calls that name what they are about, and do not carry it.

Their performers read pinned content from the read models, render it, and leave out who is suppressed or erased now.
Keys of repeats belong to the thing, not to the task: a manual retry and a restored backup send the same.
"""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

from domain.calls.social_post import Network
from domain.content_generator.kinds import Channel, Options, TemplateName
from domain.messages import Effect, Instant


class ComposeContent(Effect, name="content_generator.compose_content.v1"):
    """Compose content from a version of a document, a summary, else the built-in document. The output is `Composed`.

    `owner` is the category of the stream that asks, `id` its key. Rejections: `too_large`, `no_text`.
    """

    owner: Literal["sync_job", "generation"]
    id: str
    document: str | None
    summary: str | None = None
    version: int
    channels: tuple[Channel, ...]
    template: TemplateName
    options: Options
    custom_data: dict[str, JsonValue]


class CountAudience(Effect, name="content_generator.count_audience.v1"):
    """Count the recipients of a filter. The output holds `recipients`."""

    campaign_id: str
    segment: str | None
    tags: tuple[str, ...]


class ResolveAudience(Effect, name="content_generator.resolve_audience.v1"):
    """One page of an audience from `cursor` on.

    The output holds `recipients` (`mark`, `address`, `name`) and `next`, the following page's cursor or None.
    """

    campaign_id: str
    segment: str | None
    tags: tuple[str, ...]
    cursor: str | None
    test_mode: bool


class SendBatch(Effect, name="content_generator.send_batch.v1"):
    """Send one batch of a campaign. The output holds `accepted` and `suppressed`, numbers of recipients.

    The recipients' rows must cover `position`, a sequence of `partition`; until then the call is put off. A row of
    another `round` is of a reading that was given up: whom it names may be in the audience no more.
    """

    campaign_id: str
    root: str | None
    batch: int
    partition: int
    position: int
    test_mode: bool
    round: int = 1


class ReadReports(Effect, name="content_generator.read_reports.v1"):
    """The CRM's reports on a campaign after `cursor`. The output holds `reports`, `next` and `more`."""

    campaign_id: str
    cursor: str | None


class Publish(Effect, name="content_generator.publish.v1"):
    """Publish a page. The output holds `url`, `version` and `published_at`."""

    content_id: str
    root: str | None
    test_mode: bool


class ReadMetrics(Effect, name="content_generator.read_metrics.v1"):
    """The platform's figures of a page. The output holds them under the document's names."""

    content_id: str
    provider_id: str


class PublishPost(Effect, name="content_generator.publish_post.v1"):
    """Post to a network. The output holds `url`; of an unconfirmed call, whether it was `answered`."""

    post_id: str
    root: str
    network: Network
    test_mode: bool


class FindPost(Effect, name="content_generator.find_post.v1"):
    """Look for a post among the account's own since then. The output holds `found`, `provider_id` and `url`."""

    post_id: str
    root: str
    network: Network
    since: Instant
    test_mode: bool = False


EFFECTS: tuple[type[Effect], ...] = (
    ComposeContent,
    CountAudience,
    ResolveAudience,
    SendBatch,
    ReadReports,
    Publish,
    ReadMetrics,
    PublishPost,
    FindPost,
)
