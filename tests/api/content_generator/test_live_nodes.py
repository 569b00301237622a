"""A live session on three nodes, of which one is killed: nobody misses a message, and nobody is counted who is away.

`bench.participants` does the same with a thousand participants, and two nodes killed.
"""

from __future__ import annotations

import pytest

from tests.api.content_generator.course_on_nodes import NODES, Course, followed

pytestmark = pytest.mark.faults

COURSE = Course(participants=120, techniques=60, kills={20: 1})


async def test_three_nodes_of_which_one_is_killed_lose_nothing_and_double_nothing() -> None:
    found = await followed(COURSE)
    assert [one.number for one in found.log] == list(range(1, len(found.log) + 1))
    for follower in found.followers:
        assert follower.first is not None
        assert follower.heard == found.log[follower.first :]
    moved = [follower for number, follower in enumerate(found.followers) if number % NODES == 1]
    assert all(follower.connections >= 2 for follower in moved)
    session = found.content["session_info"]
    assert (found.content["active"], session["participant_count"]) == (False, COURSE.participants)
    titles = [one.content["title"] for one in found.log if one.type == "technique_changed"]
    assert titles == [str(number) for number in range(COURSE.techniques)]
