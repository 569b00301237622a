"""What must hold after any history of jobs: of people, providers, time and the order of everything."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import islice
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commands.content_generator.effects import Publish, PublishPost, SendBatch
from domain.content_generator.campaign import CampaignSent, RecipientAddressed
from domain.content_generator.kinds import Channel, campaign_id, content_id, post_id
from domain.content_generator.sync_job import (
    ChannelConfirmed,
    ChannelDelivered,
    ChannelFailed,
    ChannelPhase,
    ChannelUnconfirmed,
    SyncJobCompleted,
    SyncJobFailed,
    SyncJobPartiallyCompleted,
    SyncJobRequested,
    SyncJobRetried,
)
from domain.messages import Event
from tests.commands.content_generator.campaigns import COUNT, newsletter
from tests.commands.content_generator.world import World

Act = Callable[[World], None]
ROOTS = ("a" * 32, "b" * 32)
ROOT = st.sampled_from(ROOTS)
CHANNELS = st.lists(st.sampled_from(list(Channel)), min_size=1, max_size=4, unique=True).map(tuple)
WAITS = st.sampled_from([0, 0, 0, 5])


def drawn(seed: int) -> Iterator[int]:
    """Numbers without end: lists of numbers would be too short for histories in which much goes wrong."""
    chance = Random(seed)
    return iter(lambda: chance.randrange(60), None)


def steps(count: int, seed: int) -> Act:
    def act(world: World) -> None:
        for number in islice(drawn(seed), count):
            world.step(number)

    return act


SEEDS = st.integers(0, 10**6)
STEPS = st.builds(steps, st.integers(1, 60), SEEDS)
ACTS = st.one_of(
    st.builds(lambda root, channels, wait: lambda w: w.request(root, channels, wait), ROOT, CHANNELS, WAITS),
    *[STEPS] * 5,
    *[st.builds(lambda root, word: lambda w: w.retry(root, word), ROOT, st.booleans())] * 2,
    st.builds(lambda root, word: lambda w: w.retry_campaign(root, word), ROOT, st.booleans()),
    st.builds(lambda root: lambda w: w.resolve(root), ROOT),
    st.builds(lambda root: lambda w: w.cancel(root), ROOT),
    st.builds(lambda number: lambda w: w.echo(number), st.integers(0, 50)),
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A world with jobs, in which much has happened and nothing is left to happen."""
    world = World()
    world.providers.draws = drawn(draw(SEEDS))
    for root in ROOTS[: draw(st.integers(1, 2))]:
        world.request(root, draw(CHANNELS), draw(WAITS))
    for act in draw(st.lists(ACTS, min_size=5, max_size=30)):
        act(world)
    world.rest()
    return world


QUICKLY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
ANSWERS = (ChannelDelivered, ChannelFailed, ChannelUnconfirmed)
ENDS = (SyncJobCompleted, SyncJobPartiallyCompleted, SyncJobFailed)


@QUICKLY
@given(worlds())
def test_no_post_is_made_twice_and_nobody_is_mailed_twice(world: World) -> None:
    assert set(world.providers.posts.values()) <= {0, 1}
    assert set(world.providers.mails.values()) <= {0, 1}


@QUICKLY
@given(worlds())
def test_what_was_delivered_is_not_sent_again(world: World) -> None:
    facts = world.facts()
    for number, effect in world.calls:
        before = [fact for fact in facts[:number] if isinstance(fact, ChannelDelivered | ChannelConfirmed)]
        assert not any(calls_for(fact, effect) for fact in before), effect


def calls_for(fact: ChannelDelivered | ChannelConfirmed, effect: object) -> bool:
    """Whether the call delivers the channel."""
    match effect:
        case PublishPost():
            network = fact.channel.network
            return network is not None and effect.post_id == post_id(fact.root, network)
        case Publish():
            return fact.channel is Channel.WEBSITE and effect.content_id == content_id(fact.root)
        case SendBatch():
            return fact.channel is Channel.EMAIL and effect.campaign_id == campaign_id(fact.root)
        case _:
            return False


@QUICKLY
@given(worlds())
def test_a_run_ends_once_with_the_answer_of_its_last_channel(world: World) -> None:
    runs: dict[tuple[str, int], set[Channel]] = {}
    answered: defaultdict[tuple[str, int], set[Channel]] = defaultdict(set)
    ended = Counter[tuple[str, int]]()
    for fact in world.facts():
        if isinstance(fact, SyncJobRequested | SyncJobRetried):
            assert all(ended[run] for run in runs if run[0] == fact.root), "two runs of a job are under way"
            runs[fact.root, fact.run] = set(fact.channels)
        elif isinstance(fact, ANSWERS):
            answered[fact.root, fact.run].add(fact.channel)
        elif isinstance(fact, ENDS):
            run = fact.root, fact.run
            assert answered[run] == runs[run]
            assert fact.restated is bool(ended[run])
            ended[run] += 1
    assert ended.keys() == runs.keys(), "a run is left open"


@QUICKLY
@given(worlds())
def test_what_a_job_says_is_what_the_providers_have(world: World) -> None:
    for root in ROOTS:
        for channel, state in world.job(root).channels.items():
            there = delivered(world, root, channel)
            if state.phase is ChannelPhase.DELIVERED:
                assert there is not False
            if state.phase is ChannelPhase.FAILED:
                assert there is not True


def delivered(world: World, root: str, channel: Channel) -> bool | None:
    """Whether a channel was really delivered. None for e-mail that a part of the audience has."""
    if channel.network is not None:
        return world.providers.posts[post_id(root, channel.network)] > 0
    if channel is Channel.WEBSITE:
        return None if content_id(root) in world.providers.pages else False
    campaign = campaign_id(root)
    mailed = {mark for (id_, mark) in world.providers.mails if id_ == campaign}
    addressed = {f.mark for f in world.facts() if isinstance(f, RecipientAddressed) and f.campaign_id == campaign}
    sent = any(isinstance(fact, CampaignSent) and fact.campaign_id == campaign for fact in world.facts())
    return None if mailed == addressed or not sent else False


@QUICKLY
@given(worlds())
def test_every_end_tells_the_results_of_its_channels(world: World) -> None:
    state: dict[tuple[str, int, Channel], str] = {}
    for fact in world.facts():
        if isinstance(fact, ChannelDelivered | ChannelConfirmed | ChannelFailed | ChannelUnconfirmed):
            state[fact.root, fact.run, fact.channel] = fact.result.status
        elif isinstance(fact, ENDS):
            shown = {channel: result.status for channel, result in fact.results.items()}
            assert shown == {channel: state[fact.root, fact.run, channel] for channel in fact.channels}
            lost = {channel for channel, word in shown.items() if word in ("failed", "unconfirmed")}
            assert lost == {error.channel for error in fact.errors}
            assert kind_of(len(lost), len(shown)) is type(fact)


def kind_of(lost: int, every: int) -> type[Event]:
    if lost == 0:
        return SyncJobCompleted
    return SyncJobFailed if lost == every else SyncJobPartiallyCompleted


@QUICKLY
@given(
    SEEDS,
    st.lists(st.one_of(STEPS, st.builds(lambda n: lambda w: w.echo(n), st.integers(0, 50))), max_size=15),
    st.lists(st.booleans(), max_size=3),
)
def test_a_newsletter_mails_each_recipient_at_most_once_and_all_of_them_at_last(
    answers: int, acts: list[Act], words: list[bool]
) -> None:
    world = World()
    world.providers.draws = drawn(answers)
    world.do(newsletter(due_at=None))
    root = COUNT.campaign_id.removeprefix("email-job-")
    for act in acts:
        act(world)
    for word in (*words, True):
        world.rest()
        world.retry_campaign(root, word)
    world.rest()
    assert any(isinstance(fact, CampaignSent) for fact in world.facts())
    assert dict(world.providers.mails) == {(COUNT.campaign_id, name): 1 for name in world.providers.people}
