"""Documents as a hostile or careless author could make them, and what HTML holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

from hypothesis import strategies as st

from domain.calls.document import Block, BlockKind, Document, Span

PIECES = st.sampled_from(
    [
        *(
            "<script>alert(1)</script>",
            "</p>",
            "<img src=x onerror=alert(1)>",
            "&amp;",
            '"onload="',
            "'",
            "{{ 7 * 7 }}",
            "{% raw %}",
        ),
        *(
            "breathe",
            "calm.",
            "sensor",
            "team",
            "4 seconds",
            "1,500",
            "12.5%",
            "-3",
            "#calm",
            "#2024goals",
            "Tags: a, <b>",
            "\t",
        ),
        *(
            "Date: 2024-02-30",
            "Date: 2024-03-01",
            "Category: tips",
            "Title: News",
            "Hardware:",
            "[Tips]",
            "[Hardware] New",
            "\n",
        ),
        *(
            "の呼吸。",
            "👩‍👩‍👧",
            "\u202e",
            "\x00\x07",
            "https://example.com/a?b=1&c=2",
            "javascript:alert(1)",
            "www.example.com",
        ),
    ]
)
TEXTS = st.lists(PIECES, max_size=8).map(" ".join) | st.text(max_size=60)
LINKS = st.none() | st.sampled_from(
    [
        *(
            "https://example.com/page?x=1&y=2",
            "mailto:team@example.com",
            'https://example.com/"onclick="x',
            "javascript:alert(1)",
        ),
        *(
            "JaVaScRiPt:alert(1)",
            " javascript:alert(1)",
            "data:text/html,<script>",
            "java\nscript:alert(1)",
            "//example.com",
            "",
        ),
    ]
)
SPANS = st.builds(Span, text=TEXTS, bold=st.booleans(), italic=st.booleans(), link=LINKS)
BLOCKS = st.builds(
    Block,
    kind=st.sampled_from(BlockKind),
    spans=st.lists(SPANS, max_size=4).map(tuple),
    level=st.integers(-1, 9),
    ordered=st.booleans(),
)
DOCUMENTS = st.builds(Document, title=TEXTS, blocks=st.lists(BLOCKS, max_size=12).map(tuple), modified_at=st.none())

ALLOWED = set(
    """a article blockquote body br code div em h1 h2 h3 h4 h5 h6 head html li meta ol p pre section strong style table
    td title tr ul""".split()  # noqa: SIM905
)
VOID = {"br", "meta", "img", "hr", "col", "wbr"}


@dataclass
class Html:
    """What a browser would see in HTML: its elements with their attributes, its text, whether it is balanced."""

    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    text: str = ""
    balanced: bool = True

    @property
    def tags(self) -> set[str]:
        return {tag for tag, _ in self.elements}

    @property
    def links(self) -> list[str]:
        return [attributes["href"] for _, attributes in self.elements if "href" in attributes]


def read(html: str) -> Html:
    """Read HTML as a browser would."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    reader.found.balanced = reader.found.balanced and not reader.open
    return reader.found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found = Html()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.found.balanced = bool(self.open) and self.open.pop() == tag and self.found.balanced

    def handle_data(self, data: str) -> None:
        self.found.text += data
