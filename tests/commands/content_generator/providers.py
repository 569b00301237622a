"""Providers that answer anything, and know what they really took: each with its own kinds of failure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from commands.content_generator.effects import (
    ComposeContent,
    CountAudience,
    FindPost,
    Publish,
    PublishPost,
    ReadMetrics,
    ReadReports,
    ResolveAudience,
    SendBatch,
)
from domain.calls.document import Document, FetchDocument
from streams.core.calls import Accepted, Deferred, Rejected, Unknown, Verdict

Option = TypeVar("Option")
FAILURES: tuple[Callable[[], Verdict], ...] = (
    lambda: Rejected("refused", "no"),
    lambda: Deferred("http_503", "later", 3.0),
    lambda: Unknown("silence"),
)


class Providers:
    """The outside world. `draws` choose the answers; when there are no more, every call succeeds."""

    def __init__(self, recipients_of: Callable[[SendBatch], set[str]]) -> None:
        self.recipients_of = recipients_of
        self.draws: Iterator[int] = iter(())
        self.people = ["ann", "ben", "cat", "dan", "eve"]
        self.posts: Counter[str] = Counter()
        self.shown: set[str] = set()
        self.pages: set[str] = set()
        self.batches: set[tuple[str, int]] = set()
        self.mails: Counter[tuple[str, str]] = Counter()

    def pick(self, *options: Option) -> Option:
        return options[next(self.draws, 0) % len(options)]

    def answer(self, effect: Any, _key: str) -> Verdict:
        match effect:
            case PublishPost():
                return self._post(effect.post_id)
            case FindPost():
                return self._find(effect.post_id)
            case SendBatch():
                return self._send(effect)
            case Publish():
                return self._publish(effect.content_id)
            case FetchDocument():
                document = Document(title=self.pick("News", "Other news"), blocks=())
                return self._or_failure(lambda: Accepted("v", document.model_dump(mode="json")))
            case ComposeContent():
                return self._or_failure(lambda: Accepted("c", {"title": "News"}))
            case CountAudience():
                return self._or_failure(lambda: Accepted("n", {"recipients": len(self.people)}))
            case ResolveAudience():
                return self._or_failure(lambda: self._page(int(effect.cursor or 0)))
            case ReadReports() | ReadMetrics():
                return self._or_failure(lambda: Accepted("r", {}))
        raise LookupError(type(effect).__name__)

    def _or_failure(self, success: Callable[[], Verdict]) -> Verdict:
        return self.pick(success, success, *FAILURES)()

    def _page(self, start: int) -> Verdict:
        """Pages overlap by one person, as pages of a list that changes do."""
        names = self.people[max(0, start - 1) : start + 2]
        recipients = [{"mark": name, "address": f"{name}@example.com", "name": name} for name in names]
        following = str(start + 2) if start + 2 < len(self.people) else None
        return Accepted("p", {"recipients": recipients, "next": following})

    def _post(self, post_id: str) -> Verdict:
        taken, lost = ("accepted", "silent", "error"), ("refused", "put off", "lost", "broken")
        word = self.pick("accepted", "silent", "silent", "error", *lost)
        if self.posts[post_id] and word in ("refused", "broken"):
            return Rejected("duplicate", "this was posted before")
        if word in taken:
            self.posts[post_id] += 1
        if word in ("accepted", "error"):
            self.shown.add(post_id)
        if word == "accepted":
            return Accepted(f"{post_id}-{self.posts[post_id]}")
        if word in ("error", "broken"):
            return Unknown("an error", output={"answered": True})
        return FAILURES[{"refused": 0, "put off": 1}.get(word, 2)]()

    def _find(self, post_id: str) -> Verdict:
        """A post whose call was answered is in the list; one whose call was cut may come into it later."""
        there = self.posts[post_id] > 0
        seen = there and (post_id in self.shown or self.pick(True, False, False))
        found: dict[str, Any] = {"found": True, "provider_id": f"{post_id}-1"} if seen else {"found": False}
        failure = self.pick(*[None] * 8, *FAILURES)
        return Accepted("l", found) if failure is None else failure()

    def _publish(self, content_id: str) -> Verdict:
        """The platform knows a page by its id: a repeat is the same page."""
        failure = self.pick(None, *FAILURES)
        if failure is None or (failure is FAILURES[2] and self.pick(True, False)):
            self.pages.add(content_id)
        return Accepted(content_id, {}) if failure is None else failure()

    def _send(self, effect: SendBatch) -> Verdict:
        """The CRM knows a batch by its key: a repeat mails nobody."""
        marks, key = self.recipients_of(effect), (effect.campaign_id, effect.batch)
        failure = self.pick(None, *FAILURES)
        if failure is None or (failure is FAILURES[2] and self.pick(True, False)):
            self.mails.update((effect.campaign_id, mark) for mark in marks if key not in self.batches)
            self.batches.add(key)
        return Accepted("b", {"accepted": len(marks), "suppressed": 0}) if failure is None else failure()
