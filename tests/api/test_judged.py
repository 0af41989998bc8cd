"""The API under judges that are not ours: schemathesis briefly, with a fixed seed; at length it is scripts/judge.py."""

import re

import pytest

from paya_app.api.app import create_api
from scripts import spectral
from scripts.judge import LIFT, OURS, UNCOUNTED, charged, judged, peers, plans
from tests.api.keyed import program, programs
from tests.api.test_savings_plans import ann, client, parts, signed_up  # noqa: F401 - fixtures
from tests.support.dwolla import free_socket, listening
from tests.support.signing_in import OTHER_PHONE

BRIEFLY = ("--seed=1", "--max-examples=6", "--include-path-regex=^/v1/savings-plans")
# every boundary of every field of a plan, and what it combines to, takes longer than all the rest
NOT_BRIEF = """
[[operations]]
include-operation-id = ["createSavingsPlan", "changeSavingsPlan"]
phases.coverage.enabled = false
"""

WITH_KEYS = ("--seed=1", "--max-examples=5", OURS)
NOT_BRIEF_WITH_KEYS = """
[[operations]]
include-operation-id = ["createCharge", "authorizePayment", "listCharges"]
phases.coverage.enabled = false
"""


async def test_schemathesis_finds_nothing(database, parts, client, ann, tmp_path):  # noqa: F811 - fixtures
    eve = await signed_up(parts, client, OTHER_PHONE, "eve")
    tokens = {name: who.headers["authorization"].removeprefix("Bearer ") for name, who in (("ann", ann), ("eve", eve))}
    await database.rows(LIFT)
    held = free_socket()
    async with listening(create_api(), held):
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        known = peers({"plans": await plans(url, tokens["ann"])})
        code, said = await judged(url, tmp_path, tokens=tokens, how=BRIEFLY, more=NOT_BRIEF, known=known)
    assert code == 0, said
    assert "Operations:       10 selected" in said, "it looked at all of them"
    made = re.search(r"([\d,]+) generated, ", said)
    assert made, said
    assert int(made[1].replace(",", "")) > 200


async def test_schemathesis_finds_nothing_in_routes_with_a_key(database, people, tmp_path):
    async with programs() as within:
        keys = {name: (await program(within, await people.join(name))).secret for name in ("ann", "eve")}
    await database.rows(UNCOUNTED)
    held = free_socket()
    async with listening(create_api(), held):
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        known = peers(await charged(url, keys["ann"]))
        code, said = await judged(url, tmp_path, tokens=keys, how=WITH_KEYS, more=NOT_BRIEF_WITH_KEYS, known=known)
    assert code == 0, said
    assert "Operations:       36 selected" in said, "it looked at all of them"
    made = re.search(r"([\d,]+) generated, ", said)
    assert made, said
    assert int(made[1].replace(",", "")) > 300


def test_spectral_finds_nothing():
    if not (spectral.TOOL / "node_modules").exists():
        pytest.skip("spectral is not installed here: `make check ARGS=spectral` does, and runs it")
    assert spectral.main() == 0
