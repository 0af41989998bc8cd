"""Text that people type: what is kept, and what is refused."""

import re
import unicodedata
from collections.abc import Iterator

from paya_app.core.errors import NameInvalid, NoteInvalid

NOTE_CHARACTERS_MAX = 280
NAME_CHARACTERS_MAX = 50
# Vietnamese and pointed Hebrew need two; a pile of them climbs over the lines around it.
MARKS_IN_A_ROW_MAX = 2

# What Unicode calls default-ignorable, and the blank braille cell: nothing is drawn for them. With the format
# characters (category Cf: direction overrides, tags, soft hyphens) they make two texts differ that look alike.
_UNSEEN = frozenset((0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2065, 0x2800, 0x3164, 0xFFA0)).union(
    range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xFFF0, 0xFFF9), range(0xE0000, 0xE1000)
)
_JOINERS = "\u200c\u200d"
_EMOJI_SELECTORS = "\ufe0e\ufe0f"
_KEYCAP = "\u20e3"
# Arabic to Malayalam: there a joiner between two letters changes how they are drawn.
_JOINING_SCRIPTS = range(0x0600, 0x0D80)

# Names that would speak for us. A name is compared after folding, see `_fold`.
_OURS = "paya"
_OUR_ROLES = ("support", "admin", "administrator", "official", "helpdesk", "security", "moderator", "staff", "billing")
_BESIDE_A_ROLE = ("the", "customer", "account", "accounts", "service", "team", "center", "desk", "verified", "help")
# Cyrillic, Greek and digits that pass for Latin letters; i, l and 1 pass for each other.
_ALIKE = str.maketrans(
    "арруеосхѕіјԁтмкнв" + "αρυγεοικτχ" + "ɑʏ" + "013457@$!|" + "i",
    "appyeocxsljdtmkhb" + "apyyeolktx" + "ay" + "oleastasll" + "l",
)


def _unseen(text: str) -> Iterator[int]:
    """Positions of what nobody sees: neither part of an emoji nor a joiner where a script needs it."""
    for at, character in enumerate(text):
        if unicodedata.category(character) != "Cf" and ord(character) not in _UNSEEN:
            continue
        before, after = text[at - 1] if at else "", text[at + 1] if at + 1 < len(text) else ""
        if character in _EMOJI_SELECTORS and (_is_picture(before) or after == _KEYCAP):
            continue
        if character == "\u200d" and (_is_picture(before) or before == "\ufe0f") and _is_picture(after):
            continue
        if character in _JOINERS and _joins(before) and _joins(after):
            continue
        yield at


def _is_picture(character: str) -> bool:
    """Whether it is an emoji or a symbol, or the skin tone after one."""
    return bool(character) and (unicodedata.category(character) in {"So", "Sm"} or "🏻" <= character <= "🏿")


def _joins(character: str) -> bool:
    return bool(character) and ord(character) in _JOINING_SCRIPTS and unicodedata.category(character)[0] in "LM"


def _without(text: str, positions: set[int]) -> str:
    return "".join(character for at, character in enumerate(text) if at not in positions) if positions else text


def _one_line(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _has_control(text: str) -> bool:
    return any(unicodedata.category(c) in {"Cc", "Cs", "Co", "Cn"} and c not in "\n\r\t" for c in text)


def _piles_marks(text: str) -> bool:
    row = 0
    for character in text:
        is_mark = unicodedata.category(character) in {"Mn", "Me"} and character not in _EMOJI_SELECTORS
        row = row + 1 if is_mark else 0
        if row > MARKS_IN_A_ROW_MAX:
            return True
    return False


def _fold(text: str) -> str:
    """What is left of the difference between letters that look alike: lower case, no marks, i and 1 as l."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return plain.casefold().translate(_ALIKE)


def looks_like_us(name: str) -> bool:
    """Whether a name reads as if PaYa spoke: our own name as a word of it, or nothing but a role of ours."""
    folded = _fold(name)
    words = [word for word in re.split(r"[\W_]+", folded) if word]
    whole, ours = "".join(words), _fold(_OURS)
    roles, beside = {_fold(role) for role in _OUR_ROLES}, {_fold(word) for word in _BESIDE_A_ROLE}
    if ours in words or whole == ours or any(whole in (ours + word, word + ours) for word in roles | beside):
        return True
    return whole in roles or (set(words) <= roles | beside and bool(set(words) & roles))


def clean_note(text: object) -> str:
    """The note as it is kept: one line, NFC, without what nobody sees; may be empty.

    Raises:
        NoteInvalid: longer than 280 characters, or with control characters.
    """
    if not isinstance(text, str) or len(text) > NOTE_CHARACTERS_MAX * 4 or _has_control(text):
        raise NoteInvalid(max=NOTE_CHARACTERS_MAX)
    note = _one_line(text)
    note = _one_line(_without(note, set(_unseen(note))))
    if len(note) > NOTE_CHARACTERS_MAX:
        raise NoteInvalid(max=NOTE_CHARACTERS_MAX)
    return note


def clean_name(text: object, *, is_shown: bool = True) -> str:
    """A person's name as it is kept: one line, NFC.

    Args:
        text: What was typed.
        is_shown: Whether others will read it as who somebody is. The name on a bank account is nobody's to
            choose, so it may be any.

    Raises:
        NameInvalid: empty, longer than 50 characters, with control characters, with what nobody sees, with
            piled-up marks, or, when shown, reading like PaYa's own.
    """
    if not isinstance(text, str) or len(text) > NAME_CHARACTERS_MAX * 4 or _has_control(text):
        raise NameInvalid
    name = _one_line(text)
    if not 1 <= len(name) <= NAME_CHARACTERS_MAX or not any(c.isalnum() for c in name):
        raise NameInvalid
    if next(_unseen(name), None) is not None or _piles_marks(name):
        raise NameInvalid
    if is_shown and looks_like_us(name):
        raise NameInvalid(sentence="That name reads as if it were PaYa's. Write your own.")
    return name
