"""The text of a Word document, read as a stream: paragraphs, tables, notes, in memory that does not grow with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from posixpath import dirname, join, normpath
from xml.parsers.expat import ExpatError, ParserCreate
from zipfile import ZipFile

from documents.extract.docx_archive import opened
from documents.extract.layout import CELL, LINE, PARAGRAPH, SPACE, Layout
from documents.extract.request import ExtractionLimits, Failure, Unextractable, too_long

_BLOCK_BYTES = 64 << 10
_RELATIONS = "_rels/.rels"
_MAIN_PART = "word/document.xml"
_NOTES = ("footnotes.xml", "endnotes.xml")
_WORD = (
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "http://purl.oclc.org/ooxml/wordprocessingml/main",
)
_MATHEMATICS = (
    "http://schemas.openxmlformats.org/officeDocument/2006/math",
    "http://purl.oclc.org/ooxml/officeDocument/math",
)
_TEXTS = frozenset(f"{space} t" for space in (*_WORD, *_MATHEMATICS))
_SHORT = {
    f"{space} {name}": name for space in _WORD for name in ("p", "tc", "tr", "tbl", "tab", "br", "cr", "document")
}
_HYPHENS = frozenset(f"{space} noBreakHyphen" for space in _WORD)
_UNREAD = frozenset(
    {f"{space} moveFrom" for space in _WORD} | {"http://schemas.openxmlformats.org/markup-compatibility/2006 Fallback"}
)
"""Text that stands elsewhere once more."""

_CHARACTERS = {"tab": "\t", "br": "\n", "cr": "\n"}
_GAPS = {"p": PARAGRAPH, "tc": CELL, "tr": LINE, "tbl": PARAGRAPH}

Start = Callable[[str, Mapping[str, str]], None]


def docx_text(content: bytes, limits: ExtractionLimits) -> str:
    """The text, uncleaned. Raises Unextractable."""
    with opened(content, limits) as archive:
        names = set(archive.namelist())
        main = _main_part(archive, names)
        if main not in names:
            raise Unextractable(Failure.UNSUPPORTED, "the file holds no Word document")
        reader = _Reader(limits.text_bytes)
        reader.read(archive, main)
        for notes in _NOTES:
            if (part := join(dirname(main), notes)) in names:
                reader.read(archive, part)
    return reader.text


def _main_part(archive: ZipFile, names: set[str]) -> str:
    """The name of the part with the document, as the archive says it, or its usual name."""
    targets = []

    def relation(_name: str, attributes: Mapping[str, str]) -> None:
        if attributes.get("Type", "").endswith("/officeDocument"):
            targets.append(normpath(attributes.get("Target", "").lstrip("/")))

    if _RELATIONS in names:
        parse(archive, _RELATIONS, relation)
    return targets[0] if targets else _MAIN_PART


class _Reader:
    """The text of a document's parts as their elements come."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._layout = Layout()
        self._root: str | None = None
        self._unread = 0
        self._cells = 0
        self._in_text = False

    @property
    def text(self) -> str:
        return self._layout.text

    def read(self, archive: ZipFile, part: str) -> None:
        self._layout.space(PARAGRAPH)
        parse(archive, part, self._start, self._end, self._add)

    def _start(self, name: str, _attributes: Mapping[str, str]) -> None:
        if self._root is None:
            self._root = _SHORT.get(name, "")
            if self._root != "document":
                raise Unextractable(Failure.UNSUPPORTED, "the file holds no Word document")
        if self._unread or name in _UNREAD:
            self._unread += 1
            return
        self._in_text = name in _TEXTS
        self._cells += _SHORT.get(name) == "tc"
        if name in _HYPHENS:
            self._layout.write("\u2011")
        elif character := _CHARACTERS.get(_SHORT.get(name, "")):
            self._layout.write(character)

    def _end(self, name: str) -> None:
        if self._unread:
            self._unread -= 1
            return
        self._in_text = False
        short = _SHORT.get(name, "")
        self._cells -= short == "tc"
        if gap := _GAPS.get(short):
            self._layout.space(SPACE if short == "p" and self._cells else gap)

    def _add(self, text: str) -> None:
        if self._in_text and not self._unread:
            self._layout.write(text)
            if self._layout.length > self._longest:
                raise too_long(self._longest)


def parse(
    archive: ZipFile,
    part: str,
    start: Start,
    end: Callable[[str], None] | None = None,
    add: Callable[[str], None] | None = None,
) -> None:
    """Read a part's XML as a stream. Raises Unextractable for what is no XML, and for a declaration of its type.

    A declaration may define entities that grow without bound, or that stand for files; Word writes none.
    """
    parser = ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = add
    try:
        with archive.open(part) as stream:
            while block := stream.read(_BLOCK_BYTES):
                parser.Parse(block)
            parser.Parse(b"", True)
    except ExpatError as error:
        raise Unextractable(Failure.CORRUPT, "the file is damaged: a part of it is no XML") from error


def _refuse(*_: object) -> None:
    raise Unextractable(Failure.BOMB, "the file declares entities, as no Word document does")
