"""Retrieval of creator-hub: how often the right passage is found, and how long a search takes among many chunks.

    python -m bench.retrieval [--chunks 50000] [--searches 200]

Quality: the passages of `bench/passages`, in three languages, are one creator's documents; each question there asks for
one passage: in a phrase of its own that names the matter (`? `), or with hardly a word in common (`~ `). Both are
embedded by the model that the product brings along. The baselines are the same search with words alone and with vectors
alone.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from bench.databases import new_server
from commands.creator_hub.wiring import CREATOR_HUB
from connectors.embed_local import MODEL, LocalEmbeddings
from connectors.embeddings import Embedded
from projections.creator_hub import READ_MODELS
from projections.creator_hub.queries.search import FoundChunk, search
from streams.core.wiring import Context
from tests.projections.creator_hub.libraries import Library, Vector
from tests.projections.tables import Tables, install

PASSAGES = Path(__file__).with_name("passages")
LANGUAGES = ("en", "de", "es")
CREATOR, CROWDED = "creator-1", "creator-2"
RECALL_AT, DEPTH = 5, 50
WAYS = (("words", True, False), ("vectors", False, True), ("hybrid", True, True))
SENTENCES, TEXTS = 6, 2_000
"""Sentences of a chunk among many, and chunks of a document."""

console = Console(highlight=False, width=120)


class Asked(NamedTuple):
    """A question, its kind and language, and the passage that answers it."""

    kind: str
    language: str
    question: str
    passage: str


KINDS = {"?": "questions that name the matter", "~": "questions without a word in common"}


class Corpus(NamedTuple):
    """Passages by their documents, and questions."""

    documents: Mapping[str, Sequence[str]]
    asked: Sequence[Asked]

    @property
    def passages(self) -> list[str]:
        return [passage for texts in self.documents.values() for passage in texts]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--chunks", type=int, default=50_000)
    options.add_argument("--searches", type=int, default=200)
    given = options.parse_args()
    corpus = corpus_of(PASSAGES)
    with new_server() as server:
        install(server.dsn, Context("creator_hub", CREATOR_HUB.events, handlers=(), read_models=READ_MODELS))
        with Tables.over(server.dsn, "creator_hub", READ_MODELS) as tables:
            texts = [*corpus.passages, *(one.question for one in corpus.asked)]
            vectors = dict(zip(texts, embedded(texts), strict=True))
            fill(tables, corpus, vectors)
            console.print(f"{len(corpus.passages)} passages, {len(corpus.asked)} questions, {MODEL}")
            for kind, title in KINDS.items():
                console.print(quality(tables, [one for one in corpus.asked if one.kind == kind], vectors, title))
            console.print(speed(tables, corpus, vectors, given.chunks, given.searches))


def corpus_of(directory: Path) -> Corpus:
    """The corpus of a directory: a file a language, `# ` a document, a paragraph a passage with questions on it."""
    documents: dict[str, list[str]] = {}
    asked: list[Asked] = []
    document: list[str] = []
    for language in LANGUAGES:
        for block in (directory / f"{language}.txt").read_text(encoding="utf-8").split("\n\n"):
            lines = block.strip().splitlines()
            if lines[0].startswith("# "):
                document = documents.setdefault(f"{language} {lines.pop(0)[2:]}", [])
            passage = " ".join(line for line in lines if line[0] not in KINDS)
            document.append(passage)
            asked += [Asked(line[0], language, line[2:], passage) for line in lines if line[0] in KINDS]
    return Corpus(documents, asked)


def embedded(texts: Sequence[str]) -> tuple[tuple[float, ...], ...]:
    answer = asyncio.run(LocalEmbeddings().embed(MODEL, texts))
    assert isinstance(answer, Embedded), answer
    return answer.vectors


def quality(tables: Tables, asked: Sequence[Asked], vectors: Mapping[str, Vector], title: str) -> Table:
    """Recall and mean reciprocal rank, by language and over all."""
    heads = [f"{name}: recall@{RECALL_AT}, MRR" for name in (*LANGUAGES, "all")]
    shown = Table("search", *heads, title=f"{len(asked)} {title}", title_justify="left")
    for name, worded, near in WAYS:
        ranks = [(one, rank_of(tables, one, worded, {MODEL: vectors[one.question]} if near else {})) for one in asked]
        groups = [[rank for one, rank in ranks if one.language == language] for language in LANGUAGES]
        shown.add_row(name, *map(figures, (*groups, [rank for _, rank in ranks])))
    return shown


def fill(tables: Tables, corpus: Corpus, vectors: Mapping[str, Vector]) -> None:
    library = Library()
    for name, texts in corpus.documents.items():
        library.document(CREATOR, name, texts, [vectors[text] for text in texts], model=MODEL)
    tables.apply(library.history)


def rank_of(tables: Tables, one: Asked, worded: bool, near: Mapping[str, Vector]) -> int | None:
    """The place of the right passage among those found, from 1."""
    found: list[FoundChunk] = tables.ask(search, CREATOR, (), one.question if worded else "", near, DEPTH)
    return next((place for place, chunk in enumerate(found, 1) if chunk.content == one.passage), None)


def figures(ranks: Sequence[int | None]) -> str:
    recall = sum(rank is not None and rank <= RECALL_AT for rank in ranks) / len(ranks)
    return f"{recall:.2f}, {sum(1 / rank for rank in ranks if rank) / len(ranks):.2f}"


def speed(tables: Tables, corpus: Corpus, vectors: Mapping[str, Vector], chunks: int, searches: int) -> Table:
    """The time of a search among the chunks of one creator, by words, by vectors, and both."""
    for history in crowd(corpus, chunks):
        tables.apply(history.history)
    tables.run("analyze creator_hub_chunks", ())
    asked = Random(2).choices(corpus.asked, k=searches)
    shown = Table(f"search in {chunks:,} chunks", "median ms", "95th percentile ms")
    for name, worded, near in WAYS:
        times = [timed(tables, one.question if worded else "", vectors[one.question] if near else ()) for one in asked]
        shown.add_row(name, f"{statistics.median(times):.1f}", f"{statistics.quantiles(times, n=20)[-1]:.1f}")
    return shown


def crowd(corpus: Corpus, chunks: int) -> Iterator[Library]:
    """Documents of sentences from everywhere in the corpus, with vectors in any direction."""
    random = Random(1)
    directions = [[random.gauss(0, 1) for _ in range(256)] for _ in range(500)]
    sentences = [sentence for passage in corpus.passages for sentence in passage.split(". ")]
    for number, first in enumerate(range(0, chunks, TEXTS)):
        count = min(TEXTS, chunks - first)
        texts = [". ".join(random.sample(sentences, SENTENCES)) for _ in range(count)]
        library = Library()
        library.document(CROWDED, f"{number}", texts, random.choices(directions, k=count), model=MODEL)
        yield library


def timed(tables: Tables, question: str, vector: Vector) -> float:
    """The milliseconds of a search."""
    before = time.perf_counter()
    tables.ask(search, CROWDED, (), question, {MODEL: vector} if vector else {}, 6)
    return (time.perf_counter() - before) * 1_000


if __name__ == "__main__":
    main()
