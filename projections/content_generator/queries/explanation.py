"""The explanation of a job: why each channel went or did not, with its events, read from the journal alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

from psycopg import AsyncConnection

from domain.content_generator.campaign import (
    CampaignEvent,
    OfCampaign,
    RecipientAddressed,
    ReportsRead,
    ReportsRequested,
)
from domain.content_generator.events import EVENTS
from domain.content_generator.explanation import describe_campaign, describe_job, describe_page, describe_post
from domain.content_generator.kinds import Channel, campaign_id, content_id, post_id, run_of
from domain.content_generator.post import OfPost, PostEvent
from domain.content_generator.publication import MetricsObserved, MetricsRequested, OfPublication, PublicationEvent
from domain.content_generator.sync_job import (
    ChannelConfirmed,
    ChannelDelivered,
    ChannelFailed,
    ChannelUnconfirmed,
    OfJob,
    SyncJobEvent,
    SyncJobRequested,
    SyncJobRetried,
)
from domain.messages import Event
from projections.journal import JournalEvent, Link, Readable, link, read_stream
from streams.core.read_models import Row

READABLE = Readable("content_generator", {event.name: event for event in EVENTS})
WITHOUT = (RecipientAddressed, ReportsRequested, ReportsRead, MetricsRequested, MetricsObserved)
"""Events without meaning for what went out, of which there may be very many."""

ANSWERS = (ChannelDelivered, ChannelFailed, ChannelUnconfirmed, ChannelConfirmed)


class ExplainedEvent(NamedTuple):
    """One event, as a sentence."""

    sentence: str
    event: Link


class ChannelExplanation(NamedTuple):
    """A channel. `sentence` is its last answer in this run, `history` its process in all runs, the oldest first."""

    channel: Channel
    sentence: str
    history: list[ExplainedEvent]


class Explanation(NamedTuple):
    """The explanation of a run. `sentence` is about its last event; `history` are its own events, the oldest first."""

    sentence: str
    history: list[ExplainedEvent]
    channels: list[ChannelExplanation]


async def explanation_of(connection: AsyncConnection[Row], tenant: str, job_id: str) -> Explanation | None:
    """The explanation of the tenant's job; None if there is none."""
    run = run_of(job_id)
    if run is None:
        return None
    written = await read_stream(connection, READABLE, f"sync_job/{run.root}")
    mine = [one for one in written if isinstance(one.fact, OfJob) and one.fact.run == run.number]
    if not mine or cast(OfJob, mine[0].fact).tenant != tenant:
        return None
    history = [ExplainedEvent(describe_job(cast(SyncJobEvent, one.fact)), link(one)) for one in mine]
    channels = [await _channel(connection, run.root, channel, mine) for channel in _channels(mine)]
    return Explanation(history[-1].sentence, history, channels)


def _channels(written: Sequence[JournalEvent]) -> tuple[Channel, ...]:
    first = written[0].fact
    return first.channels if isinstance(first, SyncJobRequested | SyncJobRetried) else ()


async def _channel(
    connection: AsyncConnection[Row], root: str, channel: Channel, mine: Sequence[JournalEvent]
) -> ChannelExplanation:
    answers = [one.fact for one in mine if isinstance(one.fact, ANSWERS) and one.fact.channel is channel]
    sentence = describe_job(answers[-1]) if answers else "No answer yet."
    written = await read_stream(connection, READABLE, _stream(root, channel), without=WITHOUT)
    return ChannelExplanation(channel, sentence, list(_explained(written)))


def _stream(root: str, channel: Channel) -> str:
    network = channel.network
    if network is not None:
        return f"post/{post_id(root, network)}"
    return f"campaign/{campaign_id(root)}" if channel is Channel.EMAIL else f"publication/{content_id(root)}"


def _explained(written: Sequence[JournalEvent]) -> Iterator[ExplainedEvent]:
    for one in written:
        sentence = _sentence(one.fact)
        if sentence is not None:
            yield ExplainedEvent(sentence, link(one))


def _sentence(fact: Event) -> str | None:
    match fact:
        case OfCampaign():
            return describe_campaign(cast(CampaignEvent, fact))
        case OfPublication():
            return describe_page(cast(PublicationEvent, fact))
        case OfPost():
            return describe_post(cast(PostEvent, fact))
        case _:
            return None
