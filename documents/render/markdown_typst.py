"""The conversion of Markdown into a Typst source: calls of our template's functions, with the text as literals."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote

from markdown_it.token import Token

from documents.errors import DocumentTooLarge
from documents.render.columns import Columns
from documents.render.direction import language
from documents.render.formulas import Formula, formula
from documents.render.highlights import lines
from documents.render.literals import UNBROKEN, breakable, code_literal, literal, scalar
from documents.render.markdown import Parsed, parse
from documents.render.markdown_math import written
from documents.render.markdown_tokens import alignment, prose, slugs, tight, until_close
from documents.render.request import Options
from documents.render.source import TypstSource, document

DEEPEST = 16
"""Nested lists, quotations and notes; Typst itself fails a little later."""

_LINKABLE = re.compile(r"(?:https?://|mailto:|tel:).{1,2000}", re.IGNORECASE | re.ASCII)
_LONGEST_SHOWN = 200
_UNBROKEN_IN_CELLS = (12, 20)
"""Letters of a word that is never broken in a table of many columns, and in one of few; a number has fewer."""

_EM_OF_ATOMS = 1.3
_EM_OF_LINES = 0.7
_EM_OF_LEVELS = 3.0
"""Bounds in em: of what a formula takes for each letter, a line for each of UNBROKEN, and a level of nesting."""

_DIRECTED = {"paragraph_open", "heading_open", "bullet_list_open", "ordered_list_open", "blockquote_open", "dl_open"}
_DIRECTED |= {"table_open"}
_DEEPER = {"blockquote_open", "list_item_open", "dd_open"}
_SPANS = {
    "em_open": "#emph[",
    "strong_open": "#strong[",
    "s_open": "#strike[",
    "sub_open": "#sub[",
    "sup_open": "#super[",
}
_EMPTY_LINE = [("plain", " ")]
_OPENINGS = {
    "paragraph_open": ("", "\n\n"),
    "blockquote_open": ("#quotation[", "];\n\n"),
    "list_item_open": ("[", "],"),
    "dl_open": ("", ""),
    "dt_open": ("#term[", "];\n\n"),
    "dd_open": ("#definition[", "];\n\n"),
    "tbody_open": ("", ""),
}
_LEAVES = {"hr": "#rule();\n\n", "softbreak": " ", "hardbreak": "#linebreak();"}


@dataclass(frozen=True, slots=True)
class _Scope:
    """What holds within an element. `closing` gives what ends it."""

    closing: Callable[[], str]
    unbroken: int
    language: str = "en"
    depth: int = 0
    spans: frozenset[str] = frozenset()
    linked: bool = False
    columns: Columns | None = None


def to_typst(markdown: str, options: Options) -> TypstSource:
    """The document as a Typst source. Raises DocumentTooLarge for one nested too deeply or with too many parts.

    HTML is shown as it is written, images as their text and a link. Nothing of the document is Typst markup or code,
    except its formulas (formulas.py).
    """
    parsed = parse(scalar(markdown))
    writer = _Writer(parsed, max(8, round(UNBROKEN * 11 / options.styling.font_size)))
    writer.flow(parsed.flow)
    return document(writer.text(), writer.formulas(), options)


def linkable(address: str) -> bool:
    """Whether the address may be a link: the web, mail and telephone, and no other scheme."""
    return _LINKABLE.fullmatch(address) is not None


class _Writer:
    """The writer of tokens, in one pass from left to right, recursive only for notes within notes.

    Every opening token pushes a scope with its ending, and every closing token pops one, whatever its kind.
    """

    def __init__(self, parsed: Parsed, unbroken: int) -> None:
        self._out: list[str] = []
        self._notes = parsed.notes
        self._noted: set[int] = set()
        self._formulas: dict[str, tuple[int, Formula]] = {}
        self._anchors = {slug: place for place, slug in enumerate(slugs(parsed.flow))}
        self._unbroken = unbroken
        self._scopes = [_Scope(lambda: "", unbroken)]
        self._opened: dict[str, Callable[[Sequence[Token], int], tuple[str, _Scope]]] = {
            "heading_open": self._heading,
            "bullet_list_open": self._bullets,
            "ordered_list_open": self._numbers,
            "table_open": self._table,
            "thead_open": self._table_head,
            "tr_open": self._row,
            "th_open": self._cell,
            "td_open": self._cell,
            "link_open": self._link,
        }
        self._special: dict[str, Callable[[Sequence[Token], int], str]] = {
            "fence": self._fence,
            "code_block": self._fence,
            "math_block": self._display,
            "math_block_eqno": self._display,
            "amsmath": self._display,
            "math_inline": self._math,
            "math_inline_double": self._display,
            "inline": self._inline,
            "text": self._text,
            "code_inline": self._mono,
            "image": self._image,
            "footnote_ref": self._note,
            "html_inline": _checkbox,
        }

    def text(self) -> str:
        return "".join(self._out)

    def formulas(self) -> tuple[Formula, ...]:
        return tuple(each for _, each in self._formulas.values())

    def flow(self, tokens: Sequence[Token]) -> None:
        for place, token in enumerate(tokens):
            if token.nesting == 1:
                self._open(tokens, place)
            elif token.nesting == -1:
                self._out.append(self._scopes.pop().closing())
            else:
                self._out.append(self._leaf(tokens, place))

    @property
    def _scope(self) -> _Scope:
        return self._scopes[-1]

    def _open(self, tokens: Sequence[Token], place: int) -> None:
        token = tokens[place]
        opening, scope = self._opening(tokens, place)
        scope = replace(scope, depth=_deeper(scope.depth) if token.type in _DEEPER else scope.depth)
        tongue = language(prose(tokens, place)) if token.type in _DIRECTED and not token.hidden else None
        if tongue is not None and tongue != scope.language:
            closing = scope.closing
            opening = f'#tongue("{tongue}")[{opening}'
            scope = replace(scope, language=tongue, closing=lambda: f"{closing()}];\n\n")
        self._out.append(opening)
        self._scopes.append(scope)

    def _opening(self, tokens: Sequence[Token], place: int) -> tuple[str, _Scope]:
        token = tokens[place]
        if token.hidden:
            return " ", self._within(" ")
        if token.type in _SPANS:
            return self._span(token.type)
        if token.type in self._opened:
            return self._opened[token.type](tokens, place)
        opening, closing = _OPENINGS.get(token.type, ("", ""))
        return opening, self._within(closing)

    def _within(self, closing: str) -> _Scope:
        return replace(self._scope, closing=lambda: closing)

    def _leaf(self, tokens: Sequence[Token], place: int) -> str:
        token = tokens[place]
        if token.hidden:
            return " "
        if token.type in _LEAVES:
            return _LEAVES[token.type]
        write = self._special.get(token.type)
        return write(tokens, place) if write else self._literal(token.content)

    def _literal(self, text: str) -> str:
        pieces = breakable(text, self._scope.unbroken)
        if self._scope.columns is not None:
            self._scope.columns.pieces(pieces)
        return "#box();".join(f"#{literal(piece)};" for piece in pieces if piece)

    def _monospaced(self, text: str) -> str:
        pieces = breakable(text, self._scope.unbroken * 3 // 4)
        if self._scope.columns is not None:
            self._scope.columns.pieces(pieces, code=True)
        return "#box();".join(f"#mono({code_literal(piece)});" for piece in pieces)

    def _span(self, name: str) -> tuple[str, _Scope]:
        """Write only the outermost span of a kind: inner ones mean nothing, and asterisks can nest thousands."""
        if name in self._scope.spans:
            return "", self._within("")
        return _SPANS[name], replace(self._within("];"), spans=self._scope.spans | {name})

    def _inline(self, tokens: Sequence[Token], place: int) -> str:
        self.flow(tokens[place].children or ())
        return ""

    def _text(self, tokens: Sequence[Token], place: int) -> str:
        """Strip the space after a displayed formula, which would begin the next line."""
        after_display = place > 0 and tokens[place - 1].type == "math_inline_double"
        return self._literal(tokens[place].content.lstrip() if after_display else tokens[place].content)

    def _heading(self, tokens: Sequence[Token], place: int) -> tuple[str, _Scope]:
        """Label the heading, unless it is within a note: a note without a reference is not written."""
        number = self._anchors.get(str(tokens[place].attrs.get("id", "")))
        label = "" if number is None else f"<h{number}>"
        return f"#heading(level: {int(tokens[place].tag[1])})[", self._within(f"]{label}\n\n")

    def _bullets(self, tokens: Sequence[Token], place: int) -> tuple[str, _Scope]:
        tasks = "contains-task-list" in str(tokens[place].attrs.get("class", ""))
        opening = f"#list({'marker: none, ' if tasks else ''}tight: {tight(tokens, place)}, "
        return opening, self._within(");\n\n")

    def _numbers(self, tokens: Sequence[Token], place: int) -> tuple[str, _Scope]:
        start = int(tokens[place].attrs.get("start", 1))
        numbering = "1)" if tokens[place].markup == ")" else "1."
        opening = f'#enum(start: {start}, numbering: "{numbering}", tight: {tight(tokens, place)}, '
        return opening, self._within(");\n\n")

    def _table(self, tokens: Sequence[Token], place: int) -> tuple[str, _Scope]:
        """Write what the template measures after the cells, when it is known."""
        sides = [alignment(token) for token in until_close(tokens, place) if token.type == "th_open"]
        columns = Columns(len(sides))
        room = self._room()
        turnable = "true" if len(self._scopes) == 1 else "false"
        scope = replace(
            self._scope,
            closing=lambda: f"measures: {columns.measures(room)});\n\n",
            unbroken=max(_unbroken_in_cells(len(sides)), self._scope.unbroken // (len(sides) + 1)),
            columns=columns,
        )
        return f"#tabular(turnable: {turnable}, align: ({', '.join(sides)},), ", scope

    def _table_head(self, tokens: Sequence[Token], place: int) -> tuple[str, _Scope]:
        """Repeat the head on the next page, unless it has a note, which would be repeated as well."""
        cells = (child for token in until_close(tokens, place) for child in token.children or ())
        repeat = "false" if any(child.type == "footnote_ref" for child in cells) else "true"
        return f"table.header(repeat: {repeat}, ", self._within("),")

    def _row(self, _tokens: Sequence[Token], _place: int) -> tuple[str, _Scope]:
        if self._scope.columns is not None:
            self._scope.columns.row()
        return "", self._within("")

    def _cell(self, _tokens: Sequence[Token], _place: int) -> tuple[str, _Scope]:
        columns = self._scope.columns
        if columns is None:
            return "[", self._within("],")
        columns.cell()
        return "[", replace(self._scope, closing=lambda: f"]{columns.end_of_cell()}")

    def _fence(self, tokens: Sequence[Token], place: int) -> str:
        token = tokens[place]
        words = token.info.split()
        if words[:1] == ["math"]:
            return self._display(tokens, place)
        return self._code(token.content, words[0] if words else "")

    def _code(self, code: str, tongue: str) -> str:
        inked = [self._line(line) for line in lines(scalar(code), tongue)]
        whole = len(inked) <= 12 and len(code) <= self._scope.unbroken * 8
        return f"#code({'false' if whole else 'true'})[{''.join(inked)}];\n\n"

    def _line(self, pieces: Sequence[tuple[str, str]]) -> str:
        return f"#line-of-code[{''.join(self._inked(ink, text) for ink, text in pieces or _EMPTY_LINE)}];"

    def _inked(self, ink: str, text: str) -> str:
        pieces = breakable(text, self._scope.unbroken)
        return "#box();".join(f'#ink("{ink}", {code_literal(piece)});' for piece in pieces)

    def _mono(self, tokens: Sequence[Token], place: int) -> str:
        return self._monospaced(tokens[place].content)

    def _math(self, tokens: Sequence[Token], place: int) -> str:
        token = tokens[place]
        shown = self._monospaced(written(token.content, token.markup))
        number, _ = self._numbered(token.content.strip())
        return f"#formula({number}, false)[{shown}];"

    def _display(self, tokens: Sequence[Token], place: int) -> str:
        token = tokens[place]
        shown = self._code(written(token.content, token.markup), "")
        number, width = self._numbered(token.content.strip())
        fits = "true" if width <= self._room() and self._scope.columns is None else "false"
        return f"#formula({number}, true, fits: {fits})[{shown}];"

    def _numbered(self, tex: str) -> tuple[int, float]:
        """The number of the formula, and the most that it may take, in em."""
        if tex not in self._formulas:
            self._formulas[tex] = (len(self._formulas), formula(tex))
        number, known = self._formulas[tex]
        width = known.math.width * _EM_OF_ATOMS if known.math else 0.0
        if self._scope.columns is not None:
            self._scope.columns.formula(number, width)
        return number, width

    def _room(self) -> float:
        """The least width of the place, in em."""
        return self._unbroken * _EM_OF_LINES - _EM_OF_LEVELS * self._scope.depth

    def _link(self, tokens: Sequence[Token], place: int) -> tuple[str, _Scope]:
        """Show the address of a link that is not allowed."""
        address = str(tokens[place].attrs.get("href", ""))
        heading = self._anchors.get(unquote(address[1:])) if address.startswith("#") else None
        scope = replace(self._within("];"), linked=True)
        if heading is not None:
            return f'#link(label("h{heading}"))[', scope
        if linkable(address):
            return f"#link({literal(address)})[", scope
        if not address or address.startswith("#"):
            return "#[", scope
        shown = address if len(address) <= _LONGEST_SHOWN else f"{address[:_LONGEST_SHOWN]}…"
        return "#[", replace(scope, closing=lambda: f"]; {self._literal(f'({shown})')}")

    def _image(self, tokens: Sequence[Token], place: int) -> str:
        address = str(tokens[place].attrs.get("src", ""))
        alternative = "".join(child.content or " " for child in tokens[place].children or ())
        shown = alternative.strip() or (address if linkable(address) else "")
        target = literal(address) if linkable(address) and not self._scope.linked else "none"
        return f"#picture({target})[{self._literal(shown)}];"

    def _note(self, tokens: Sequence[Token], place: int) -> str:
        number = int(tokens[place].meta["id"])
        if number in self._noted:
            return f'#footnote(label("n{number}"));'
        self._noted.add(number)
        self._out.append("#footnote[")
        self._scopes.append(
            replace(self._scope, depth=_deeper(self._scope.depth), spans=frozenset(), linked=False, columns=None)
        )
        self.flow(self._notes.get(number, ()))
        self._scopes.pop()
        return f"]<n{number}>"


def _unbroken_in_cells(columns: int) -> int:
    least, most = _UNBROKEN_IN_CELLS
    return max(least, min(most, 100 // columns))


def _deeper(depth: int) -> int:
    if depth >= DEEPEST:
        raise DocumentTooLarge(f"lists, quotations or footnotes lie more than {DEEPEST} deep within each other")
    return depth + 1


def _checkbox(tokens: Sequence[Token], place: int) -> str:
    """Write the box of a task, the only HTML that the parser makes."""
    return f"#checkbox({'true' if 'checked=' in tokens[place].content else 'false'});"
