r"""Rules of the parser for formulas: `$…$`, `$$…$$`, `\(…\)` and `\[…\]`. Code binds more tightly than any of them."""

from __future__ import annotations

import re
from collections.abc import Callable

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath.index import math_block_dollar, math_inline_dollar
from mdit_py_plugins.texmath.index import make_block_func, rules

CLOSINGS = {"$": "$", "$$": "$$", "\\[": "\\]", "\\(": "\\)"}
"""The delimiters of formulas, opening and closing."""

_KINDS = {"\\[": "math_inline_double", "\\(": "math_inline"}
_TICKS = re.compile(r"(?<![`\\])`+")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_WORD = re.compile(r"[A-Za-z]")
_SUFFIX = re.compile(r"(?:th|st|nd|rd|s|ths|te|ten|ter|tes|e|er|re|ary|ième|ème)\b")

InlineRule = Callable[[StateInline, bool], bool]
BlockRule = Callable[[StateBlock, int, int, bool], bool]


def math_plugin(parser: MarkdownIt) -> None:
    """Add the rules to the parser, and the environments of amsmath as blocks."""
    for rule in rules["brackets"]["block"]:
        parser.block.ruler.before("fence", rule["name"], _block(make_block_func(rule)))
    parser.inline.ruler.before("escape", "bracketed_math", _bracketed)
    parser.inline.ruler.before("escape", "math_inline", _dollars(math_inline_dollar(False, False, True)))
    parser.block.ruler.before("fence", "math_block", _block(math_block_dollar(allow_labels=False)))
    parser.use(amsmath_plugin)


def written(content: str, markup: str) -> str:
    """The formula with its delimiters."""
    closing = CLOSINGS.get(markup)
    if closing is None:
        return content.strip()
    edge = "\n" if "\n" in content.strip() else ""
    return f"{markup}{edge}{content.strip()}{edge}{closing}"


def _dollars(rule: InlineRule) -> InlineRule:
    def dollars(state: StateInline, silent: bool) -> bool:
        start = state.pos
        if not rule(state, True):
            return False
        end, state.pos = state.pos, start
        if _in_a_word(state.src, start, end) or _holds_code(state.src, start, end):
            return False
        return rule(state, silent)

    return dollars


def _in_a_word(source: str, start: int, end: int) -> bool:
    """Whether a dollar stands beside a letter, as in US$5 and $HOME:$PATH. `$n$th` is a formula."""
    before = start > 0 and _WORD.match(source[start - 1])
    after = _WORD.match(source, end) and not _SUFFIX.match(source, end)
    return bool(before or after)


def _holds_code(source: str, start: int, end: int) -> bool:
    """Whether a code span begins between the two places, wherever it ends."""
    for ticks in _TICKS.finditer(source, start, end):
        length = len(ticks.group())
        if re.compile(rf"(?<!`)`{{{length}}}(?!`)").search(source, ticks.end()):
            return True
    return False


def _bracketed(state: StateInline, silent: bool) -> bool:
    r"""Parse `\[…\]` within a paragraph, and `\(…\)` also over several lines."""
    opening = state.src[state.pos : state.pos + 2]
    if opening not in _KINDS:
        return False
    end = state.src.find(CLOSINGS[opening], state.pos + 2, state.posMax)
    if end < 0 or _holds_code(state.src, state.pos, end):
        return False
    if not silent:
        token = state.push(_KINDS[opening], "math", 0)
        token.content, token.markup = state.src[state.pos + 2 : end], opening
    state.pos = end + 2
    return True


def _block(rule: BlockRule) -> BlockRule:
    def block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
        line, count = state.line, len(state.tokens)
        if not rule(state, start, end, silent):
            return False
        if silent or not _more_than_a_formula(state, start):
            return True
        del state.tokens[count:]
        state.line = line
        return False

    return block


def _more_than_a_formula(state: StateBlock, start: int) -> bool:
    """Whether the lines hold text behind the formula, which the rule would lose, or code begins within the formula."""
    token = state.tokens[-1]
    begin = state.bMarks[start] + state.tShift[start]
    last = state.eMarks[state.line - 1]
    closing = state.src.find(CLOSINGS[token.markup], begin + 2, last)
    if state.src[closing + 2 : last].strip():
        return True
    paragraph = _BLANK_LINE.search(state.src, begin)
    text = state.src[begin : max(last, paragraph.start() if paragraph else len(state.src))]
    return _holds_code(text, 0, last - begin)
