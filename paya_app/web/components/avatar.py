"""A person's initials on a colour of their own."""

from typing import Any, Literal

import reflex as rx

TONES = 5

Size = Literal[32, 40, 72]
_SIZES = {32: " s32", 40: "", 72: " s72"}


def initials_of(name: str) -> str:
    """One or two letters: of the first and the last word."""
    words = [word for word in name.split() if any(c.isalnum() for c in word)]
    chosen = [words[0], words[-1]] if len(words) > 1 else words
    return "".join(next(c for c in word if c.isalnum()) for word in chosen).upper() or "?"


def tone_of(handle: str) -> int:
    """1 to 5, the same for a handle everywhere (the feed in the browser counts likewise)."""
    return sum(handle.encode()) % TONES + 1


def avatar(initials: Any, tone: Any, size: Size = 40) -> rx.Component:
    """The round badge; the name always stands beside it, so it is silent."""
    return rx.el.span(initials, class_name=f"av{_SIZES[size]} a{tone}", aria_hidden="true")
