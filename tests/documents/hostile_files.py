"""Hostile files: bombs, loops, nests and lies about types, each with the outcome of its extraction."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from random import Random
from zipfile import ZIP_DEFLATED, ZipFile

from documents.extract.request import Failure
from tests.documents.files import archive, docx, one_page, paragraph, pdf, pdf_of, squeezed, stream

MEGABYTE = 1 << 20
NOISE = Random(1).randbytes(100_000)


def laughs() -> str:
    """Ten entities, each ten of the one before."""
    entities = ['<!ENTITY e0 "ha">', *(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))]
    return f"<!DOCTYPE x [{''.join(entities)}]>"


def with_entry_of_lies() -> bytes:
    """A Word document whose directory says that a part of a megabyte has ten bytes."""
    whole = bytearray(docx(paragraph("x" * MEGABYTE)))
    place = whole.rindex(b"PK\x01\x02")
    struct.pack_into("<I", whole, place + 24, 10)
    return bytes(whole)


def many_entries() -> bytes:
    made = io.BytesIO()
    with ZipFile(made, "w") as target:
        target.writestr("word/document.xml", "")
        for number in range(2_500):
            target.writestr(f"word/{number}", "")
    return made.getvalue()


def encrypted_archive() -> bytes:
    whole = bytearray(docx(paragraph("x")))
    for sign, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = -1
        while (place := whole.find(sign, place + 1)) >= 0:
            whole[place + offset] |= 1
    return bytes(whole)


def zip_bomb(megabytes: int) -> bytes:
    made = io.BytesIO()
    with ZipFile(made, "w", ZIP_DEFLATED, compresslevel=9) as target, target.open("word/document.xml", "w") as part:
        for _ in range(megabytes):
            part.write(b" " * MEGABYTE)
    return made.getvalue()


def forms_in_forms() -> bytes:
    """A page that draws a form, which draws the next one ten times, ten levels deep."""
    forms = [
        stream(b"/X Do " * 10, f"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources <</XObject <</X {n} 0 R>>>>")
        for n in range(7, 17)
    ]
    last = stream(b"BT /F1 9 Tf (x) Tj ET", "/Type /XObject /Subtype /Form /BBox [0 0 9 9]")
    return one_page(stream(b"/X Do"), *forms, last, resources="/XObject <</X 6 0 R>>")


def form_in_itself() -> bytes:
    form = stream(b"/X Do", "/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources <</XObject <</X 6 0 R>>>>")
    return one_page(stream(b"/X Do"), form, resources="/XObject <</X 6 0 R>>")


def pages_in_a_circle() -> bytes:
    return pdf_of(
        [
            "<</Type /Catalog /Pages 2 0 R>>",
            "<</Type /Pages /Kids [3 0 R 3 0 R] /Count 4 /Parent 3 0 R>>",
            "<</Type /Pages /Kids [2 0 R 2 0 R] /Count 4 /Parent 2 0 R>>",
        ]
    )


def encrypted_pdf() -> bytes:
    keys = "<</Filter /Standard /V 2 /R 3 /Length 128 /P -4 /O <" + "41" * 32 + "> /U <" + "42" * 32 + ">>>"
    return pdf(["secret"], trailer=f"/Encrypt {keys} /ID [<{'43' * 16}> <{'43' * 16}>]")


def flate_bomb(megabytes: int) -> bytes:
    """A page whose contents are so many megabytes of blanks, pressed twice."""
    pressed = zlib.compressobj(1)
    content = b"".join(pressed.compress(b" " * MEGABYTE) for _ in range(megabytes)) + pressed.flush()
    return one_page(stream(zlib.compress(content, 9), "/Filter [/FlateDecode /FlateDecode]"))


Made = Callable[[], bytes]

HOSTILE: dict[str, tuple[str, Made, Failure | None]] = {
    "a zip bomb": ("a.docx", lambda: zip_bomb(200), Failure.BOMB),
    "an archive that unpacks to a hundred times its size": ("a.docx", lambda: zip_bomb(20), Failure.BOMB),
    "an archive of too many parts": ("a.docx", many_entries, Failure.BOMB),
    "an archive in an archive": (
        "a.docx",
        lambda: docx(paragraph("x"), {"word/a.zip": archive({"b.zip": b"PK"})}),
        Failure.BOMB,
    ),
    "a workbook in a document, as Word keeps it": (
        "a.docx",
        lambda: docx(paragraph("x"), {"word/embeddings/a.xlsx": archive({"b": b"c"})}),
        None,
    ),
    "an archive of nothing": ("a.docx", lambda: archive({}), Failure.UNSUPPORTED),
    "an archive that ends early": ("a.docx", lambda: docx(paragraph("x" * 1000))[:-100], Failure.CORRUPT),
    "an archive with a broken part": (
        "a.docx",
        lambda: docx(paragraph("x")).replace(b"word/document.xml", b"word/dokument.xml", 1),
        Failure.CORRUPT,
    ),
    "an archive that lies about a part's size": ("a.docx", with_entry_of_lies, Failure.CORRUPT),
    "an archive with a password": ("a.docx", encrypted_archive, Failure.ENCRYPTED),
    "an archive without a document": ("a.docx", lambda: archive({"word/a": "b"}), Failure.UNSUPPORTED),
    "a workbook that says it is a document": (
        "a.docx",
        lambda: archive({"[Content_Types].xml": "", "word/document.xml": "<workbook/>"}),
        Failure.UNSUPPORTED,
    ),
    "entities of entities": ("a.docx", lambda: docx(paragraph("&e9;"), prolog=laughs()), Failure.BOMB),
    "an entity that is a file": (
        "a.docx",
        lambda: docx(paragraph("&x;"), prolog='<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
        Failure.BOMB,
    ),
    "a declaration in UTF-16": (
        "a.docx",
        lambda: docx("", {"word/footnotes.xml": f"{laughs()}<a>&e9;</a>".encode("utf-16")}),
        Failure.BOMB,
    ),
    "XML that ends early": ("a.docx", lambda: docx("<w:p>"), Failure.CORRUPT),
    "a hundred thousand elements deep": (
        "a.docx",
        lambda: docx("<w:p>" * 100_000 + "</w:p>" * 100_000, {"word/media/a.png": NOISE}),
        Failure.EMPTY,
    ),
    "a document of many words": (
        "a.docx",
        lambda: docx("".join(paragraph(f"{number:x} " * 100) for number in range(20_000))),
        Failure.TOO_LONG,
    ),
    "pages in a circle": ("a.pdf", pages_in_a_circle, Failure.NO_TEXT),
    "a form that draws itself": ("a.pdf", form_in_itself, Failure.NO_TEXT),
    "two thousand and one pages": ("a.pdf", lambda: pdf(["x"] * 2_001), Failure.TOO_MANY_PAGES),
    "two thousand million pages": (
        "a.pdf",
        lambda: pdf(["x"]).replace(b"/Count 1", b"/Count 2000000000"),
        None,
    ),
    "a PDF with a password": ("a.pdf", encrypted_pdf, Failure.ENCRYPTED),
    "a PDF of pictures": ("a.pdf", lambda: pdf([""]), Failure.NO_TEXT),
    "a PDF that ends early": ("a.pdf", lambda: b"%PDF-1.7\n1 0 obj\n<<", Failure.CORRUPT),
    "a PDF of noise": ("a.pdf", lambda: b"%PDF-1.7\n" + bytes(range(256)) * 4_000, Failure.CORRUPT),
    "brackets in a PDF": ("a.pdf", lambda: one_page(stream(b"[" * 2_000_000)), Failure.NO_TEXT),
    "dictionaries in a PDF": ("a.pdf", lambda: pdf_of(["<</A " * 100_000]), Failure.CORRUPT),
    "a page of many words": (
        "a.pdf",
        lambda: one_page(squeezed(b"BT /F1 9 Tf " + b"(" + b"word " * 200 + b") Tj ET")),
        None,
    ),
    "a PDF that says it is text": ("a.txt", lambda: pdf(["x"]), Failure.UNSUPPORTED),
    "an archive that says it is a page": ("a.html", lambda: archive({"a": "b"}), Failure.UNSUPPORTED),
    "a picture that says it is a table": ("a.csv", lambda: b"\x89PNG\r\n\x1a\n" + bytes(100), Failure.UNSUPPORTED),
    "text that says it is a PDF": ("a.pdf", lambda: b"words", Failure.UNSUPPORTED),
    "a program": ("a.exe", lambda: b"MZ", Failure.UNSUPPORTED),
    "nothing": ("a.txt", lambda: b"", Failure.EMPTY),
    "white space": ("a.md", lambda: b" \n\t" * 1000, Failure.EMPTY),
    "text of five megabytes and a byte": ("a.txt", lambda: b"x" * (5 * MEGABYTE + 1), Failure.TOO_LONG),
    "text of five megabytes without a space": ("a.txt", lambda: b"x" * (5 * MEGABYTE), None),
    "accents upon accents": ("a.txt", ("a" + "\u0301" * MEGABYTE).encode, None),
    "twenty megabytes of an unknown encoding": ("a.txt", lambda: b"\xe9t\xe9 " * 5 * MEGABYTE, Failure.TOO_LONG),
    "a page of a hundred thousand elements": ("a.html", lambda: b"<div>" * 100_000, Failure.TOO_DEEP),
    "open styles before every paragraph": (
        "a.html",
        lambda: b"<b>" * 400 + b"<p>x" * 10_000,
        None,
    ),
    "a tag without an end": ("a.html", lambda: b"x<a " + b"b=' " * MEGABYTE, None),
    "a megabyte of tags": ("a.html", lambda: b"<p>" * 350_000, Failure.EMPTY),
    "a table of brackets": ("a.md", lambda: b"[" * MEGABYTE + b"](" * MEGABYTE, None),
}
"""Name of the file, its content, and the failure, or none where its text is had."""

SLOW: dict[str, tuple[str, Made]] = {
    "forms that draw forms": ("a.pdf", forms_in_forms),
    "a great many blanks, pressed twice": ("a.pdf", lambda: flate_bomb(200)),
}
"""Files that may also end by their limits of time and memory."""
