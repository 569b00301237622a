"""The conversion of Markdown into a Typst source: calls of our template's functions, with the text as literals."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from urllib.parse import unquote

from markdown_it.token import Token

from documents.errors import DocumentTooLarge
from documents.render.direction import language
from documents.render.formulas import Formula, formula
from documents.render.highlights import lines
from documents.render.literals import UNBROKEN, breakable, code_literal, literal, scalar
from documents.render.markdown import Parsed, parse
from documents.render.markdown_tokens import alignment, prose, slugs, tight, until_close
from documents.render.request import Options
from documents.render.source import TypstSource, document

DEEPEST = 16
"""Nested lists, quotations and notes; Typst itself fails a little later."""

_LINKABLE = re.compile(r"(?:https?://|mailto:|tel:).{1,2000}", re.IGNORECASE | re.ASCII)
_LONGEST_SHOWN = 200
_CONTAINERS = {"blockquote_open": 1, "blockquote_close": -1, "list_item_open": 1, "list_item_close": -1}
_CONTAINERS |= {"dd_open": 1, "dd_close": -1}
_DIRECTED = {"paragraph", "heading", "bullet_list", "ordered_list", "blockquote", "table", "dl"}
_SPANS = {"em": "#emph[", "strong": "#strong[", "s": "#strike["}
_EMPTY_LINE = [("plain", " ")]
_FIXED = {
    "paragraph_open": "",
    "paragraph_close": "\n\n",
    "blockquote_open": "#quotation[",
    "blockquote_close": "];\n\n",
    "list_item_open": "[",
    "list_item_close": "],",
    "bullet_list_close": ");\n\n",
    "ordered_list_close": ");\n\n",
    "dl_open": "",
    "dl_close": "",
    "dt_open": "#term[",
    "dt_close": "];\n\n",
    "dd_open": "#definition[",
    "dd_close": "];\n\n",
    "thead_close": "),",
    "tbody_open": "",
    "tbody_close": "",
    "tr_open": "",
    "tr_close": "",
    "th_open": "[",
    "th_close": "],",
    "td_open": "[",
    "td_close": "],",
    "hr": "#rule();\n\n",
    "softbreak": " ",
    "hardbreak": "#linebreak();",
}


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
    """The writer of tokens, in one pass from left to right, recursive only for notes within notes."""

    def __init__(self, parsed: Parsed, unbroken: int) -> None:
        self._out: list[str] = []
        self._notes = parsed.notes
        self._noted: set[int] = set()
        self._formulas: dict[str, int] = {}
        self._anchors = {slug: place for place, slug in enumerate(slugs(parsed.flow))}
        self._labels: list[str] = []
        self._depth = 0
        self._unbroken = [unbroken]
        self._languages = ["en"]
        self._spans: Counter[str] = Counter()
        self._addresses: list[str] = []
        self._special: dict[str, Callable[[Sequence[Token], int], str]] = {
            "heading_open": self._heading,
            "heading_close": self._heading_end,
            "bullet_list_open": self._bullets,
            "ordered_list_open": self._numbers,
            "table_open": self._table,
            "table_close": self._table_end,
            "thead_open": _table_head,
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
            "link_open": self._link,
            "link_close": self._link_end,
            "image": self._image,
            "footnote_ref": self._note,
            "html_inline": _checkbox,
        }

    def text(self) -> str:
        return "".join(self._out)

    def formulas(self) -> tuple[Formula, ...]:
        return tuple(formula(tex) for tex in self._formulas)

    def flow(self, tokens: Sequence[Token]) -> None:
        for place, token in enumerate(tokens):
            self._nest(_CONTAINERS.get(token.type, 0))
            name = token.type.removesuffix("_open").removesuffix("_close")
            turns = name in _DIRECTED and not token.hidden
            if turns and token.nesting == 1:
                self._out.append(self._turn(tokens, place))
            self._out.append(self._written(tokens, place, name))
            if turns and token.nesting == -1:
                self._out.append(self._turn_back())

    def _written(self, tokens: Sequence[Token], place: int, name: str) -> str:
        token = tokens[place]
        if token.hidden:
            return " "
        if name in _SPANS:
            return self._span(name, token.nesting)
        if token.type in _FIXED:
            return _FIXED[token.type]
        write = self._special.get(token.type)
        return write(tokens, place) if write else self._literal(token.content)

    def _nest(self, step: int) -> None:
        self._depth += step
        if self._depth > DEEPEST:
            raise DocumentTooLarge(f"lists, quotations or footnotes lie more than {DEEPEST} deep within each other")

    def _turn(self, tokens: Sequence[Token], place: int) -> str:
        tongue = language(prose(tokens, place)) or self._languages[-1]
        self._languages.append(tongue)
        return "" if tongue == self._languages[-2] else f'#tongue("{tongue}")['

    def _turn_back(self) -> str:
        tongue = self._languages.pop()
        return "" if tongue == self._languages[-1] else "];\n\n"

    def _literal(self, text: str) -> str:
        return "#box();".join(f"#{literal(piece)};" for piece in breakable(text, self._unbroken[-1]) if piece)

    def _monospaced(self, text: str) -> str:
        pieces = breakable(text, self._unbroken[-1] * 3 // 4)
        return "#box();".join(f"#mono({code_literal(piece)});" for piece in pieces)

    def _span(self, name: str, step: int) -> str:
        """Write only the outermost span of a kind: inner ones mean nothing, and asterisks can nest thousands."""
        self._spans[name] += step
        if step == 1:
            return _SPANS[name] if self._spans[name] == 1 else ""
        return "];" if self._spans[name] == 0 else ""

    def _inline(self, tokens: Sequence[Token], place: int) -> str:
        self.flow(tokens[place].children or ())
        return ""

    def _text(self, tokens: Sequence[Token], place: int) -> str:
        """Strip the space after a displayed formula, which would begin the next line."""
        after_display = place > 0 and tokens[place - 1].type == "math_inline_double"
        return self._literal(tokens[place].content.lstrip() if after_display else tokens[place].content)

    def _heading(self, tokens: Sequence[Token], place: int) -> str:
        """Label the heading, unless it is within a note: a note without a reference is not written."""
        number = self._anchors.get(str(tokens[place].attrs.get("id", "")))
        self._labels.append("" if number is None else f"<h{number}>")
        return f"#heading(level: {int(tokens[place].tag[1])})["

    def _heading_end(self, _tokens: Sequence[Token], _place: int) -> str:
        return f"]{self._labels.pop()}\n\n"

    def _bullets(self, tokens: Sequence[Token], place: int) -> str:
        tasks = "contains-task-list" in str(tokens[place].attrs.get("class", ""))
        return f"#list({'marker: none, ' if tasks else ''}tight: {tight(tokens, place)}, "

    def _numbers(self, tokens: Sequence[Token], place: int) -> str:
        start = int(tokens[place].attrs.get("start", 1))
        numbering = "1)" if tokens[place].markup == ")" else "1."
        return f'#enum(start: {start}, numbering: "{numbering}", tight: {tight(tokens, place)}, '

    def _table(self, tokens: Sequence[Token], place: int) -> str:
        columns = [alignment(token) for token in until_close(tokens, place) if token.type == "th_open"]
        self._unbroken.append(max(4, self._unbroken[-1] // (len(columns) + 1)))
        return f"#tabular(columns: {len(columns)}, align: ({', '.join(columns)},), "

    def _table_end(self, _tokens: Sequence[Token], _place: int) -> str:
        self._unbroken.pop()
        return ");\n\n"

    def _fence(self, tokens: Sequence[Token], place: int) -> str:
        token = tokens[place]
        words = token.info.split()
        if words[:1] == ["math"]:
            return self._display(tokens, place)
        return self._code(token.content, words[0] if words else "")

    def _code(self, code: str, tongue: str) -> str:
        inked = [self._line(line) for line in lines(scalar(code), tongue)]
        whole = len(inked) <= 12 and len(code) <= self._unbroken[-1] * 8
        return f"#code({'false' if whole else 'true'})[{''.join(inked)}];\n\n"

    def _line(self, pieces: Sequence[tuple[str, str]]) -> str:
        return f"#line-of-code[{''.join(self._inked(ink, text) for ink, text in pieces or _EMPTY_LINE)}];"

    def _inked(self, ink: str, text: str) -> str:
        pieces = breakable(text, self._unbroken[-1])
        return "#box();".join(f'#ink("{ink}", {code_literal(piece)});' for piece in pieces)

    def _mono(self, tokens: Sequence[Token], place: int) -> str:
        return self._monospaced(tokens[place].content)

    def _math(self, tokens: Sequence[Token], place: int) -> str:
        tex = tokens[place].content.strip()
        return f"#formula({self._numbered(tex)}, false)[{self._monospaced(tex)}];"

    def _display(self, tokens: Sequence[Token], place: int) -> str:
        tex = tokens[place].content.strip()
        return f"#formula({self._numbered(tex)}, true)[{self._code(tex, '')}];"

    def _numbered(self, tex: str) -> int:
        return self._formulas.setdefault(tex, len(self._formulas))

    def _link(self, tokens: Sequence[Token], place: int) -> str:
        address = str(tokens[place].attrs.get("href", ""))
        heading = self._anchors.get(unquote(address[1:])) if address.startswith("#") else None
        if heading is not None:
            self._addresses.append("")
            return f'#link(label("h{heading}"))['
        self._addresses.append("" if linkable(address) or address.startswith("#") else address)
        return f"#link({literal(address)})[" if linkable(address) else "#["

    def _link_end(self, _tokens: Sequence[Token], _place: int) -> str:
        """Show the address of a link that is not allowed."""
        address = self._addresses.pop()
        shown = address if len(address) <= _LONGEST_SHOWN else f"{address[:_LONGEST_SHOWN]}…"
        return f"]; {self._literal(f'({shown})')}" if shown else "];"

    def _image(self, tokens: Sequence[Token], place: int) -> str:
        address = str(tokens[place].attrs.get("src", ""))
        alternative = "".join(child.content or " " for child in tokens[place].children or ())
        shown = alternative.strip() or (address if linkable(address) else "")
        target = literal(address) if linkable(address) and not self._addresses else "none"
        return f"#picture({target})[{self._literal(shown)}];"

    def _note(self, tokens: Sequence[Token], place: int) -> str:
        number = int(tokens[place].meta["id"])
        if number in self._noted:
            return f'#footnote(label("n{number}"));'
        self._noted.add(number)
        self._nest(1)
        spans, self._spans = self._spans, Counter()
        self._out.append("#footnote[")
        self.flow(self._notes.get(number, ()))
        self._spans = spans
        self._nest(-1)
        return f"]<n{number}>"


def _table_head(tokens: Sequence[Token], place: int) -> str:
    """Repeat the head on the next page, unless it has a note, which would be repeated as well."""
    cells = (child for token in until_close(tokens, place) for child in token.children or ())
    repeat = "false" if any(child.type == "footnote_ref" for child in cells) else "true"
    return f"table.header(repeat: {repeat}, "


def _checkbox(tokens: Sequence[Token], place: int) -> str:
    """Write the box of a task, the only HTML that the parser makes."""
    return f"#checkbox({'true' if 'checked=' in tokens[place].content else 'false'});"
