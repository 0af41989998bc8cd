"""Paths of our own that a person may be led to: what `?next=` says comes from anywhere."""

import re
from urllib.parse import unquote

CHARACTERS_MAX = 512

_NEVER_WRITTEN = frozenset(' \\"<>')
_DOTS = re.compile(r"(^|/)\.\.?(/|$)")


def local_path(text: object) -> str | None:
    """`text` when it is the path of a page of ours, query and all, else None.

    Browsers repair addresses: they drop tabs and line ends, read a backslash as a slash and fold `/./` and
    `/%2e%2e/`, so that what looks like a path may name another host, or a route that is no page. Whatever would
    be repaired is refused.
    """
    if not isinstance(text, str) or not 0 < len(text) <= CHARACTERS_MAX:
        return None
    if not (text.isascii() and text.isprintable() and _NEVER_WRITTEN.isdisjoint(text)):
        return None
    path = re.split(r"[?#]", text, maxsplit=1)[0]
    plain = unquote(unquote(path))
    if not plain.startswith("/") or "//" in plain or "\\" in plain or _DOTS.search(plain) or not plain.isprintable():
        return None
    return None if f"{plain}/".lower().startswith("/session/") else text
