"""Members: what they write, what is answered, and what they want no more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from commands.creator_hub.channel import UnknownChannel
from commands.creator_hub.effects import AnswerMember
from commands.creator_hub.member import ChannelNotActive, ResolveEscalation, UnknownMember, UpdateProfile
from commands.creator_hub.program import UpdateProgram
from domain.creator_hub.account import DEFAULT_AI_INTERACTIONS
from domain.creator_hub.enrollment import Enrolled
from domain.creator_hub.kinds import ChannelType
from domain.creator_hub.member import (
    Escalated,
    EscalationResolved,
    MemberRegistered,
    MessageReceived,
    OptedIn,
    OptedOut,
    ProfileUpdated,
    ResolvedBy,
)
from domain.creator_hub.message import MessageQueued
from domain.creator_hub.reply import ReplyComposed, ReplyDiscarded, ReplyRequested, ReplySkipped
from domain.creator_hub.trigger import EngagementSucceeded
from streams.core.calls import Accepted, Deferred, Verdict
from streams.core.envelope import Status
from tests.commands.creator_hub.world import CREATOR, DAY, HOUR, NOW, World, id_of, refused, send

ADA = id_of(CREATOR, ChannelType.WEB, "ada")


@pytest.fixture
def world() -> World:
    one = World()
    one.channel(knowledge_base_ids=["base"], cite_sources=True)
    return one


def skipped(world: World) -> list[str]:
    return [str(one.reason) for one in world.facts(ReplySkipped)]


def patch(**parts: object) -> UpdateProfile:
    given = {"patch": None, "time_zone": None, "language": None} | parts
    return UpdateProfile.model_validate({"at": NOW, "creator_id": CREATOR, "user_id": ADA, **given})


def test_a_first_message_registers_the_member_and_is_answered(world: World) -> None:
    world.says("ada", "How much water?")
    assert (
        world.kinds()[3:]
        == [
            "member.registered",
            "member.message_received",
            "member.reply_requested",
            "allowance.spent",
            "member.reply_composed",
            "message.queued",
            "message.sent",
        ]
        or world.kinds()
    )
    assert [one.member_name for one in world.facts(MemberRegistered)] == ["Ada"]
    (asked,) = [call for call in world.calls if isinstance(call, AnswerMember)]
    assert (asked.text, asked.knowledge_base_ids, asked.cite_sources) == ("How much water?", ("base",), True)
    assert world.sent() == ["An answer."]


def test_a_message_that_comes_again_changes_nothing(world: World) -> None:
    world.says("ada", "hello")
    again = world.runtime.journal[-1]
    assert again is not None
    count = len(world.facts(MessageReceived))
    world.says("ada", "hello", number=2)
    assert len(world.facts(MessageReceived)) == count + 1
    assert len(world.facts(MemberRegistered)) == 1


def test_two_who_write_at_once_from_one_address_are_one_member(world: World) -> None:
    world.says("ada", "one")
    world.says("ada", "two", number=2)
    assert len({one.user_id for one in world.facts(MessageReceived)}) == 1
    assert [one.first_on_channel for one in world.facts(MessageReceived)] == [True, False]


def test_what_comes_while_a_reply_is_open_is_answered_together_by_the_next(world: World) -> None:
    answers: list[Verdict] = [Deferred("busy", "later", 60.0)]
    world.answers[AnswerMember] = lambda _effect: answers[0]
    world.says("ada", "one")
    world.says("ada", "two", number=2)
    world.says("ada", "three", number=3)
    assert len(world.facts(ReplyRequested)) == 1
    output = {"text": "Yes.", "citations": [], "prompt_version": "1", "model": "m", "usage": {}}
    answers[0] = Accepted("model", output)
    world.wait(timedelta(minutes=2))
    requests = world.facts(ReplyRequested)
    assert [one.text for one in requests] == ["one", "two\n\nthree"]
    assert requests[1].asked_at == NOW
    assert world.sent() == ["Yes.", "Yes."]


def test_without_a_model_nobody_is_answered_and_the_reason_is_recorded(world: World) -> None:
    world.model = False
    world.says("ada", "hello")
    assert skipped(world) == ["no_model"]
    assert world.sent() == []


def test_the_hours_allowance_holds_and_comes_back_with_the_next_hour(world: World) -> None:
    for number in range(DEFAULT_AI_INTERACTIONS + 1):
        world.says("ada", "again", number=number)
    assert skipped(world) == ["over_allowance"]
    world.wait(HOUR)
    world.says("ada", "again", number=1000)
    assert len(world.sent()) == DEFAULT_AI_INTERACTIONS + 1


def test_stop_is_heard_at_once_and_start_takes_it_back(world: World) -> None:
    world.says("ada", "Stop!")
    assert len(world.facts(OptedOut)) == 1
    assert skipped(world) == ["opted_out"]
    world.says("ada", "What about water?", number=2)
    assert world.sent() == ["An answer."]
    world.says("ada", "START", number=3)
    assert len(world.facts(OptedIn)) == 1


def test_a_stop_that_comes_while_the_model_thinks_discards_its_reply(world: World) -> None:
    answers: list[Verdict] = [Deferred("busy", "later", 60.0)]
    world.answers[AnswerMember] = lambda _effect: answers[0]
    world.says("ada", "one")
    world.says("ada", "STOP", number=2)
    output = {"text": "Yes.", "citations": [], "prompt_version": "1", "model": "m", "usage": {"cost_microcents": 5}}
    answers[0] = Accepted("model", output)
    world.wait(timedelta(minutes=2))
    assert world.sent() == []
    (discarded,) = world.facts(ReplyDiscarded)
    assert (discarded.reason, discarded.usage.cost_microcents) == ("opted_out", 5)


def test_words_for_a_person_pause_the_model_until_somebody_resolves_it(world: World) -> None:
    world.says("ada", "I want to talk to a human")
    assert len(world.facts(Escalated)) == 1
    world.says("ada", "Hello?", number=2)
    assert skipped(world) == ["escalated", "escalated"]
    world.do(ResolveEscalation(at=NOW, creator_id=CREATOR, user_id=ADA, number=None, by=ResolvedBy.REQUEST))
    world.says("ada", "Hello?", number=3)
    assert world.sent() == ["An answer."]


def test_an_escalation_ends_by_itself_after_a_day_and_not_a_later_one(world: World) -> None:
    world.says("ada", "a real person please")
    world.do(ResolveEscalation(at=NOW, creator_id=CREATOR, user_id=ADA, number=None, by=ResolvedBy.REQUEST))
    world.wait(HOUR)
    world.says("ada", "human!", number=2)
    world.wait(DAY - HOUR)
    assert len(world.facts(EscalationResolved)) == 1
    world.wait(HOUR)
    assert [one.by for one in world.facts(EscalationResolved)] == ["request", "time"]


def test_a_picture_and_a_thumb_are_no_questions_but_a_thumb_is_a_rating(world: World) -> None:
    world.says("ada", None)
    assert skipped(world) == ["not_text"]
    world.says("ada", "\N{THUMBS UP SIGN}", number=2)
    assert [one.rating for one in world.facts(MessageReceived)] == [None, 5]


def test_an_answer_that_fails_is_recorded_and_the_next_message_is_answered(world: World) -> None:
    world.answers[AnswerMember] = refused("too_long")
    world.says("ada", "one")
    assert skipped(world) == ["model_failed"]
    world.answers[AnswerMember] = World().answers[AnswerMember]
    world.says("ada", "two", number=2)
    assert len(world.facts(ReplyComposed)) == 1


def test_newcomers_are_enrolled_by_programs_that_say_so_and_others_are_not(world: World) -> None:
    world.says("bob", "before")
    program = world.program(send("one", "Welcome"), auto_enroll=True)
    world.says("bob", "after", number=2)
    world.says("ada", "hello")
    assert [one.user_id for one in world.facts(Enrolled)] == [ADA]
    off: dict[str, object] = {"program_name": None, "description": None, "flow_definition": None, "settings": {}}
    world.do(UpdateProgram.model_validate({"at": NOW, "creator_id": CREATOR, "program_id": program, **off}))
    world.says("eve", "hello")
    assert len(world.facts(Enrolled)) == 1


def test_profiles_merge_by_first_level_keys_and_null_removes(world: World) -> None:
    world.says("ada", "hello")
    world.do(patch(patch={"goals": ["run"], "name": "Ada L."}))
    world.do(patch(patch={"name": None, "preferences": {"a": 1}}, time_zone="Europe/Paris"))
    assert world.do(patch(language="en")).status is Status.UNCHANGED
    last = world.facts(ProfileUpdated)[-1]
    assert last.profile == {"goals": ["run"], "preferences": {"a": 1}}
    assert (last.time_zone, last.language) == ("Europe/Paris", "en")


def test_an_unknown_zone_an_unknown_member_and_an_unknown_channel_are_refused(world: World) -> None:
    unknown = world.do(patch(patch={}))
    assert unknown.problem is not None
    assert unknown.problem.type == UnknownMember.name
    world.says("ada", "hello")
    zone = world.do(patch(time_zone="Mars/Olympus"))
    assert zone.problem is not None
    assert zone.problem.sentence == "unknown time zone: Mars/Olympus"
    nowhere = world.says("ada", "hello", ChannelType.TELEGRAM).problem
    assert nowhere is not None
    assert nowhere.type == UnknownChannel.name


def test_an_unverified_channel_takes_nothing() -> None:
    from commands.creator_hub.channel import CreateChannel

    world = World()
    channel = id_of(CREATOR, ChannelType.WHATSAPP)
    world.do(
        CreateChannel(
            at=NOW,
            creator_id=CREATOR,
            channel_id=channel,
            channel_type=ChannelType.WHATSAPP,
            channel_name="w",
            configuration={},
            credentials=(),
            vault=None,
            ai_interactions=100,
        )
    )
    problem = world.says("ada", "hello", ChannelType.WHATSAPP).problem
    assert problem is not None
    assert problem.type == ChannelNotActive.name


def test_a_long_reply_goes_out_in_parts_each_after_the_one_before() -> None:
    world = World()
    world.channel(ChannelType.TELEGRAM)
    world.answers[AnswerMember] = lambda _effect: Accepted(
        "m", {"text": "word " * 800, "citations": [], "prompt_version": "1", "model": "m", "usage": {}}
    )
    world.says("ada", "hello", ChannelType.TELEGRAM)
    assert [one.parts for one in world.facts(MessageQueued)] == [1]


def test_no_success_is_told_without_a_trigger(world: World) -> None:
    world.says("ada", "hello")
    assert world.facts(EngagementSucceeded) == []
