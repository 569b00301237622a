"""Knowledge bases and documents, through processing, failure and deletion."""

from __future__ import annotations

from typing import Any

import pytest

from domain.creator_hub.document import (
    ChunksEmbedded,
    DocumentDeleted,
    DocumentExtracted,
    DocumentFailed,
    DocumentProcessed,
    DocumentPutOff,
    DocumentRetried,
    DocumentUpdated,
    DocumentUploaded,
    EmbeddedChunk,
    Plan,
    ProcessingStarted,
)
from domain.creator_hub.knowledge_base import Chunking, KnowledgeBaseCreated
from projections.creator_hub.chunks import CHUNKS, chunk_id
from projections.creator_hub.documents import DOCUMENTS, ProcessingStatus
from projections.creator_hub.queries.documents import (
    DocumentRow,
    chunks_of,
    content_of,
    document_by_id,
    documents_page,
)
from projections.creator_hub.queries.knowledge_bases import knowledge_base_by_id, knowledge_bases_page
from tests.projections.creator_hub.histories import CREATOR, NOW, OTHER, World
from tests.projections.tables import Tables, erased

BASE, FOREIGN = f"{CREATOR}/base", f"{OTHER}/base"
TEXT = "Breathe in slowly. \n\nThen breathe out, 100% of it."
SPANS = ((0, 18), (21, 40), (33, 50))
"""Chunks of the text: between the first two lies what neither has, and the last two overlap."""


class Library(World):
    """Documents in the making."""

    def base(self, creator: str) -> None:
        about = {"knowledge_base_name": "Base", "description": "What I know", "settings": {"chunk_size": 50}}
        of = {"knowledge_base_id": f"{creator}/base", "chunking": Chunking()}
        self.record(KnowledgeBaseCreated, creator, **of, **about)

    def about(self, creator: str, name: str) -> dict[str, str]:
        return {"knowledge_base_id": f"{creator}/base", "document_id": f"{creator}/{name}"}

    def upload(self, creator: str, name: str, title: str = "") -> str:
        self.record(
            DocumentUploaded,
            creator,
            **self.about(creator, name),
            title=title or name.title(),
            file_name=f"{name}.md",
            file_type="md",
            metadata={"topic": name},
            sha256="hash",
            size=50,
            object_id="object",
            chunking=Chunking(),
        )
        return f"{creator}/{name}"

    def begin(self, creator: str, name: str) -> None:
        of = self.about(creator, name)
        start = {"round": 1, "object_id": "o", "file_type": "md", "chunking": Chunking(), "plan": None, "first": 0}
        self.record(ProcessingStarted, creator, **of, **start)
        self.record(DocumentExtracted, creator, **of, round=1, plan=PLAN, embedding_model="m")

    def embed(self, creator: str, name: str, first: int, count: int) -> None:
        chunks = tuple(chunk(index) for index in range(first, first + count))
        batch = {"round": 1, "first": first, "count": count, "plan": PLAN, "embedding_model": "m", "tokens": 9}
        self.record(ChunksEmbedded, creator, **self.about(creator, name), **batch, model="m", chunks=chunks)

    def complete(self, creator: str, name: str) -> None:  # type: ignore[override]
        self.begin(creator, name)
        self.embed(creator, name, 0, 2)
        self.embed(creator, name, 2, 1)
        self.wait(minutes=5)
        self.record(DocumentProcessed, creator, **self.about(creator, name), chunks=3)

    def remove(self, creator: str, name: str, chunks: int) -> None:
        counts = {"chunks": chunks, "size": 50, "round": 1, "first": chunks, "objects": ()}
        self.record(DocumentDeleted, creator, **self.about(creator, name), **counts)


PLAN = Plan(text_object="t", plan_object="p", chunks=3, characters=len(TEXT), splitter="s")


def chunk(index: int) -> EmbeddedChunk:
    start, end = SPANS[index]
    before = SPANS[index - 1][1] if index else 0
    lead, repeated = TEXT[before:start], max(before - start, 0)
    shown: dict[str, Any] = {"lead": lead, "repeated": repeated, "page": 1 if index == 2 else None}
    return EmbeddedChunk(index=index, text=TEXT[start:end], start=start, end=end, vector="AAAA", **shown)


@pytest.fixture
def library() -> Library:
    library = Library()
    for creator in (CREATOR, OTHER):
        library.base(creator)
    return library


def found(tables: Tables, name: str) -> DocumentRow:
    document = tables.ask(document_by_id, CREATOR, BASE, f"{CREATOR}/{name}")
    assert document is not None
    return document


def listed(tables: Tables, **filters: Any) -> list[str]:
    page = tables.ask(documents_page, CREATOR, BASE, **filters)
    assert page.total >= len(page.rows)
    return [one.document_id.rpartition("/")[2] for one in page.rows]


def test_a_document_shows_its_chunks_and_text_once_it_is_completed(tables: Tables, library: Library) -> None:
    document = library.upload(CREATOR, "calm")
    library.complete(CREATOR, "calm")
    tables.apply(library.history)
    shown = found(tables, "calm")
    assert (shown.title, shown.file_type, shown.size_bytes, shown.metadata) == ("Calm", "md", 50, {"topic": "calm"})
    assert (shown.status, shown.chunk_count, shown.chunks_planned) == (ProcessingStatus.COMPLETED, 3, 3)
    assert (shown.created_at, shown.processed_at) == (NOW, library.now)
    assert tables.ask(content_of, CREATOR, document) == TEXT
    chunks = tables.ask(chunks_of, CREATOR, document)
    assert [(one.content, (one.start, one.end)) for one in chunks] == [(TEXT[a:b], (a, b)) for a, b in SPANS]
    assert [one.chunk_id for one in chunks] == [chunk_id(document, index) for index in range(3)]
    assert [one.page for one in chunks] == [None, None, 1]
    assert tables.ask(chunks_of, OTHER, document) == []
    assert tables.ask(content_of, OTHER, document) == ""
    assert tables.ask(document_by_id, OTHER, BASE, document) is None
    assert tables.ask(document_by_id, CREATOR, FOREIGN, document) is None


def test_a_document_shows_nothing_of_its_text_until_then(tables: Tables, library: Library) -> None:
    document = library.upload(CREATOR, "calm")
    library.begin(CREATOR, "calm")
    library.embed(CREATOR, "calm", 0, 2)
    tables.apply(library.history)
    shown = found(tables, "calm")
    assert (shown.status, shown.chunk_count, shown.processed_at) == (ProcessingStatus.PROCESSING, 0, None)
    assert (shown.chunks_embedded, shown.chunks_planned, shown.model) == (2, 3, "m")
    assert tables.ask(chunks_of, CREATOR, document) == []
    assert tables.ask(content_of, CREATOR, document) == ""
    assert listed(tables, search="slowly") == []


def test_a_document_says_why_it_waits_or_failed(tables: Tables, library: Library) -> None:
    library.upload(CREATOR, "calm")
    library.begin(CREATOR, "calm")
    of = library.about(CREATOR, "calm")
    library.record(DocumentPutOff, CREATOR, **of, round=1, code="away", resume_at=library.now)
    tables.apply(library.history)
    shown = found(tables, "calm")
    assert (shown.status, shown.code, shown.resume_at) == (ProcessingStatus.PROCESSING, "away", library.now)
    library.record(DocumentFailed, CREATOR, **of, round=2, code="no_text", reason="there is no text in it")
    tables.clear()
    tables.apply(library.history)
    shown = found(tables, "calm")
    assert (shown.status, shown.code, shown.reason) == (ProcessingStatus.FAILED, "no_text", "there is no text in it")
    library.record(DocumentRetried, CREATOR, **of, round=3)
    tables.clear()
    tables.apply(library.history)
    shown = found(tables, "calm")
    assert (shown.status, shown.code, shown.reason) == (ProcessingStatus.PENDING, None, None)


def test_lists_are_the_newest_first_and_hits_in_the_title_before_those_in_the_text(
    tables: Tables, library: Library
) -> None:
    library.upload(CREATOR, "old", "How to breathe")
    library.wait(minutes=1)
    library.upload(CREATOR, "calm")
    library.complete(CREATOR, "calm")
    library.upload(CREATOR, "new", "50% off")
    library.upload(OTHER, "foreign", "How to breathe")
    tables.apply(library.history)
    assert listed(tables) == ["new", "calm", "old"]
    assert listed(tables, search="BREATHE") == ["old", "calm"]
    assert listed(tables, search="slowly. \n\nthen") == ["calm"], "a text is searched across its chunks"
    assert listed(tables, search="%") == ["new", "calm"]
    assert listed(tables, search="50% ") == ["new"]
    assert listed(tables, search="_") == []
    assert listed(tables, status=ProcessingStatus.PENDING) == ["new", "old"]
    assert listed(tables, status=ProcessingStatus.COMPLETED, search="breathe") == ["calm"]
    assert listed(tables, page=2, limit=2) == ["old"]
    past = tables.ask(documents_page, CREATOR, BASE, page=9)
    assert (past.rows, past.total) == ([], 3)
    assert tables.ask(documents_page, CREATOR, FOREIGN).total == 0


def test_an_update_replaces_title_and_metadata(tables: Tables, library: Library) -> None:
    library.upload(CREATOR, "calm")
    of = library.about(CREATOR, "calm")
    library.record(DocumentUpdated, CREATOR, **of, title="Peace", metadata={"b": None, "a": 1})
    tables.apply(library.history)
    assert (found(tables, "calm").title, list(found(tables, "calm").metadata)) == ("Peace", ["b", "a"])


def test_nothing_is_left_of_a_deleted_document(tables: Tables, library: Library) -> None:
    document = library.upload(CREATOR, "calm")
    library.complete(CREATOR, "calm")
    library.remove(CREATOR, "calm", 3)
    tables.apply(library.history)
    assert tables.rows(DOCUMENTS, CHUNKS) == {DOCUMENTS.name: [], CHUNKS.name: []}
    before = tables.rows()
    tables.clear()
    tables.apply(erased(library.history, f"creator_hub:{document}"))
    assert tables.rows() == before


def test_no_word_is_left_between_the_end_of_the_key_and_the_deletion(tables: Tables, library: Library) -> None:
    document = library.upload(CREATOR, "calm")
    library.complete(CREATOR, "calm")
    tables.apply(library.history)
    assert "breathe" in str(tables.rows(CHUNKS))
    tables.erase(f"creator_hub:{document}")
    assert all(word not in str(tables.rows()) for word in ("Breathe", "breathe", "Calm", "calm.md"))
    assert listed(tables) == []
    assert tables.ask(chunks_of, CREATOR, document) == []


def test_knowledge_bases_count_the_documents_that_are_there(tables: Tables, library: Library) -> None:
    for name in ("one", "two", "three"):
        library.upload(CREATOR, name)
    library.remove(CREATOR, "two", 0)
    tables.apply(library.history)
    base = tables.ask(knowledge_base_by_id, CREATOR, BASE)
    assert base is not None
    assert (base.knowledge_base_name, base.settings, base.created_at) == ("Base", {"chunk_size": 50}, NOW)
    assert (base.documents, base.size_bytes) == (2, 100)
    page = tables.ask(knowledge_bases_page, CREATOR)
    assert (page.rows, page.total) == ([base], 1)
    (other,) = tables.ask(knowledge_bases_page, OTHER).rows
    assert (other.documents, other.size_bytes) == (0, 0)
    assert tables.ask(knowledge_base_by_id, OTHER, BASE) is None
