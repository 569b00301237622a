"""HTML of blocks. Every text and every attribute is escaped; links that lead elsewhere than to pages are dropped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from markupsafe import Markup, escape

from content.content_generator.plain_text import depth_of, safe_link
from domain.calls.document import Block, BlockKind, Span


def html_of(blocks: Sequence[Block]) -> Markup:
    """The blocks as HTML. Neighbouring list items are one list, neighbouring rows one table."""
    groups = groupby(blocks, key=lambda block: block.kind)
    return Markup("\n").join(part for kind, group in groups for part in _group(kind, list(group)))


def _group(kind: BlockKind, blocks: list[Block]) -> Iterator[Markup]:
    match kind:
        case BlockKind.ITEM:
            yield from _lists(blocks)
        case BlockKind.ROW:
            yield Markup('<table class="text">{}</table>').format(Markup("").join(map(_row, blocks)))
        case BlockKind.CODE:
            code = Markup("\n").join(_inline(block.spans) for block in blocks)
            yield Markup("<pre><code>{}</code></pre>").format(code)
        case BlockKind.QUOTE:
            yield from (Markup("<blockquote><p>{}</p></blockquote>").format(_inline(block.spans)) for block in blocks)
        case _:
            yield from (Markup("<p>{}</p>").format(_inline(block.spans)) for block in blocks)


def _lists(items: list[Block]) -> Iterator[Markup]:
    """A list for each run of items of one kind; what is deeper than a run's first item belongs to the item above."""
    at = 0
    while at < len(items):
        depth, ordered, end = depth_of(items[at]), items[at].ordered, at + 1
        while end < len(items) and not _begins_another_list(items[end], depth, ordered):
            end += 1
        yield _list(items[at:end], depth, ordered)
        at = end


def _begins_another_list(item: Block, depth: int, ordered: bool) -> bool:
    return depth_of(item) < depth or (depth_of(item) == depth and item.ordered is not ordered)


def _list(items: list[Block], depth: int, ordered: bool) -> Markup:
    parts: list[Markup] = []
    starts = [at for at, item in enumerate(items) if depth_of(item) == depth]
    for start, end in zip(starts, [*starts[1:], len(items)], strict=True):
        below = Markup("").join(_lists(items[start + 1 : end]))
        parts.append(Markup("<li>{}{}</li>").format(_inline(items[start].spans), below))
    return Markup("<{0}>{1}</{0}>").format("ol" if ordered else "ul", Markup("").join(parts))


def _row(block: Block) -> Markup:
    cells = Markup("").join(Markup("<td>{}</td>").format(_inline(cell)) for cell in _cells(block.spans))
    return Markup("<tr>{}</tr>").format(cells)


def _cells(spans: Iterable[Span]) -> list[list[Span]]:
    """The spans of each cell: a tab ends one."""
    cells: list[list[Span]] = [[]]
    for span in spans:
        first, *others = span.text.split("\t")
        cells[-1].append(span.model_copy(update={"text": first}))
        cells += [[span.model_copy(update={"text": other})] for other in others]
    return cells if any(span.text for span in cells[-1]) or len(cells) == 1 else cells[:-1]


def _inline(spans: Iterable[Span]) -> Markup:
    return Markup("").join(_span(span) for span in spans if span.text)


def _span(span: Span) -> Markup:
    html = Markup("<br>").join(escape(line) for line in span.text.split("\n"))
    if span.bold:
        html = Markup("<strong>{}</strong>").format(html)
    if span.italic:
        html = Markup("<em>{}</em>").format(html)
    link = safe_link(span.link)
    return html if link is None else Markup('<a href="{}">{}</a>').format(link, html)
