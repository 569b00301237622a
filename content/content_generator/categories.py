"""The category of a section: by the name that its heading bears, else by keywords, else `breathscape`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from domain.content_generator.composed import Category

NAMES: Mapping[Category, tuple[str, ...]] = {
    Category.TIPS: (
        *("tips", "tip", "advice", "how to", "how tos", "techniques", "exercises", "practice", "practices"),
        *("wellness", "wellness tips", "breathing tips", "tips and tricks", "best practices", "guides"),
    ),
    Category.COMPANY_VISION: (
        *("company vision", "vision", "mission", "our mission", "our vision", "company", "company news", "about us"),
        *("our story", "our values", "roadmap", "strategy", "culture", "looking ahead", "the road ahead"),
    ),
    Category.HARDWARE: (
        *("hardware", "hardware news", "hardware updates", "device", "devices", "sensor", "sensors", "wearable"),
        *("wearables", "firmware", "equipment", "gadgets"),
    ),
    Category.BREATHSCAPE: (
        *("breathscape", "breathscapes", "breathscape news", "breathscape updates", "app", "the app", "app updates"),
        *("software", "platform", "product updates", "sessions", "breathwork"),
    ),
}
"""Names of each category, in the order in which they are looked for inside a heading: the most telling ones first."""

KEYWORDS: Mapping[Category, frozenset[str]] = {
    Category.BREATHSCAPE: frozenset(
        """app breathscape breathscapes breathwork session sessions soundscape soundscapes visualization visualizations
        software feature features release version dashboard subscription playlist guided ambient screen""".split()  # noqa: SIM905
    ),
    Category.HARDWARE: frozenset(
        """battery bluetooth calibration charger charging chest device devices firmware hardware led manufacturing
        prototype sensor sensors shipping strap units warranty wearable wearables wristband""".split()  # noqa: SIM905
    ),
    Category.TIPS: frozenset(
        """advice calm daily exercise exercises exhale habit habits hold how inhale learn minutes morning posture
        practice relax routine sleep stress technique techniques tip tips tricks try""".split()  # noqa: SIM905
    ),
    Category.COMPANY_VISION: frozenset(
        """believe ceo community company culture founder founders future funding goal goals hiring investors mission
        partnership roadmap strategy team values vision""".split()  # noqa: SIM905
    ),
}
TITLE_WEIGHT = 3

CATEGORY_LABELS: Mapping[Category, str] = {
    Category.BREATHSCAPE: "Breathscape",
    Category.HARDWARE: "Hardware",
    Category.TIPS: "Tips",
    Category.COMPANY_VISION: "Company Vision",
}

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_BRACKETED = re.compile(r"\s*\[([^\[\]]{1,60})\]\s*[:–-]?\s*(.*)", re.DOTALL)


def name_in_brackets(heading: str) -> tuple[Category, str] | None:
    """The category and the rest of a heading such as `[Hardware] A new strap`; None without a known name."""
    found = _BRACKETED.fullmatch(heading)
    category = None if found is None else named(found[1])
    return None if found is None or category is None else (category, found[2].strip())


def named(name: str) -> Category | None:
    """The category with exactly that name or synonym, in any case and punctuation."""
    words = _normal(name)
    return next((category for category, names in NAMES.items() if words in names), None)


def hinted(heading: str) -> Category | None:
    """The category whose name stands in a heading."""
    words = f" {_normal(heading)} "
    return next((category for category, names in NAMES.items() if any(f" {name} " in words for name in names)), None)


def by_keywords(title: str, text: str) -> Category:
    """The category with most keywords, those of the title counted threefold; `breathscape` without any."""
    title_words, text_words = _words(title), _words(text)
    scores = {
        category: TITLE_WEIGHT * sum(word in keywords for word in title_words)
        + sum(word in keywords for word in text_words)
        for category, keywords in KEYWORDS.items()
    }
    return max(scores, key=scores.__getitem__)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _normal(text: str) -> str:
    return " ".join(_words(text.replace("_", " ").replace("&", " and ")))
