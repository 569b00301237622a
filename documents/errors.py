"""Markdown documents into PDF, by Typst, in a confined process. What can go wrong, as types.

`PdfPool` (pool.py) renders a `DocumentRequest` (request.py); `styling_of` (styling.py) reads what a request says of the
looks; `content_disposition` (filename.py) names the download.
"""

from __future__ import annotations


class DocumentError(Exception):
    """A document was not rendered. `str()` is a sentence for the person who sent it."""


class InvalidStyling(DocumentError):
    """A styling field has a value that cannot be honoured. `field` is its name as the client wrote it."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field} {reason}")
        self.field = field


class DocumentTooLarge(DocumentError):
    """The document is longer, more deeply nested, or takes more memory than one document may."""


class RenderTimeout(DocumentError):
    """The document took longer than one document may. It would again: trying it again is useless."""


class RenderFailed(DocumentError):
    """The renderer broke, or could not be started: no fault that the document's author could name."""


class RendererBusy(DocumentError):
    """As many documents wait as may wait. Later it may go."""
