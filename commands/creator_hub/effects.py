"""The effects of this context: outside calls that name what they are about.

Performers load objects, credentials and read models; they check again what may have changed since.
"""

from __future__ import annotations

from datetime import date

from domain.creator_hub.channel import Template
from domain.creator_hub.export import ExportFormat, Metric
from domain.creator_hub.kinds import ChannelType
from domain.creator_hub.knowledge_base import Chunking
from domain.creator_hub.reply import ReplyCause
from domain.messages import Effect, Instant, Personal


class ExtractText(Effect, name="creator_hub.extract_text.v1", subject="document_id"):
    """Extract a document's text and plan its chunks. The output is a `Plan`.

    Rejections: the codes of extraction (`encrypted`, `no_text`, `too_long`, …), each with a sentence.
    """

    creator_id: str
    document_id: str
    object_id: str
    file_type: str
    chunking: Chunking


class EmbedChunks(Effect, name="creator_hub.embed_chunks.v1", subject="document_id"):
    """Embed the next chunks of a plan, from `first` on. The output holds `model`, `tokens` and `chunks`."""

    creator_id: str
    document_id: str
    text_object: str
    plan_object: str
    first: int
    embedding_model: str


class AnswerMember(Effect, name="creator_hub.answer_member.v1", subject="user_id"):
    """Retrieve, compose and ask the language model.

    The output holds `text`, `citations`, `prompt_version`, `model` and `usage`. Rejections: `nothing_found`, where only
    what is known may be said, and `no_model`.
    """

    creator_id: str
    user_id: str
    channel_id: str
    reply_id: str
    cause: ReplyCause
    text: Personal[str]
    knowledge_base_ids: tuple[str, ...]
    cite_sources: bool
    only_knowledge: bool


class SendToMember(Effect, name="creator_hub.send_to_member.v1", subject="user_id"):
    """Send one part of a message on its channel, if that is active still; else it is put off: `channel_inactive`.

    `part` counts from 1: the performer cuts the text. A rejection for `credentials` names in its output the `vault`
    whose they are.
    """

    creator_id: str
    user_id: str
    channel_id: str
    channel_type: ChannelType
    message_id: str
    part: int
    to: Personal[str]
    text: Personal[str]
    template: Template | None


class SetWebhook(Effect, name="creator_hub.set_webhook.v1"):
    """Tell the channel's provider where to call. `vault` names the credentials. Idempotent."""

    creator_id: str
    channel_id: str
    channel_type: ChannelType
    vault: str


class FindInactive(Effect, name="creator_hub.find_inactive.v1"):
    """One page of the members that a rule may act on.

    The output holds `due` (`user_id`, `channel_id`, `spell`), `next`, the following page's cursor or None, and
    `next_due`, the earliest time at which another member becomes due, or None.
    """

    creator_id: str
    rule_id: str
    threshold_seconds: float
    applies_to: str
    since: Instant | None
    cursor: str | None
    as_of: Instant


class BuildExport(Effect, name="creator_hub.build_export.v1"):
    """Build the files of an export at one position. The output holds `files` and `position`."""

    creator_id: str
    requested_by: str
    export_id: str
    metrics: tuple[Metric, ...]
    first: date
    last: date
    export_format: ExportFormat


class MailExport(Effect, name="creator_hub.mail_export.v1", subject="requested_by"):
    """Mail the files of an export to the address that was given."""

    creator_id: str
    requested_by: str
    export_id: str
    email: Personal[str]
    files: tuple[tuple[str, str], ...]
    """The files' names and the ids of their objects."""


EFFECTS: tuple[type[Effect], ...] = (
    ExtractText,
    EmbedChunks,
    AnswerMember,
    SendToMember,
    SetWebhook,
    FindInactive,
    BuildExport,
    MailExport,
)
