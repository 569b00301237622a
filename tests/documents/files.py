"""Files made by code: PDFs and Word documents, right and wrong ones."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Mapping, Sequence
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="word/document.xml"/></Relationships>'
)
CONTENT_TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'


def pdf_of(objects: Sequence[str | bytes], trailer: str = "") -> bytes:
    """A PDF of these objects, numbered from 1, of which the first is the catalogue."""
    out = io.BytesIO()
    out.write(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n" % number + (body.encode() if isinstance(body, str) else body) + b"\nendobj\n")
    table = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.writelines(b"%010d 00000 n \n" % place for place in places)
    out.write(f"trailer\n<</Size {len(objects) + 1} /Root 1 0 R {trailer}>>\nstartxref\n{table}\n%%EOF".encode())
    return out.getvalue()


def stream(content: bytes, fields: str = "") -> bytes:
    return f"<<{fields} /Length {len(content)}>>\nstream\n".encode() + content + b"\nendstream"


def squeezed(content: bytes) -> bytes:
    return stream(zlib.compress(content, 9), "/Filter /FlateDecode")


def pdf(pages: Iterable[str], catalogue: str = "", trailer: str = "") -> bytes:
    """A PDF with a line of text (ASCII) on each page."""
    texts = list(pages)
    kids = " ".join(f"{5 + 2 * number} 0 R" for number in range(len(texts)))
    objects: list[str | bytes] = [
        f"<</Type /Catalog /Pages 2 0 R {catalogue}>>",
        f"<</Type /Pages /Kids [{kids}] /Count {len(texts)}>>",
        "<</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>",
        stream(f"BT /F1 12 Tf 72 700 Td ({texts[0] if texts else ''}) Tj ET".encode()),
    ]
    for number, text in enumerate(texts):
        objects.append(page(6 + 2 * number))
        objects.append(stream(f"BT /F1 12 Tf 72 700 Td ({text}) Tj ET".encode()))
    return pdf_of(objects, trailer)


def page(contents: int, resources: str = "/Font <</F1 3 0 R>>") -> str:
    return f"<</Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources <<{resources}>> /Contents {contents} 0 R>>"


def one_page(contents: bytes, *more: str | bytes, resources: str = "/Font <</F1 3 0 R>>") -> bytes:
    """A PDF whose page has this stream as its contents, which may use objects from number 6 on."""
    return pdf_of(
        [
            "<</Type /Catalog /Pages 2 0 R>>",
            "<</Type /Pages /Kids [4 0 R] /Count 1>>",
            "<</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>",
            page(5, resources),
            contents,
            *more,
        ]
    )


def archive(parts: Mapping[str, str | bytes]) -> bytes:
    made = io.BytesIO()
    with ZipFile(made, "w", ZIP_DEFLATED) as target:
        for name, content in parts.items():
            target.writestr(
                ZipInfo(name), content, ZIP_DEFLATED
            )  # with a date of its own, tests would have other names
    return made.getvalue()


def docx(body: str, more: Mapping[str, str | bytes] | None = None, prolog: str = "") -> bytes:
    """A Word document with this XML as its body."""
    document = f'{prolog}<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>'
    parts = {"[Content_Types].xml": CONTENT_TYPES, "_rels/.rels": RELATIONS, "word/document.xml": document}
    return archive(parts | dict(more or {}))


def paragraph(text: str) -> str:
    return f'<w:p><w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'
