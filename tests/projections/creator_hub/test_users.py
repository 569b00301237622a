"""Members as lists and details show them, after an erasure too."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from domain.creator_hub.kinds import ChannelType
from domain.creator_hub.member import BadgeEarned, OptedIn, OptedOut, OptOutSource, ProfileUpdated
from projections.creator_hub.badges import badges_of
from projections.creator_hub.queries.user_enrollments import EnrollmentStatus, enrollment_in, enrollments_of
from projections.creator_hub.queries.users import SortOrder, UserRow, UserSort, UserStatus, user_by_id, users_page
from tests.projections.creator_hub.histories import CREATOR, NOW, OTHER, World
from tests.projections.tables import Tables, erased


@pytest.fixture
def world() -> World:
    """Ana wrote thrice and long ago, Bea once and lately, Cleo with the other creator."""
    world = World()
    web = world.channel(CREATOR, ChannelType.WEB)
    phone = world.channel(CREATOR, ChannelType.WHATSAPP)
    elsewhere = world.channel(OTHER, ChannelType.WEB)
    ana = world.register(CREATOR, "ana", web, ChannelType.WEB)
    for _ in range(3):
        world.receive(ana)
    world.wait(days=40)
    world.receive(world.register(CREATOR, "bea", phone, ChannelType.WHATSAPP))
    world.receive(world.register(OTHER, "cleo", elsewhere, ChannelType.WEB))
    world.wait(days=1)
    return world


ANA, BEA = f"{CREATOR}/ana", f"{CREATOR}/bea"


def listed(tables: Tables, now: datetime, **filters: object) -> list[str]:
    page = tables.ask(users_page, CREATOR, now, **filters)
    assert page.total == len(page.rows)
    return [user.user_id for user in page.rows]


def found(tables: Tables, user_id: str, now: datetime) -> UserRow:
    user = tables.ask(user_by_id, CREATOR, user_id, now)
    assert user is not None
    return user


def test_a_member_shows_who_it_is_and_how_active(tables: Tables, world: World) -> None:
    tables.apply(world.history)
    ana = found(tables, ANA, world.now)
    assert (ana.external_id, ana.channel_type, ana.profile) == ("address of ana", ChannelType.WEB, {"name": "Ana"})
    assert (ana.time_zone, ana.language, ana.registered_at, ana.last_active_at) == ("UTC", "en", NOW, NOW)
    assert (ana.is_active, ana.interactions, ana.enrollments) == (False, 3, 0)
    activity = 3 * 2 ** (-41 / 7)
    assert ana.engagement_score == round(activity / (activity + 3), 2)
    bea = found(tables, BEA, world.now)
    assert bea.engagement_score == round(0.5 ** (1 / 7) / (0.5 ** (1 / 7) + 3), 2)
    assert bea.is_active


def test_a_score_of_an_age_ago_is_nothing(tables: Tables, world: World) -> None:
    tables.apply(world.history)
    assert found(tables, ANA, NOW + timedelta(days=36_500)).engagement_score == 0


def test_lists_are_the_newest_first_and_filtered(tables: Tables, world: World) -> None:
    tables.apply(world.history)
    assert listed(tables, world.now) == [BEA, ANA]
    assert listed(tables, world.now, channel=ChannelType.WEB) == [ANA]
    assert listed(tables, world.now, status=UserStatus.ACTIVE) == [BEA]
    assert listed(tables, world.now, status=UserStatus.INACTIVE) == [ANA]
    assert listed(tables, world.now, search="ADDRESS OF B") == [BEA]
    assert listed(tables, world.now, search="na") == [ANA]
    assert listed(tables, world.now, search="%") == []
    assert listed(tables, world.now, search="_") == []
    page = tables.ask(users_page, CREATOR, world.now, page=2, limit=1)
    assert ([user.user_id for user in page.rows], page.total) == ([ANA], 2)
    assert tables.ask(users_page, CREATOR, world.now, page=1_000_000, limit=100).rows == []


@pytest.mark.parametrize("sort", UserSort)
def test_every_sort_goes_both_ways(tables: Tables, world: World, sort: UserSort) -> None:
    tables.apply(world.history)
    assert listed(tables, world.now, sort=sort, order=SortOrder.ASC) == [ANA, BEA]
    assert listed(tables, world.now, sort=sort, order=SortOrder.DESC) == [BEA, ANA]


def test_equals_are_in_the_order_of_their_ids(tables: Tables) -> None:
    world = World()
    web = world.channel(CREATOR, ChannelType.WEB)
    members = [world.register(CREATOR, name, web, ChannelType.WEB) for name in ("c", "a", "b")]
    tables.apply(world.history)
    for order in SortOrder:
        assert listed(tables, world.now, order=order) == sorted(members)


def test_a_creator_sees_members_of_their_own_alone(tables: Tables, world: World) -> None:
    tables.apply(world.history)
    assert tables.ask(user_by_id, OTHER, ANA, world.now) is None
    assert [user.user_id for user in tables.ask(users_page, OTHER, world.now).rows] == [f"{OTHER}/cleo"]


def test_a_profile_is_replaced_and_consent_is_shown(tables: Tables, world: World) -> None:
    profile = {"name": "Ana B.", "goals": ["sleep"]}
    about = {"channel_type": ChannelType.WEB, "time_zone": "Asia/Tokyo", "language": "ja"}
    world.record(ProfileUpdated, CREATOR, user_id=ANA, profile=profile, **about)
    world.record(OptedOut, CREATOR, user_id=ANA, source=OptOutSource.WORD, message_id="m")
    world.record(OptedOut, CREATOR, user_id=BEA, source=OptOutSource.BLOCKED, message_id=None)
    world.escalate(ANA)
    tables.apply(world.history)
    ana, bea = found(tables, ANA, world.now), found(tables, BEA, world.now)
    assert (ana.profile, ana.time_zone, ana.language) == (profile, "Asia/Tokyo", "ja")
    assert (ana.opted_out, ana.blocked, ana.escalated) == (True, False, True)
    assert (bea.opted_out, bea.blocked) == (False, True)
    world.record(OptedIn, CREATOR, user_id=ANA, message_id="n")
    tables.clear()
    tables.apply(world.history)
    assert not found(tables, ANA, world.now).opted_out


def test_enrolments_show_their_progress_and_the_name_of_today(tables: Tables, world: World) -> None:
    first, second = world.program(CREATOR, "first"), world.program(CREATOR, "second")
    ended = world.enroll(ANA, first)
    world.send_step(ANA, first, 1, "hello")
    world.complete(ended)
    world.wait(hours=1)
    world.enroll(ANA, second)
    world.send_step(ANA, second, 1, "hello")
    world.await_reply(ANA, second, 2, "ask")
    tables.apply(world.history)
    enrolled = tables.ask(enrollments_of, CREATOR, ANA)
    assert [(one.program_name, one.status, one.progress, one.node) for one in enrolled] == [
        ("second", EnrollmentStatus.ACTIVE, 0.5, "ask"),
        ("first", EnrollmentStatus.COMPLETED, 1.0, "hello"),
    ]
    assert tables.ask(enrollment_in, CREATOR, ANA, first) == enrolled[1]
    assert tables.ask(enrollments_of, OTHER, ANA) == []
    assert tables.ask(enrollment_in, OTHER, ANA, first) is None
    assert found(tables, ANA, world.now).enrollments == 2


def test_badges_are_the_newest_first(tables: Tables, world: World) -> None:
    for badge in ("one", "two"):
        about = {"badge_id": badge, "badge_name": badge.title(), "program_id": "program"}
        world.record(BadgeEarned, CREATOR, user_id=ANA, **about)
        world.wait(days=1)
    tables.apply(world.history)
    assert [badge.badge_name for badge in tables.ask(badges_of, CREATOR, ANA)] == ["Two", "One"]
    assert tables.ask(badges_of, OTHER, ANA) == []


def test_an_erased_member_is_not_shown_any_more(tables: Tables, world: World) -> None:
    tables.apply(world.history)
    tables.erase(f"creator_hub:{ANA}")
    assert listed(tables, world.now) == [BEA]
    assert tables.ask(user_by_id, CREATOR, ANA, world.now) is None
    before = tables.rows()
    assert "address of ana" not in str(before)
    tables.clear()
    tables.apply(erased(world.history, f"creator_hub:{ANA}"))
    assert tables.rows() == before
