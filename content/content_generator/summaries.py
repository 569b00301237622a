"""The summary of a breathing session: a newsletter, an update for the website, and posts."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from content.content_generator.composition import bounded
from content.content_generator.plain_text import one_line, printable
from content.content_generator.posts import fitted
from content.content_generator.rendering import UnknownTemplate, rendered, version_of
from domain.calls.social_post import Network
from domain.content_generator.composed import (
    NETWORKS,
    ComposedMail,
    ComposedPost,
    ComposedSummary,
    SessionFacts,
    WebUpdate,
)
from domain.content_generator.kinds import Channel

_PARAGRAPHS = re.compile(r"\n\s*\n")
_HASHTAGS: Mapping[Network, tuple[str, ...]] = {
    Network.TWITTER: ("#breathwork", "#mindfulness"),
    Network.LINKEDIN: ("#wellness", "#corporate"),
    Network.FACEBOOK: ("#health", "#community"),
}


class _Shown(NamedTuple):
    """A session as templates show it: each value as it is read."""

    title: str
    byline: str
    paragraphs: list[str]
    duration: str
    participants: str
    improvement: str
    techniques: list[str]
    achievements: list[str]


def summarize(session: SessionFacts, channels: Collection[Channel], template: str) -> ComposedSummary:
    """The summary of a session by a template as `modern@1`; raises UnknownTemplate, TooLarge."""
    rules = _VERSIONS.get(version_of(template))
    if rules is None:
        raise UnknownTemplate(template)
    return bounded(rules(session, frozenset(channels), template))


def _first(session: SessionFacts, channels: frozenset[Channel], template: str) -> ComposedSummary:
    shown = _shown(session)
    networks = [network for channel, network in NETWORKS.items() if channel in channels]
    return ComposedSummary(
        template=template,
        newsletter=_newsletter(shown, template) if Channel.EMAIL in channels else None,
        web_update=_web_update(session, shown, template) if Channel.WEBSITE in channels else None,
        social_posts=tuple(_post(shown, network) for network in networks),
    )


_VERSIONS: Mapping[int, Callable[[SessionFacts, frozenset[Channel], str], ComposedSummary]] = {1: _first}


def _shown(session: SessionFacts) -> _Shown:
    paragraphs = (printable(part).strip() for part in _PARAGRAPHS.split(printable(session.content)))
    improvement = session.average_hrv_improvement
    return _Shown(
        title=one_line(session.title),
        byline=_byline(session),
        paragraphs=[part for part in paragraphs if part],
        duration=duration(session.session_duration),
        participants=_counted(session.participant_count, "participant"),
        improvement="" if improvement is None else f"{number(improvement)}%",
        techniques=_lines(session.breathing_techniques),
        achievements=_lines(session.key_achievements),
    )


def _byline(session: SessionFacts) -> str:
    kind = one_line(session.session_type)
    parts = [f"{kind[:1].upper()}{kind[1:]} session" if kind else "Session"]
    if session.instructor_name and one_line(session.instructor_name):
        parts.append(f"with {one_line(session.instructor_name)}")
    if session.session_date is not None:
        parts.append(f"on {session.session_date.day} {session.session_date:%B %Y}")
    return " ".join(parts)


def _newsletter(shown: _Shown, template: str) -> ComposedMail:
    subject = f"Session Summary: {shown.title}"
    html = rendered("newsletter", template, {"subject": subject, "session": shown}, "newsletter.html")
    return ComposedMail(subject=subject, html=html, text=_text(shown))


def _text(shown: _Shown) -> str:
    facts = [shown.duration, shown.participants]
    facts += [f"{shown.improvement} average HRV improvement"] if shown.improvement else []
    lists = [("Techniques", shown.techniques), ("Achievements", shown.achievements)]
    parts = [
        f"{shown.title}\n{'=' * min(len(shown.title), 60)}",
        shown.byline,
        *shown.paragraphs,
        _bullets(facts),
        *(f"{heading}:\n{_bullets(entries)}" for heading, entries in lists if entries),
    ]
    return "\n\n".join(parts) + "\n"


def _bullets(entries: Collection[str]) -> str:
    return "\n".join(f"- {entry}" for entry in entries)


def _web_update(session: SessionFacts, shown: _Shown, template: str) -> WebUpdate:
    achieving = f" achieving {shown.improvement} HRV improvement" if shown.improvement else ""
    return WebUpdate(
        title=shown.title,
        content=rendered("update", template, {"session": shown}, "web.html"),
        slug=f"{session.session_id}-summary",
        seo_description=f"Session with {shown.participants}{achieving}",
    )


def _post(shown: _Shown, network: Network) -> ComposedPost:
    achieved = f" and an average HRV improvement of {shown.improvement}" if shown.improvement else ""
    facts = f"{shown.participants}, {shown.duration}{achieved}."
    if network is Network.LINKEDIN:
        opening, words = f"{shown.title}: {facts}", [*shown.paragraphs, *_sentences(shown)]
    elif network is Network.FACEBOOK:
        opening, words = (
            f"Thank you to everyone who joined {shown.title}!",
            [facts, *shown.paragraphs, *_sentences(shown)],
        )
    else:
        opening, words = f"Just completed an amazing {shown.title}!", [facts]
    return fitted(network, opening, "\n\n".join(words), None, _HASHTAGS[network])


def _sentences(shown: _Shown) -> list[str]:
    named = [("Techniques", shown.techniques), ("Achievements", shown.achievements)]
    return [f"{name}: {', '.join(entries)}." for name, entries in named if entries]


def _lines(entries: Collection[str]) -> list[str]:
    return [line for entry in entries if (line := one_line(entry))]


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def duration(seconds: int) -> str:
    """A duration in words: 1800 is `30 minutes`, 5430 `1 hour 30 minutes 30 seconds`."""
    hours, rest = divmod(max(0, seconds), 3600)
    minutes, left = divmod(rest, 60)
    parts = [_counted(count, noun) for count, noun in ((hours, "hour"), (minutes, "minute"), (left, "second")) if count]
    return " ".join(parts) or _counted(0, "second")


def number(value: float) -> str:
    """A number as it is written: 12.5 as it is, 12.0 without its fraction."""
    return f"{round(value, 2) + 0.0:.12g}"
