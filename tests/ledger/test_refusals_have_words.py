"""Every code that the database refuses with is known to Python, with a status and a sentence of its own."""

import re

import pytest

from paya_app.core.errors import PayaError, from_code
from paya_app.local.postgres.preparation import SUPABASE_FOLDER

# where the money core is; the words of other schemas are tested with them
FILES = ("private", "ledger", "ledger_post", "ledger_holds", "ledger_bulk", "risk", "wallet")
REFUSES = re.compile(r"private[.]refuse[(]'|refusals\[|message = '|then '[a-z_]+'$")


def codes() -> set[str]:
    found: set[str] = set()
    for path in SUPABASE_FOLDER.glob("migrations/*.sql"):
        if path.stem.partition("_")[2] in FILES:
            for line in path.read_text().splitlines():
                if REFUSES.search(line):
                    found |= set(re.findall(r"'([a-z]+_[a-z_]+)'", line.split("jsonb_build_object")[0]))
    return found


def test_the_codes_are_found():
    assert {"ask_again", "account_unknown", "hold_closed", "linked_refused", "limit_exceeded", "append_only"} <= codes()


@pytest.mark.parametrize("code", sorted(codes()))
def test_each_code_has_a_class(code):
    assert code in PayaError.by_code
    error = from_code(code)
    assert 400 <= error.status < 600
    assert error.message.endswith(".")
