"""The errors of rendering Markdown into PDF.

`PdfPool` (render/pool.py) renders a `DocumentRequest` (render/request.py); `styling_of` (render/style.py) reads the
styling of a request; `content_disposition` (filename.py) names the download.
"""

from __future__ import annotations


class DocumentError(Exception):
    """A document was not rendered. `str()` is a sentence for its author."""


class InvalidStyling(DocumentError):
    """A styling field has an unusable value. `field` is its name in the request."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field} {reason}")
        self.field = field


class DocumentTooLarge(DocumentError):
    """The document is longer, more deeply nested, or takes more memory than one document may."""


class RenderTimeout(DocumentError):
    """The document took longer than one document may. A retry is useless."""


class RenderFailed(DocumentError):
    """The renderer broke or could not be started; the document's author cannot mend that."""


class RendererBusy(DocumentError):
    """The queue is full. Retry later."""
