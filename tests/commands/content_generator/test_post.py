"""Posts: published once, looked for where a call was not answered, and a person's word."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from commands.content_generator.post import (
    LATE_LOOKS,
    LOOKS,
    LookForPost,
    NotUnconfirmed,
    RecordLook,
    RecordPost,
    RequestPost,
    ResolvePost,
    UnknownPost,
)
from domain.calls.social_post import Network
from domain.content_generator.kinds import post_id
from domain.content_generator.post import (
    PostFailed,
    PostLookRequested,
    PostNotSeen,
    PostPublished,
    PostRequested,
    PostResolved,
    PostRetried,
    PostUnanswered,
    PostUnconfirmed,
)
from streams.testing import Scenario
from tests.commands.content_generator.stories import (
    HOUR,
    NOW,
    ROOT,
    SECOND,
    STORY,
    TENANT,
    accepted,
    deferred,
    only,
    rejected,
    unconfirmed,
)

POST_ID = post_id(ROOT, Network.TWITTER)
FOUND = {"found": True, "provider_id": "t9", "url": "https://x.example/9"}
ABSENT = {"found": False}


def request(run: int = 0, at: timedelta = timedelta(0)) -> RequestPost:
    return RequestPost(
        at=NOW + at, post_id=POST_ID, tenant=TENANT, root=ROOT, run=run, network=Network.TWITTER, test_mode=False
    )


def reply(number: int = 1) -> RecordPost:
    return RecordPost(at=NOW, post_id=POST_ID, number=number)


def look(number: int, attempt: int = 1) -> LookForPost:
    return LookForPost(at=NOW + number * SECOND, post_id=POST_ID, number=attempt, look=number)


def seen(number: int, output: dict[str, Any] | None = None, attempt: int = 1) -> RecordLook:
    reply = RecordLook(at=NOW, post_id=POST_ID, number=attempt, look=number)
    return accepted(reply, output or ABSENT, at=NOW + 30 * SECOND)


def unseen(number: int, attempt: int = 1) -> RecordLook:
    """The answer of a network that does not show its posts."""
    return rejected(RecordLook(at=NOW, post_id=POST_ID, number=attempt, look=number), "forbidden")


def looks(story: Scenario, attempt: int = 1) -> Scenario:
    """The story after three looks that certainly did not find the post."""
    for number in (1, 2, 3):
        story = story.when(seen(number, attempt=attempt))
    return story


def resolve(delivered: bool, tenant: str = TENANT) -> ResolvePost:
    return ResolvePost(at=NOW, post_id=POST_ID, tenant=tenant, delivered=delivered, url=None, resolved_by="marketer")


CALLED = STORY.when(request())
SILENT = CALLED.when(unconfirmed(reply()))
BROKEN = CALLED.when(unconfirmed(reply(), output={"answered": True}))


def test_a_post_is_made_once() -> None:
    assert only(CALLED, PostRequested).attempt == 1
    CALLED.when(request()).then_nothing()
    CALLED.when(accepted(reply())).when(request()).then_nothing()


def test_an_answered_call_is_published() -> None:
    published = only(CALLED.when(accepted(reply(), {"url": "https://x.example/1"}, provider_id="t1")), PostPublished)
    assert (published.provider_id, published.url, published.look) == ("t1", "https://x.example/1", None)


def test_a_refused_call_fails() -> None:
    failed = only(CALLED.when(rejected(reply(), "credentials")), PostFailed)
    assert (failed.code, failed.attempts) == ("credentials", 1)
    assert only(CALLED.when(rejected(reply(), None)), PostFailed).code == "refused"


def test_an_answer_that_is_repeated_put_off_or_of_another_call_changes_nothing() -> None:
    CALLED.when(deferred(reply())).then_nothing()
    CALLED.when(accepted(reply(2))).then_nothing()
    SILENT.when(accepted(reply())).then_nothing()
    CALLED.when(rejected(reply())).when(accepted(reply())).then_nothing()


def test_a_call_without_an_answer_is_looked_for() -> None:
    assert only(SILENT, PostUnanswered).answered is False
    assert only(BROKEN, PostUnanswered).answered is True
    asked = only(SILENT.when(look(1)), PostLookRequested)
    assert (asked.look, asked.attempt, asked.since) == (1, 1, NOW)


def test_a_duplicate_may_be_ours_and_is_looked_for() -> None:
    duplicate = CALLED.when(rejected(reply(), "duplicate"))
    assert only(duplicate, PostUnanswered).answered is False
    assert only(duplicate.when(seen(1, FOUND)), PostPublished).provider_id == "t9"
    looks(duplicate).then_kinds(PostNotSeen, PostUnconfirmed)


def test_a_look_that_finds_the_post_ends_the_search() -> None:
    found = SILENT.when(seen(1)).when(seen(2, FOUND))
    assert (only(found, PostPublished).url, only(found, PostPublished).look) == ("https://x.example/9", 2)
    found.when(look(3)).then_nothing()
    found.when(seen(3)).then_nothing()


def test_silence_proves_nothing_so_the_post_is_unconfirmed() -> None:
    looks(SILENT).then_kinds(PostNotSeen, PostUnconfirmed)


def test_an_answered_error_and_three_certain_looks_prove_that_it_was_not_made() -> None:
    again = looks(BROKEN)
    again.then_kinds(PostNotSeen, PostRetried)
    assert only(again, PostRetried).attempt == 2


def test_a_post_is_made_again_twice_and_then_fails() -> None:
    story = BROKEN
    for attempt in (1, 2):
        story = looks(story, attempt).when(unconfirmed(reply(attempt + 1), output={"answered": True}))
    failed = looks(story, 3)
    failed.then_kinds(PostNotSeen, PostFailed)
    assert (only(failed, PostFailed).code, only(failed, PostFailed).attempts) == ("server_error", 3)


@pytest.mark.parametrize("missed", [1, 2, 3])
def test_a_network_that_did_not_show_its_posts_once_leaves_the_post_unconfirmed(missed: int) -> None:
    story = BROKEN
    for number in (1, 2, 3):
        story = story.when(unseen(number) if number == missed else seen(number))
    story.then_kinds(PostNotSeen, PostUnconfirmed)


def test_an_answer_that_does_not_say_whether_it_was_found_is_not_certain() -> None:
    assert only(BROKEN.when(seen(1, {"found": "no"})), PostNotSeen).certain is False


def test_a_look_is_for_what_the_first_call_made_too() -> None:
    again = looks(BROKEN).when(rejected(reply(2), "duplicate"))
    assert only(again.when(look(1, attempt=2)), PostLookRequested).since == NOW


def test_looks_after_an_earlier_call_and_late_ones_out_of_order_change_nothing() -> None:
    again = looks(BROKEN).when(unconfirmed(reply(2), output={"answered": True}))
    again.when(look(1, attempt=1)).then_nothing()
    again.when(seen(1, FOUND, attempt=1)).then_nothing()
    SILENT.when(seen(2)).when(seen(1)).then_nothing()
    CALLED.when(look(1)).then_nothing()
    SILENT.when(deferred(seen(1))).then_nothing()


LOST = looks(SILENT)


def test_a_late_look_may_still_find_an_unconfirmed_post() -> None:
    assert len(LOOKS) + len(LATE_LOOKS) == 5
    LOST.when(look(4)).then_kinds(PostLookRequested)
    assert only(LOST.when(seen(4, FOUND)), PostPublished).look == 4


def test_a_late_look_that_finds_nothing_decides_nothing() -> None:
    LOST.when(seen(4)).then_kinds(PostNotSeen)
    LOST.when(seen(4)).when(seen(5)).then_kinds(PostNotSeen)


def test_a_person_says_what_became_of_an_unconfirmed_post() -> None:
    for delivered in (True, False):
        resolved = LOST.when(resolve(delivered))
        assert only(resolved, PostResolved).delivered is delivered
        resolved.when(resolve(delivered)).then_refused(NotUnconfirmed)
        resolved.when(seen(4, FOUND)).then_nothing()


def test_only_an_unconfirmed_post_is_resolved_and_by_its_own_tenant() -> None:
    STORY.when(resolve(True)).then_refused(UnknownPost)
    LOST.when(resolve(True, "other")).then_refused(UnknownPost)
    for story in (CALLED, SILENT, CALLED.when(accepted(reply()))):
        story.when(resolve(True)).then_refused(NotUnconfirmed)


@pytest.mark.parametrize("story", [LOST, LOST.when(resolve(False)), CALLED.when(rejected(reply()))])
def test_a_later_run_makes_the_post_again_with_three_tries_of_its_own(story: Scenario) -> None:
    again = story.when(request(run=1, at=HOUR))
    assert (only(again, PostRequested).attempt, only(again, PostRequested).run) == (2, 1)
    twice = looks(again.when(unconfirmed(reply(2), output={"answered": True})), 2)
    twice.then_kinds(PostNotSeen, PostRetried)


def test_a_later_run_of_a_published_post_hears_that_it_is() -> None:
    told = only(LOST.when(seen(4, FOUND)).when(request(run=1)), PostPublished)
    assert (told.run, told.provider_id) == (1, "t9")


def test_a_later_run_does_not_make_a_post_that_a_person_has_seen() -> None:
    LOST.when(resolve(True)).when(request(run=1)).then_nothing()
