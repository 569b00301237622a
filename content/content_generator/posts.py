"""Posts of a document, within the limit of each network: title, text, link, and hashtags last."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from content.content_generator.plain_text import is_picture, links_of, opening_of, without_hash_signs
from content.content_generator.sections import Outline, Section
from domain.calls.document import Block
from domain.calls.social_post import Network
from domain.content_generator.composed import ComposedPost, with_hashtags
from domain.social.text import LIMITS, fits, length_on, shortened

MOST_HASHTAGS = {Network.TWITTER: 3, Network.LINKEDIN: 5, Network.FACEBOOK: 5}
LONGEST_HASHTAGS = 90
LONGEST_LEAD = 1_000
"""Characters of the first section in a post that names the others too."""

BULLET = "•"
_WORD = re.compile(r"\w+")


def post_of(outline: Outline, network: Network) -> ComposedPost:
    """The document's post on a network: its beginning, on LinkedIn and Facebook also what else it is about."""
    blocks = [block for section in outline.sections for block in section.blocks]
    return fitted(network, outline.title, _body(outline, network), first_link(blocks), hashtags_of(outline.tags))


def fitted(network: Network, title: str, body: str, link: str | None, hashtags: Sequence[str]) -> ComposedPost:
    """A post of these parts: the body is cut to the room that the others leave, then the others give way."""
    tags = _first_hashtags(hashtags, MOST_HASHTAGS[network])
    limit = LIMITS[network]
    heading = shortened(title, limit // 2, lambda text: length_on(network, text))
    shown = _after(title, body)
    is_needed = link is not None and link not in shown and 3 * length_on(network, link) <= limit
    end = link if link is not None and is_needed else ""
    room = limit - length_on(network, with_hashtags(_parts(heading, "-", end), tags))
    text = shortened(shown, room, lambda text: length_on(network, text)) if room > 0 else ""
    candidates = (_parts(heading, text, end), _parts(heading, text), heading, "")
    posts = (ComposedPost(platform=network, content=one, hashtags=some) for some in (tags, ()) for one in candidates)
    return next(post for post in posts if fits(network, post.text))


def hashtags_of(tags: Iterable[str]) -> tuple[str, ...]:
    """The hashtags of tags: `box breathing` becomes #BoxBreathing. A tag without any letter gives none."""
    names = (_hashtag(tag) for tag in tags)
    return tuple(dict.fromkeys(f"#{name}" for name in names if any(map(str.isalpha, name))))


def first_link(blocks: Iterable[Block]) -> str | None:
    """The first link to a page; to a picture, where there is no other."""
    links = [link for block in blocks for link in links_of(block) if link.casefold().startswith("http")]
    return next((link for link in links if not is_picture(link)), None) or next(iter(links), None)


def _after(title: str, body: str) -> str:
    """The body without the title that it begins with."""
    rest = body.removeprefix(title)
    return rest.strip() if rest != body and not rest[:1].isalnum() else body


def _parts(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _hashtag(tag: str) -> str:
    words = _WORD.findall(tag)
    return words[0] if len(words) == 1 else "".join(word[0].upper() + word[1:] for word in words)


def _first_hashtags(hashtags: Sequence[str], most: int) -> tuple[str, ...]:
    kept = tuple(hashtags[:most])
    while kept and len(" ".join(kept)) > LONGEST_HASHTAGS:
        kept = kept[:-1]
    return kept


def _body(outline: Outline, network: Network) -> str:
    text = outline.lead_text
    others = [one for one in outline.sections if one is not outline.lead and one.heading and one.blocks]
    if network is Network.TWITTER or not others:
        return text
    start = shortened(text, LONGEST_LEAD)
    if network is Network.LINKEDIN:
        return _parts(start, "\n".join(f"{BULLET} {_heading(section)}" for section in others))
    return _parts(start, *(f"{_heading(section)}\n{opening_of(section.blocks)}" for section in others))


def _heading(section: Section) -> str:
    return without_hash_signs(section.heading)
