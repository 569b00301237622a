"""The extract of a text: its sentences and terms, weighed by frequency, in any script and without a dictionary.

Rules: Time stamps and cue numbers of subtitles are dropped. A sentence ends at a full stop of its script or at a
line end, and after 40 words at the latest, for transcripts without punctuation. A term is a word; in scripts without
spaces between words, it is the longest piece that repeats. Ignored are words of one or two letters, numbers, common
English words, and, in texts of eight sentences or more, words in half of all sentences, unless they belong to the
`focus`.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

LONGEST_SENTENCE = 40
"""Words; in an unspaced script two characters count as a word."""

_MARKS = "".join(chr(code) for code in range(0x300, 0x1E950) if unicodedata.category(chr(code)) in ("Mn", "Mc"))
_UNSPACED = "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[^\W_](?:[^\W_]|[{_MARKS}\u200c\u200d]|['’\-](?=[^\W_]))*")
_RUNS = re.compile(rf"[{_UNSPACED}\U00020000-\U0003ffff]+|[^{_UNSPACED}\U00020000-\U0003ffff]+")
_UNSPACED_FIRST = re.compile(rf"[{_UNSPACED}\U00020000-\U0003ffff]")
_SENTENCE_END = re.compile(
    r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。!?。।॥؟\u06d4።])(?![。!?”』」])|\s*[\r\n\u2028\u2029]+\s*"
)
_ABBREVIATION = re.compile(r"(?:^|\W)(?:[^\W\d_]|Dr|Mrs?|Ms|Prof|St|Fig|No|Nos|vs|cf|approx)\.$")
_STAMP = re.compile(
    r"^[ \t]*(?:WEBVTT.*$|\d+[ \t]*$|[\[(]?(?:\d{1,2}:)?\d{1,2}:\d{2}(?:[.,]\d+)?[\])]?(?:[ \t]*-->.*$|(?=\s|$)))",
    re.MULTILINE,
)
_LONGEST_PIECE = 8

COMMON = frozenset(
    """a about after again all almost also although always am an and another any anything are around as at away back be
    because been before being between both but by call called came can can't cannot come could did didn't different do
    does doesn't doing don't done down each either else even ever every everything example few first following for from
    general get gets give given go goes going gonna good got had has have having he her here hers him his how however i
    i'm i've if important in instance instead into is isn't it it's its itself just keep kind kinda know last later let
    let's like little look lot made main make makes making many may maybe me mean means might more most much must my
    need never new next no not nothing now of off often okay on once one ones only or other others our out over own part
    people point put quite rather really right said same say says second see seen several shall she should simply since
    so some something sometimes soon start still such sure take takes talk tell than that that's the their them then
    there there's these they they're thing things think this those though three through thus time to today together too
    two under until up upon us use used uses using usually very want was way ways we we'll we're we've well went were
    what when where whether which while who whole whom whose why will with within without won't would yes yet you you'll
    you're your yourself""".split()  # noqa: SIM905 - to be read as a text
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a sentence, or a piece of one in an unspaced script, compared by `key`."""

    key: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the text. `terms` are its significant keys, each once, in order."""

    position: int
    text: str
    tokens: tuple[Token, ...]
    terms: tuple[str, ...]
    weight: float


@dataclass(frozen=True, slots=True)
class Extract:
    """A weighed text. `shown` maps a term to its most frequent form in the text."""

    sentences: tuple[Sentence, ...]
    frequency: Mapping[str, int]
    shown: Mapping[str, str]

    def key_terms(self, most: int) -> list[str]:
        """The terms that repeat, most frequent first, then by first appearance; of one stem only the first."""
        kept: list[str] = []
        for term, count in Counter(self.frequency).most_common():
            if count < 2 or len(kept) == most:
                break
            if not any(same_stem(term, other) for other in kept):
                kept.append(term)
        return kept

    def best(self, count: int, among: Iterable[Sentence] | None = None) -> list[Sentence]:
        """The weightiest sentences, in the order of the text."""
        pool = self.sentences if among is None else among
        ranked = sorted(pool, key=lambda sentence: (-sentence.weight, sentence.position))
        return sorted(ranked[:count], key=lambda sentence: sentence.position)

    def about(self, words: Iterable[str]) -> list[Sentence]:
        """The sentences with one of the words, or a related one, in the order of the text."""
        wanted = self.related(words)
        return [sentence for sentence in self.sentences if not wanted.isdisjoint(sentence.terms)]

    def related(self, words: Iterable[str]) -> frozenset[str]:
        """The terms of the text that equal one of the words or are related to one."""
        sought = frozenset(words)
        return frozenset(term for term in self.frequency if any(is_related(term, word) for word in sought))


def extract(text: str, focus: Sequence[str] = ()) -> Extract:
    """Weigh a text. Terms of the `focus` phrases count double and are never ignored as common."""
    pieces = sentences(text)
    wanted = frozenset(chain.from_iterable(subject_words(phrase) for phrase in focus))
    lexicon = _repeated_pieces(pieces) | {word for word in wanted if is_unspaced(word)}
    tokens = [tuple(_tokens(piece, lexicon)) for piece in pieces]
    ignored = _ubiquitous(tokens)
    occurring = [[t.key for t in found if t.key in wanted or _is_term(t.key, ignored)] for found in tokens]
    frequency = Counter(chain.from_iterable(occurring))
    terms = [tuple(dict.fromkeys(keys)) for keys in occurring]
    weighed = tuple(
        Sentence(place, piece, tokens[place], terms[place], _weight(terms[place], frequency, wanted))
        for place, piece in enumerate(pieces)
    )
    return Extract(weighed, dict(frequency), _display_forms(weighed, frequency))


def sentences(text: str) -> list[str]:
    """The sentences of a text, in order, with single spaces; without repeats, regardless of case."""
    rough = (" ".join(piece.split()) for piece in _SENTENCE_END.split(_STAMP.sub("", text)) if piece)
    whole = _rejoined(piece for piece in rough if _WORD.search(piece))
    unlike: dict[str, str] = {}
    for piece in chain.from_iterable(_cut(piece) for piece in whole):
        unlike.setdefault(piece.casefold(), piece)
    return list(unlike.values())


def subject_words(phrase: str) -> frozenset[str]:
    """The significant words of a phrase; all of its words if none is (AI, C, IT)."""
    words = [run.casefold() for run in _runs(phrase)]
    return frozenset(word for word in words if _significant(word)) or frozenset(words)


def distinctive_words(subject: str, topic: str, subjects: Iterable[str]) -> frozenset[str]:
    """The words of a subject that neither the topic nor another subject has; all of its words if there are none."""
    words = subject_words(subject)
    others = [topic, *(other for other in subjects if other != subject)]
    return words - frozenset(chain.from_iterable(map(subject_words, others))) or words


def same_stem(one: str, other: str) -> bool:
    """Whether two words seem to have one stem: learn, learned, learning."""
    if one == other:
        return True
    shorter, longer = sorted((one, other), key=len)
    shared = next((n for n, (a, b) in enumerate(zip(shorter, longer, strict=False)) if a != b), len(shorter))
    return shared >= max(4, len(longer) - 3)


def is_related(term: str, word: str) -> bool:
    """Whether the two have one stem or, in unspaced scripts, one contains the other."""
    if is_unspaced(term) or is_unspaced(word):
        return term in word or word in term
    return same_stem(term, word)


def is_unspaced(word: str) -> bool:
    return _UNSPACED_FIRST.match(word) is not None


def word_count(text: str) -> int:
    """The number of words; in an unspaced script two characters count as a word."""
    return sum(-(-len(run) // 2) if is_unspaced(run) else 1 for run in _runs(text))


def _runs(text: str) -> Iterator[str]:
    for word in _WORD.findall(text):
        yield from _RUNS.findall(word)


def _rejoined(pieces: Iterable[str]) -> Iterator[str]:
    """Join pieces that were parted at an abbreviation: a known one, or one before a lower-case letter."""
    whole = ""
    for piece in pieces:
        if _ABBREVIATION.search(whole) or (whole.endswith(".") and piece[0].islower()):
            whole = f"{whole} {piece}"
            continue
        if whole:
            yield whole
        whole = piece
    if whole:
        yield whole


def _cut(sentence: str) -> Iterator[str]:
    words: list[str] = []
    length = 0
    for word in chain.from_iterable(_short_words(word) for word in sentence.split(" ")):
        size = word_count(word)
        if words and length + size > LONGEST_SENTENCE:
            yield " ".join(words)
            words, length = [], 0
        words.append(word)
        length += size
    if length:
        yield " ".join(words)


def _short_words(word: str) -> list[str]:
    if word_count(word) <= LONGEST_SENTENCE:
        return [word]
    return [word[start : start + 2 * LONGEST_SENTENCE] for start in range(0, len(word), 2 * LONGEST_SENTENCE)]


def _repeated_pieces(pieces: Sequence[str]) -> frozenset[str]:
    """The repeated pieces of unspaced runs, without those that occur only inside one longer repeated piece."""
    counts: Counter[str] = Counter()
    for run in chain.from_iterable(_runs(piece) for piece in pieces):
        if is_unspaced(run):
            counts.update(run[at : at + n] for n in range(2, _LONGEST_PIECE + 1) for at in range(len(run) - n + 1))
    repeated = {piece: count for piece, count in counts.items() if count > 1}
    inside = {
        part for piece, count in repeated.items() for part in (piece[1:], piece[:-1]) if repeated.get(part) == count
    }
    return frozenset(piece for piece in repeated if piece not in inside and unicodedata.category(piece[0])[0] == "L")


def _tokens(sentence: str, lexicon: frozenset[str]) -> Iterator[Token]:
    for word in _WORD.finditer(sentence):
        for run in _RUNS.finditer(word[0]):
            start = word.start() + run.start()
            if is_unspaced(run[0]):
                yield from _segmented(run[0], start, lexicon)
            else:
                yield Token(run[0].casefold(), start, start + len(run[0]))


def _segmented(run: str, start: int, lexicon: frozenset[str]) -> Iterator[Token]:
    at = 0
    while at < len(run):
        longest = min(_LONGEST_PIECE, len(run) - at)
        size = next((n for n in range(longest, 1, -1) if run[at : at + n] in lexicon), 1)
        yield Token(run[at : at + size], start + at, start + at + size)
        at += size


def _significant(key: str) -> bool:
    if is_unspaced(key):
        return len(key) > 1
    return len(key) > 2 and key not in COMMON and not key.isnumeric()


def _ubiquitous(tokens: Sequence[Sequence[Token]]) -> frozenset[str]:
    if len(tokens) < 8:
        return frozenset()
    spread = Counter(chain.from_iterable({token.key for token in found} for found in tokens))
    return frozenset(key for key, count in spread.items() if 2 * count >= len(tokens))


def _is_term(key: str, ignored: frozenset[str]) -> bool:
    return _significant(key) and key not in ignored


def _weight(terms: Sequence[str], frequency: Mapping[str, int], wanted: frozenset[str]) -> float:
    gained = sum(math.log1p(frequency[term]) * (2 if term in wanted else 1) for term in terms)
    return gained / math.sqrt(len(terms)) if terms else 0.0


def _display_forms(found: Sequence[Sentence], frequency: Mapping[str, int]) -> dict[str, str]:
    forms: dict[str, Counter[str]] = {key: Counter() for key in frequency}
    for sentence in found:
        for token in sentence.tokens:
            if token.key in forms:
                forms[token.key][sentence.text[token.start : token.end]] += 1
    return {key: max(seen, key=lambda form: (seen[form], form.islower())) for key, seen in forms.items()}
