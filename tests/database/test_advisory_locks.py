"""Advisory locks share one space of numbers: docs/architecture.md lists them, and no two may be the same."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
IN_SQL = re.compile(r"advisory_(?:xact_)?lock\((\d+)\)")
CONSTANT = re.compile(r"^\w*LOCK(?:_KEY)? = (0x[0-9a-f_]+|[0-9_]+)", re.MULTILINE)
CALL = re.compile(r"advisory_(?:xact_)?lock(?:_shared)?\(([^)]*)")
LISTED = re.compile(r"^  \| (\d+) \| ", re.MULTILINE)


def sources() -> list[str]:
    paths = [*ROOT.glob("supabase/**/*.sql"), *ROOT.glob("paya_app/**/*.py"), *ROOT.glob("jobs/**/*.py")]
    # the generated schema repeats the migrations
    return [path.read_text() for path in paths if path.name != "schema.sql"]


def test_every_number_belongs_to_one_file_and_is_listed():
    texts = [text for text in sources() if CALL.search(text)]
    numbers = [n for text in texts for n in {int(n, 0) for n in IN_SQL.findall(text) + CONSTANT.findall(text)}]
    assert len(numbers) == len(set(numbers)) >= 5
    assert sorted(numbers) == sorted(int(n) for n in LISTED.findall((ROOT / "docs/architecture.md").read_text()))


def test_a_lock_has_a_listed_number_or_the_hash_of_a_name():
    keys = {key.strip() for text in sources() for key in CALL.findall(text)}
    assert {key for key in keys if not re.match(r"\d+$|%s$|hashtext", key)} == set()
