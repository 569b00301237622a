"""Reader of the rendered PDFs, by another library than the one that writes them."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pypdfium2 as pdfium  # type: ignore[import-untyped]
from pypdfium2 import raw


@contextmanager
def opened(pdf: bytes) -> Iterator[pdfium.PdfDocument]:
    with closing(pdfium.PdfDocument(pdf)) as document:
        yield document


def pages_of(pdf: bytes) -> list[str]:
    """The text of each page, as a reader would copy it; runs of white space become one space."""
    with opened(pdf) as document:
        return [" ".join(_text(page).split()) for page in document]


def text_of(pdf: bytes) -> str:
    return " ".join(pages_of(pdf))


def letters_of(pdf: bytes) -> str:
    """All text without any white space, so that where its lines were broken makes no difference."""
    return re.sub(r"\s", "", text_of(pdf))


def metadata_of(pdf: bytes) -> dict[str, str]:
    with opened(pdf) as document:
        return dict(document.get_metadata_dict())


def bookmarks_of(pdf: bytes) -> list[tuple[int, str]]:
    with opened(pdf) as document:
        return [(entry.level, entry.get_title()) for entry in document.get_toc()]


def addresses_of(pdf: bytes) -> list[str]:
    """Where the links of the document lead: an address, or `page N` within it."""
    with opened(pdf) as document:
        return [_target(document, link) for page in document for link in _links(page)]


def outside_of_pages(pdf: bytes, margin: float = 30) -> list[str]:
    """The letters that stand less than a margin (pt) from an edge of their page, or beyond it."""
    with opened(pdf) as document:
        return [letter for page in document for letter in _at_the_edge(page, margin)]


def sizes_of_pages(pdf: bytes) -> list[tuple[int, int]]:
    """The width and height of each page in pt."""
    with opened(pdf) as document:
        return [(round(page.get_width()), round(page.get_height())) for page in document]


def overlaps_of(pdf: bytes) -> int:
    """How often two letters of the first page stand on each other, by more than half of the narrower one."""
    with opened(pdf) as document, closing(document[0].get_textpage()) as text:
        boxes = [text.get_charbox(place) for place in range(text.count_chars())]
    letters = sorted(box for box in boxes if box[2] - box[0] > 1)
    return sum(
        min(one[2], other[2]) - other[0] > min(one[2] - one[0], other[2] - other[0]) / 2
        for place, one in enumerate(letters)
        for other in letters[place + 1 : place + 60]
        if other[0] < one[2] and min(one[3], other[3]) - max(one[1], other[1]) > 2
    )


class Letter:
    """The first letter of some words on the first page: where it stands (pt), how large it is (pt), its colour."""

    def __init__(self, pdf: bytes, words: str) -> None:
        with opened(pdf) as document, closing(document[0].get_textpage()) as text:
            place = text.get_text_range().index(words)
            x, y = ctypes.c_double(), ctypes.c_double()
            raw.FPDFText_GetCharOrigin(text, place, x, y)
            parts = [ctypes.c_uint() for _ in range(4)]
            raw.FPDFText_GetFillColor(text, place, *parts)
            self.x, self.y = x.value, y.value
            self.size: float = raw.FPDFText_GetFontSize(text, place)
            self.color = "#" + "".join(f"{part.value:02x}" for part in parts[:3])


def _at_the_edge(page: pdfium.PdfPage, margin: float) -> Iterator[str]:
    with closing(page.get_textpage()) as text:
        for place in range(text.count_chars()):
            left, _, right, _ = text.get_charbox(place)
            if right > left and (left < margin or right > page.get_width() - margin):
                yield text.get_text_range(place, 1)


def _text(page: pdfium.PdfPage) -> str:
    with closing(page.get_textpage()) as text:
        return str(text.get_text_range())


def _links(page: pdfium.PdfPage) -> Iterator[object]:
    place, link = ctypes.c_int(0), raw.FPDF_LINK()
    while raw.FPDFLink_Enumerate(page, place, link):
        yield link


def _target(document: pdfium.PdfDocument, link: object) -> str:
    if destination := raw.FPDFLink_GetDest(document, link):
        return f"page {raw.FPDFDest_GetDestPageIndex(document, destination) + 1}"
    action = raw.FPDFLink_GetAction(link)
    size = raw.FPDFAction_GetURIPath(document, action, None, 0)
    buffer = ctypes.create_string_buffer(size)
    raw.FPDFAction_GetURIPath(document, action, buffer, size)
    return buffer.value.decode()
