"""Every code that charges refuse with has a class, a status and a sentence that says where the money is."""

import re

import pytest

from paya_app.charges.errors import NOTHING_MOVED
from paya_app.core.errors import PayaError, from_code
from paya_app.local.postgres.preparation import SUPABASE_FOLDER

REFUSES = re.compile(r"private[.]refuse[(]\s*'([a-z_]+)'")


def codes() -> set[str]:
    files = SUPABASE_FOLDER.glob("migrations/202611200012[2-4]?_charges*.sql")
    return {code for path in files for code in REFUSES.findall(path.read_text())}


def test_the_codes_are_found():
    assert {"charge_state_invalid", "card_not_a_test_card", "clock_invalid", "key_reused"} <= codes()


@pytest.mark.parametrize("code", sorted(codes()))
def test_each_has_a_class(code):
    assert code in PayaError.by_code
    for facts in ({}, {"what": "charge", "param": "amount_minor", "state": "voided", "operation": "capture"}):
        error = from_code(code, facts)
        assert error.message.endswith(".")
        assert error.status < 500 or code in ("operation_unknown", "isolation_unsupported")


def test_a_refused_step_says_what_is_possible():
    facts = {"state": "voided", "operation": "capture", "next_states": [], "operations": []}
    said = from_code("charge_state_invalid", facts).message
    assert said == (
        "The charge is voided, so capture is not possible. It may become nothing else; possible now: nothing. "
        f"{NOTHING_MOVED}"
    )
