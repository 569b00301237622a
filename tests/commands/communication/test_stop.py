"""A STOP, told to every partition, and whoever is found there."""

from __future__ import annotations

import pytest

from commands.communication.effects import FindOwners, FindSenders
from commands.communication.stop import HearStop, RecordSenders
from domain.communication.consent import OptedOut, OptOutSource
from domain.communication.kinds import ALL_TYPES, Channel
from domain.communication.stop import SendersFound, StopHeard
from domain.messages import Attempt, Result
from streams.core.calls import Accepted, Deferred
from streams.core.partitions import key_in_each, partition_of
from tests.commands.communication.people import ADA, DAY, HOUR, NOW, STORY
from tests.commands.communication.world import World

HEAR = HearStop(at=NOW, stop_id="SM1.0", mark="ab", told=(), partitions=4)
HEARD = StopHeard(at=NOW, stop_id="SM1.0", mark="ab", told=(), partitions=4, said_at=NOW)


def answered(result: Result, *user_ids: int) -> RecordSenders:
    output = {"user_ids": list(user_ids)} if result is Result.ACCEPTED else None
    return RecordSenders(at=NOW, stop_id="SM1.0", attempt=Attempt(result=result, number=1, output=output))


@pytest.mark.parametrize("partitions", [1, 4, 7])
def test_there_is_a_key_in_each_partition(partitions: int) -> None:
    keys = key_in_each("SM1", partitions)
    assert [partition_of(key, partitions) for key in keys] == list(range(partitions))
    assert keys == key_in_each("SM1", partitions)


def test_a_stop_is_heard_once() -> None:
    STORY.when(HEAR).then(HEARD).when(HEAR).then_nothing()


def test_nobody_found_is_no_event() -> None:
    STORY.given(HEARD).when(answered(Result.ACCEPTED)).then_nothing()


def test_a_search_that_was_given_up_begins_again_and_never_ends_without_an_answer() -> None:
    story = STORY.given(HEARD)
    for round_ in (2, 3):
        again = HEARD.model_copy(update={"round": round_})
        story = story.when(answered(Result.DEFERRED)).then_nothing().when(answered(Result.REJECTED)).then(again)
    story.when(answered(Result.ACCEPTED, ADA)).then(SendersFound(at=NOW, stop_id="SM1.0", user_ids=(ADA,), said_at=NOW))


def test_whoever_is_found_opts_out_of_all_texts_however_long_the_search_takes() -> None:
    world = World()
    world.agree()
    world.run()
    world.search = lambda _effect: Deferred("read_model_behind", "not yet", 60.0)
    for key in key_in_each("SM1", world.runtime.partitions):
        world.do(HearStop(at=NOW, stop_id=key, mark="ab", told=(9,), partitions=world.runtime.partitions))
    world.run(HOUR)
    assert not any(isinstance(fact, OptedOut) for fact in world.facts())
    world.sent.clear()
    here = partition_of(str(ADA), world.runtime.partitions)

    def found(effect: FindSenders | FindOwners) -> Accepted:
        return Accepted("found", {"user_ids": [ADA] if effect.partition == here else []})

    world.search = found
    world.run(DAY)
    searches = [effect for effect in world.sent if isinstance(effect, FindSenders)]
    assert sorted((search.partition, search.mark, search.told) for search in searches) == [
        (partition, "ab", (9,)) for partition in range(world.runtime.partitions)
    ]
    (opted_out,) = [fact for fact in world.facts() if isinstance(fact, OptedOut)]
    assert (opted_out.user_id, opted_out.channel, opted_out.message_types) == (ADA, Channel.SMS, ALL_TYPES)
    assert opted_out.source is OptOutSource.KEYWORD
