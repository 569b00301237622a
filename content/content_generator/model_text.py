"""Text by a language model: read from its answer, and taken where it is fit for the document.

Fit is what is short enough and holds no figure, link, address or mention that the document lacks. The rules' text
stands wherever the model's is unfit or missing. Parts are named as in `Composed.unfit`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from content.content_generator.plain_text import one_line, printable, without_hash_signs
from content.content_generator.search_metadata import LONGEST_DESCRIPTION
from domain.calls.document import Document
from domain.content_generator.composed import Composed, ComposedPage, ComposedPost
from domain.social.text import LIMITS, fits, links_in

SUBJECT = "email.subject"
DESCRIPTION = "web.meta_description"
LONGEST_SUBJECT = 150

_FIGURE = re.compile(r"\d+(?:[.,]\d+)*")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_MENTION = re.compile(r"(?<![\w.+-])@\w+")
_MAIL_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_TRAILING = ".,;:!?)]}>\"'”’»…"


@dataclass(frozen=True, slots=True)
class Claims:
    """What can be wrong in a text: its figures, and its links, addresses and mentions."""

    figures: frozenset[Decimal]
    links: frozenset[str]


def post_part(post: ComposedPost) -> str:
    """The name of a post's part, as `social.twitter`."""
    return f"social.{post.platform}"


def parts_of(composed: Composed) -> dict[str, str]:
    """The texts that a model may write, by their parts, as composed by rules."""
    parts = {} if composed.email is None else {SUBJECT: composed.email.subject}
    if composed.web is not None and composed.web.seo_metadata is not None:
        parts[DESCRIPTION] = composed.web.seo_metadata.meta_description
    return parts | {post_part(post): post.content for post in composed.social}


def texts_in(answer: str) -> dict[str, str]:
    """The texts by part in a model's answer: its JSON object, whatever stands around it. Empty where there is none."""
    start, end = answer.find("{"), answer.rfind("}")
    try:
        found = json.loads(answer[start : end + 1], strict=False) if start >= 0 else {}
    except (ValueError, RecursionError):
        return {}
    return {part: text.strip() for part, text in found.items() if isinstance(text, str)}


def with_model_texts(rules: Composed, document: Document, texts: Mapping[str, str]) -> Composed:
    """What was composed by rules, with the model's texts in the parts where they are fit; `unfit` names the others."""
    known = claims_of_document(document)
    written = {part: text for part in parts_of(rules) if (text := texts.get(part, "").strip())}
    fit = {part: text for part, text in written.items() if fault(rules, part, text, known) is None}
    email, web = rules.email, rules.web
    if email is not None and SUBJECT in fit:
        email = email.model_copy(update={"subject": fit[SUBJECT]})
    if web is not None and DESCRIPTION in fit:
        web = _described(web, fit[DESCRIPTION])
    social = tuple(_rewritten(post, fit[post_part(post)]) if post_part(post) in fit else post for post in rules.social)
    unfit = tuple(part for part in parts_of(rules) if part not in fit)
    return rules.model_copy(update={"email": email, "web": web, "social": social, "unfit": unfit})


def fault(rules: Composed, part: str, text: str, known: Claims) -> str | None:
    """Why a text cannot stand in that part, as a sentence's end; None if it can."""
    if printable(text) != text:
        return "it holds control characters"
    post = next((post for post in rules.social if post_part(post) == part), None)
    if post is not None and not fits(post.platform, _rewritten(post, text).text):
        return f"it is longer than {LIMITS[post.platform]} characters with its hashtags"
    longest = LONGEST_SUBJECT if part == SUBJECT else LONGEST_DESCRIPTION
    if post is None and (len(text) > longest or one_line(text) != text):
        return f"it is not one line of at most {longest} characters"
    claims = claims_of(text)
    if claims.figures - known.figures:
        return (
            f"it holds figures that the document lacks: {', '.join(map(str, sorted(claims.figures - known.figures)))}"
        )
    if claims.links - known.links:
        return f"it holds links that the document lacks: {', '.join(sorted(claims.links - known.links))}"
    return None


def claims_of_document(document: Document) -> Claims:
    """The claims of a document: of its title, its text and its links."""
    claims = claims_of("\n".join([document.title, *(block.text for block in document.blocks)]))
    links = (span.link for block in document.blocks for span in block.spans if span.link is not None)
    return Claims(claims.figures, claims.links | {_comparable(link.removeprefix("mailto:")) for link in links})


def claims_of(text: str) -> Claims:
    """The claims of a text. The digits of a link are no figures, as the link itself is compared."""
    links = [text[place.start : place.end] for place in links_in(text)]
    others = _without(text, links)
    names = [*_MENTION.findall(others), *_MAIL_ADDRESS.findall(text)]
    figures = frozenset(_figure(one) for one in _FIGURE.findall(others))
    return Claims(figures, frozenset(_comparable(one) for one in (*links, *names)))


def _without(text: str, links: list[str]) -> str:
    for link in links:
        text = text.replace(link, " ", 1)
    return text


def _figure(text: str) -> Decimal:
    """The value of a figure: 1,500 is 1500, and 12,5 is 12.5. Of a date or a version, its digits."""
    plain = text.replace(",", "") if _THOUSANDS.fullmatch(text) else text.replace(",", ".")
    return Decimal(plain if plain.count(".") < 2 else plain.replace(".", ""))


def _comparable(link: str) -> str:
    shown = link.rstrip(_TRAILING).casefold()
    return shown.removeprefix("https://").removeprefix("http://").removeprefix("www.").rstrip("/")


def _described(page: ComposedPage, description: str) -> ComposedPage:
    metadata = page.seo_metadata
    changed = None if metadata is None else metadata.model_copy(update={"meta_description": description})
    return page.model_copy(update={"seo_metadata": changed})


def _rewritten(post: ComposedPost, text: str) -> ComposedPost:
    return post.model_copy(update={"content": without_hash_signs(text)})
