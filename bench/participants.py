"""A live session of a thousand participants on three nodes, two of which are killed: everybody hears the whole log.

    python -m bench.participants [--participants 1000] [--techniques 60]

Nodes are processes of their own; the writer, PostgreSQL and all clients share this machine with them. A figure stands
only where what each client received and resumed equals the log, in order and without doubles.
"""

from __future__ import annotations

import argparse
import asyncio

from rich.console import Console

from api.streaming.presence import PresenceTimes
from tests.api.content_generator.course_on_nodes import Course, Followed, followed

PATIENCE_SECONDS = 600.0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--participants", type=int, default=1_000)
    options.add_argument("--techniques", type=int, default=60)
    given = options.parse_args()
    kills = {given.techniques // 3: 1, 2 * given.techniques // 3: 2}
    found = asyncio.run(
        followed(Course(given.participants, given.techniques, kills, PATIENCE_SECONDS, PresenceTimes()))
    )
    check(found)
    report(found)


def check(found: Followed) -> None:
    """Everybody heard all that the log has after their own join, once and in order."""
    assert [one.number for one in found.log] == list(range(1, len(found.log) + 1)), "the log has a gap"
    for follower in found.followers:
        assert follower.first is not None
        assert follower.heard == found.log[follower.first :], "a client heard something else than the log says"
    assert found.content["session_info"]["participant_count"] == found.course.participants


def report(found: Followed) -> None:
    console, followers = Console(highlight=False, width=120), found.followers
    heard = sum(len(follower.heard) for follower in followers)
    again = sum(follower.connections - 1 for follower in followers)
    console.print(f"{len(followers):,} participants on three nodes, {len(found.log):,} messages in the log")
    console.print(
        f"all in after {found.joined_seconds:.1f} s; {heard:,} messages heard, each client as the log has them"
    )
    for number, seconds in enumerate(found.returned, 1):
        console.print(f"kill {number}: everybody connected again and resumed after {seconds:.1f} s")
    console.print(f"{again:,} connections made again; {found.seconds:.0f} s in all")


if __name__ == "__main__":
    main()
