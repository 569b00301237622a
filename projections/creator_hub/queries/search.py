"""Search in a creator's documents: the nearest chunks by their vectors, and those with the question's words, fused.

Vectors are compared exactly, and only with those of the same model. Words are scored by BM25, with the frequencies of
the creator's chunks that are searched, so that no other creator's change a score. An index over the vectors of all
creators would be filtered after its candidates and lose the chunks of small ones: there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from psycopg import AsyncConnection

from streams.core.read_models import Row

NEAREST_CHUNKS = 50
WORDED_CHUNKS = 200
LIKELY_CHUNKS = 1_000
"""The most chunks whose words are counted."""

FUSION_K = 60
"""The constant of reciprocal rank fusion: the larger it is, the less the first ranks stand out."""

BM25_K1, BM25_B = 1.2, 0.75
FEW_CHUNKS = 50
"""From so many chunks on, words in more than half of them are ignored."""

LONGEST_QUESTION = 4_000
"""Characters of a question that count."""


class PresentModel(NamedTuple):
    """A model that has embedded chunks, and the name by which the settings of their knowledge base ask for it."""

    model: str
    embedding_model: str


class FoundChunk(NamedTuple):
    """A chunk of a completed document. `score` orders; `semantic` is the cosine, `lexical` the BM25.

    Each is None where the chunk is not among the nearest, or not among those with the most telling words.
    """

    document_id: str
    chunk_id: str
    chunk_index: int
    title: str
    content: str
    score: float
    semantic: float | None
    lexical: float | None


class ChunkKey(NamedTuple):
    document_id: str
    chunk_index: int


class Scored(NamedTuple):
    """A chunk of a list that is ordered by its values."""

    key: ChunkKey
    value: float


class Fused(NamedTuple):
    key: ChunkKey
    score: float
    semantic: float | None
    lexical: float | None


SEARCHED = """
      from creator_hub_chunks c join creator_hub_documents d using (document_id)
     where c.creator_id = %(creator_id)s and d.creator_id = %(creator_id)s
       and d.status = 'completed' and d.title is not null and c.content is not null
       and (cardinality(%(knowledge_base_ids)s::text[]) = 0 or c.knowledge_base_id = any(%(knowledge_base_ids)s))
"""

PRESENT = f"select distinct c.model, c.embedding_model {SEARCHED} and c.embedding is not null order by 1, 2"

NEAREST = f"""
    select document_id, chunk_index, 1 - distance
      from (select c.document_id, c.chunk_index,
                   case when vector_dims(c.embedding) = %(dimensions)s
                        then c.embedding <=> %(vector)s::text::vector end distance
            {SEARCHED} and c.model = %(model)s) measured
     where distance <> 'NaN' order by distance, document_id, chunk_index limit {NEAREST_CHUNKS}
"""
"""A model's vectors may have had another number of dimensions before, and a vector of zeros has no direction."""

WORDED = rf"""
    with asked as materialized (
        select lexeme, ('''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || '''')::tsquery word
          from unnest(tsvector_to_array(to_tsvector('simple', %(question)s))) lexeme
    ), totals as materialized (
        select count(*)::float8 chunks, avg(c.last_character - c.first_character)::float8 mean {SEARCHED}
    ), present as materialized (
        select lexeme, document_id, chunk_index, size
          from asked cross join lateral (
               select c.document_id, c.chunk_index, c.last_character - c.first_character size
               {SEARCHED} and c.tsv @@ asked.word) matched
    ), weighted as materialized (
        select lexeme, ln(1 + (chunks - found + 0.5) / (found + 0.5)) weight
          from (select lexeme, count(*) found from present group by lexeme) counted, totals
         where chunks < {FEW_CHUNKS} or found <= chunks / 2
    ), likely as materialized (
        select document_id, chunk_index, {BM25_K1} * (1 - {BM25_B} + {BM25_B} * size / mean) long
          from present join weighted using (lexeme), totals
         group by document_id, chunk_index, size, mean
         order by sum(weight) / (1 + {BM25_K1} * (1 - {BM25_B} + {BM25_B} * size / mean)) desc, document_id, chunk_index
         limit {LIKELY_CHUNKS}
    )
    select document_id, chunk_index, sum(weight * times * ({BM25_K1} + 1) / (times + long)) score
      from likely cross join lateral (
           select w.lexeme, cardinality(w.positions) times
             from creator_hub_chunks c cross join lateral unnest(c.tsv) w
            where c.document_id = likely.document_id and c.chunk_index = likely.chunk_index) held
      join weighted using (lexeme)
     group by document_id, chunk_index order by score desc, document_id, chunk_index limit {WORDED_CHUNKS}
"""
"""A chunk's length is counted in characters.

Words are counted in the chunks that would be the best if each had its words once: among tens of thousands of chunks,
counting is what takes the time.
"""

SHOWN = f"""
    select c.document_id, c.chunk_index, c.chunk_id, d.title, c.content
    {SEARCHED} and (c.document_id, c.chunk_index) in (
           select * from unnest(%(document_ids)s::text[], %(chunk_indexes)s::int[]))
"""


async def models_in(
    connection: AsyncConnection[Row], creator_id: str, knowledge_base_ids: Sequence[str]
) -> list[PresentModel]:
    """The models whose vectors the chunks have: in these knowledge bases, or in all where none is named."""
    values = _scope(creator_id, knowledge_base_ids)
    return [PresentModel(*row) for row in await (await connection.execute(PRESENT, values)).fetchall()]


async def search(
    connection: AsyncConnection[Row],
    creator_id: str,
    knowledge_base_ids: Sequence[str],
    question: str,
    vectors: Mapping[str, Sequence[float]],
    limit: int,
) -> list[FoundChunk]:
    """The best chunks for a question, in these knowledge bases or in all where none is named.

    `vectors` are the question's, by model; a chunk of a model without one is found by its words alone.
    """
    scope = _scope(creator_id, knowledge_base_ids)
    nearest = [await _nearest(connection, scope, model, vector) for model, vector in vectors.items() if any(vector)]
    worded = await _scored(connection, WORDED, scope | {"question": searched_text(question)})
    return await _shown(connection, scope, fused(nearest, worded)[:limit])


def searched_text(question: str) -> str:
    """What of a question is searched: as much as counts, without characters that PostgreSQL cannot take."""
    return question[:LONGEST_QUESTION].replace("\0", " ").encode(errors="replace").decode()


def fused(nearest: Iterable[Sequence[Scored]], worded: Sequence[Scored]) -> list[Fused]:
    """Fuse the lists of each model's nearest chunks with that of words, by reciprocal ranks; the best first.

    Cosines of two models cannot be compared, ranks can.
    """
    semantic = {one.key: (rank, one.value) for ranked in nearest for rank, one in enumerate(ranked, 1)}
    lexical = {one.key: (rank, one.value) for rank, one in enumerate(worded, 1)}
    found = [_fused(key, semantic.get(key), lexical.get(key)) for key in semantic.keys() | lexical.keys()]
    return sorted(found, key=lambda one: (-one.score, one.key))


def _fused(key: ChunkKey, semantic: tuple[int, float] | None, lexical: tuple[int, float] | None) -> Fused:
    score = sum(1 / (FUSION_K + ranked[0]) for ranked in (semantic, lexical) if ranked is not None)
    return Fused(key, score, semantic and semantic[1], lexical and lexical[1])


def _scope(creator_id: str, knowledge_base_ids: Sequence[str]) -> dict[str, object]:
    return {"creator_id": creator_id, "knowledge_base_ids": list(knowledge_base_ids)}


async def _nearest(
    connection: AsyncConnection[Row], scope: dict[str, object], model: str, vector: Sequence[float]
) -> list[Scored]:
    written = "[" + ",".join(map(str, vector)) + "]"
    return await _scored(connection, NEAREST, scope | {"model": model, "vector": written, "dimensions": len(vector)})


async def _scored(connection: AsyncConnection[Row], sql: str, values: dict[str, object]) -> list[Scored]:
    rows = await (await connection.execute(sql, values)).fetchall()
    return [Scored(ChunkKey(document_id, index), float(value)) for document_id, index, value in rows]


async def _shown(
    connection: AsyncConnection[Row], scope: dict[str, object], found: Sequence[Fused]
) -> list[FoundChunk]:
    """The chunks with their words. One that was deleted since it was found is left out."""
    keys = {
        "document_ids": [one.key.document_id for one in found],
        "chunk_indexes": [one.key.chunk_index for one in found],
    }
    rows = await (await connection.execute(SHOWN, scope | keys)).fetchall()
    shown = {ChunkKey(row[0], row[1]): (row[2], row[3], row[4]) for row in rows}
    return [_found(one, *shown[one.key]) for one in found if one.key in shown]


def _found(one: Fused, chunk_id: str, title: str, content: str) -> FoundChunk:
    return FoundChunk(
        one.key.document_id, chunk_id, one.key.chunk_index, title, content, one.score, one.semantic, one.lexical
    )
