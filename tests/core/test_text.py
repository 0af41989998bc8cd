import pytest

from paya_app.core.errors import NameInvalid, NoteInvalid
from paya_app.core.text import NOTE_CHARACTERS_MAX, clean_name, clean_note


def test_a_note_becomes_one_line_without_direction_tricks():
    assert clean_note("  tacos,\n round\u202e two  ") == "tacos, round two"


def test_a_note_keeps_what_people_mean():
    assert clean_note("👩‍👩‍👧 <script>alert('x')</script> שלום") == "👩‍👩‍👧 <script>alert('x')</script> שלום"


def test_a_note_of_280_characters_fits_and_281_do_not():
    assert len(clean_note("x" * NOTE_CHARACTERS_MAX)) == NOTE_CHARACTERS_MAX
    with pytest.raises(NoteInvalid):
        clean_note("x" * (NOTE_CHARACTERS_MAX + 1))


@pytest.mark.parametrize("note", ["a\x00b", "\x1b[31m", "x" * 10_000_000, None, 5, "\ud800"])
def test_notes_that_are_refused(note):
    with pytest.raises(NoteInvalid):
        clean_note(note)


@pytest.mark.parametrize("name", ["", "   ", "\u202e", "x" * 51, "a\x00", None, "..."])
def test_names_that_are_refused(name):
    with pytest.raises(NameInvalid):
        clean_name(name)


def test_a_name_is_kept_as_written():
    assert clean_name("  Lena   Sørensen ") == "Lena Sørensen"


@pytest.mark.parametrize(
    "name",
    [
        "An\u200bn",  # zero-width space
        "An\u00adn",  # soft hyphen
        "An\u200cn",  # non-joiner between Latin letters
        "Ann\u200d",
        "Ann\u3164",  # Hangul filler
        "\u115fAnn",
        "Ann\u2800Lee",  # blank braille
        "Ann\ufe0f",
        "Ann\U000e0041",  # tag
        "Ann\u034f",
        "A\u0301\u0302\u0303\u0304nn",
        "Ann\u202e",
    ],
)
def test_names_with_what_nobody_sees_are_refused(name):
    with pytest.raises(NameInvalid):
        clean_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "Lena 👩‍👩‍👧",
        "Ann ❤️",
        "Jo 👩🏽‍⚕️",
        "Number 1️⃣",
        "علی‌رضا",
        "Nguyễn Thị Ánh",
        "שָׁלוֹם",
        "O'Hara-Smith Jr.",
        "王小明",
        "क्षत्रिय",
    ],
)
def test_names_as_people_write_them_are_kept(name):
    assert clean_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "PaYa",
        "paya support",
        "Help by PaYa",
        "P a Y a",
        "P.A.Y.A",
        "P4YA",
        "\u0440\u0430\u0443\u0430",  # Cyrillic
        "Рaya Team",
        "ＰａＹａ",
        "Páyà",
        "PayaSupport",
        "Support",
        "support team",
        "Admin",
        "Adm1n",
        "S u p p o r t",
        "The Official Support",
        "Customer Support",
    ],
)
def test_names_that_read_like_ours_are_refused_except_on_a_bank_account(name):
    with pytest.raises(NameInvalid, match=r"PaYa's"):
        clean_name(name)
    assert clean_name(name, is_shown=False)


@pytest.mark.parametrize(
    "name", ["Papaya", "Payal Shah", "Grace Staff", "Amaya Pay", "Ruth Desk", "Adminda", "Himalaya", "The Service"]
)
def test_names_that_only_resemble_ours_are_kept(name):
    assert clean_name(name) == name


def test_a_note_loses_what_nobody_sees_and_keeps_its_emoji():
    assert clean_note("ta\u200bc\u00ado\u3164s \U000e0041\u115f👩🏽‍⚕️ ❤️ 1️⃣ علی‌رضا") == "tacos 👩🏽‍⚕️ ❤️ 1️⃣ علی‌رضا"
    assert clean_note("\u200b\u3164\u2800") == ""
