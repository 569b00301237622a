"""Documents with chosen chunks and vectors, as their processing records them."""

from __future__ import annotations

from collections.abc import Sequence

from domain.creator_hub.document import (
    ChunksEmbedded,
    DocumentDeleted,
    DocumentProcessed,
    DocumentUploaded,
    EmbeddedChunk,
    Plan,
)
from domain.creator_hub.knowledge_base import Chunking
from domain.creator_hub.vectors import encoded
from tests.projections.creator_hub.histories import World

Vector = Sequence[float]


class Library(World):
    """Documents of two creators. Every chunk is a text by itself."""

    def document(
        self,
        creator: str,
        name: str,
        texts: Sequence[str],
        vectors: Sequence[Vector] | None = None,
        *,
        model: str = "flat",
        base: str = "base",
        completed: bool = True,
    ) -> str:
        """A document with these chunks, under the id `<creator>/<name>`; the vectors stay out where none are given."""
        of = {"knowledge_base_id": f"{creator}/{base}", "document_id": f"{creator}/{name}"}
        self._upload(creator, name, of)
        self._embed(creator, of, texts, vectors, model)
        if completed:
            self.record(DocumentProcessed, creator, **of, chunks=len(texts))
        return of["document_id"]

    def remove(self, creator: str, name: str, chunks: int, base: str = "base") -> None:
        of = {"knowledge_base_id": f"{creator}/{base}", "document_id": f"{creator}/{name}"}
        counts = {"chunks": chunks, "size": 50, "round": 1, "first": chunks, "objects": ()}
        self.record(DocumentDeleted, creator, **of, **counts)

    def _upload(self, creator: str, name: str, of: dict[str, str]) -> None:
        about = {"title": name.title(), "file_name": f"{name}.md", "file_type": "md", "metadata": {}}
        stored = {"sha256": "hash", "size": 50, "object_id": "object", "chunking": Chunking()}
        self.record(DocumentUploaded, creator, **of, **about, **stored)

    def _embed(
        self, creator: str, of: dict[str, str], texts: Sequence[str], vectors: Sequence[Vector] | None, model: str
    ) -> None:
        stored = [""] * len(texts) if vectors is None else [encoded(vector) for vector in vectors]
        chunks = [_chunk(index, text, vector) for index, (text, vector) in enumerate(zip(texts, stored, strict=True))]
        plan = Plan(text_object="t", plan_object="p", chunks=len(texts), characters=9, splitter="s")
        counts = {"round": 1, "first": 0, "count": len(texts), "plan": plan, "tokens": 9, "chunks": tuple(chunks)}
        self.record(ChunksEmbedded, creator, **of, **counts, model=model, embedding_model=f"asked for {model}")


def _chunk(index: int, text: str, vector: str) -> EmbeddedChunk:
    return EmbeddedChunk(index=index, text=text, start=0, end=len(text), lead="", repeated=0, page=None, vector=vector)
