"""Splitting a file of SQL into its statements, so that each can be run, stored and blamed by itself."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# What may hold a semicolon that ends nothing, then the words that open and close a SQL-standard body.
_TOKEN = re.compile(
    r"""
    (?P<line_comment>--[^\n]*)
  | (?P<block_comment>/\*)
  | (?P<escaped>\b[eE]'(?:[^'\\]|\\.|'')*')
  | (?P<quoted>'(?:[^']|'')*')
  | (?P<identifier>"(?:[^"]|"")*")
  | (?P<dollar>(?<![\w$])\$(?P<tag>[A-Za-z_\x80-\uffff][\w\x80-\uffff]*)?\$)
  | (?P<begin_atomic>\bbegin\s+atomic\b)
  | (?P<case>\bcase\b)
  | (?P<end>\bend\b)
  | (?P<semicolon>;)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement without its semicolon; `line` (from 1) is where its first word stands in the file."""

    text: str
    line: int


def split(source: str) -> list[Statement]:
    """The statements of `source`, comments before each included, empty ones left out."""
    statements = []
    start = 0
    for end in (*_ends(source), len(source)):
        piece = source[start:end]
        first_word = _after_comments(piece)
        if first_word is not None:
            line = source.count("\n", 0, start + first_word) + 1
            statements.append(Statement(piece.strip(), line))
        start = end + 1
    return statements


def essence(source: str) -> str:
    """`source` without comments, white space and semicolons: what two spellings of one file share."""
    kept, position = [], 0
    for kind, begin, end in _tokens(source):
        if kind in {"comment", "semicolon"}:
            kept.append(source[position:begin])
            position = end
    kept.append(source[position:])
    return re.sub(r"\s+", "", "".join(kept))


def _ends(source: str) -> Iterator[int]:
    depth = 0
    for kind, begin, _ in _tokens(source):
        if kind == "begin_atomic" or (kind == "case" and depth):
            depth += 1
        elif kind == "end" and depth:
            depth -= 1
        elif kind == "semicolon" and not depth:
            yield begin


def _after_comments(piece: str) -> int | None:
    """Where the first character is that is neither space nor comment."""
    position = 0
    for kind, begin, end in (*_tokens(piece), ("end of text", len(piece), len(piece))):
        gap = piece[position:begin]
        if gap.strip():
            return position + len(gap) - len(gap.lstrip())
        if kind not in {"comment", "end of text"}:
            return begin
        position = end
    return None


def _tokens(source: str) -> Iterator[tuple[str, int, int]]:
    """Each thing that matters for splitting: its kind, where it begins and where it ends."""
    position = 0
    while found := _TOKEN.search(source, position):
        kind, begin, end = str(found.lastgroup), found.start(), found.end()
        if found["dollar"]:
            kind, close = "dollar", source.find(found["dollar"], end)
            end = len(source) if close < 0 else close + len(found["dollar"])
        elif found["block_comment"]:
            kind, end = "comment", _block_comment_end(source, begin)
        elif found["line_comment"]:
            kind = "comment"
        yield kind, begin, end
        position = end


def _block_comment_end(source: str, begin: int) -> int:
    """Past the end of the block comment at `begin`; in SQL they nest."""
    depth = 0
    for mark in re.finditer(r"/\*|\*/", source[begin:]):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return begin + mark.end()
    return len(source)
