"""`paya reconcile --external`: what it says and how it ends."""

import asyncio
import json

from typer.testing import CliRunner

from paya_app.cli import app
from paya_app.core.config import settings
from tests.banking.test_returns import loaded

COMMAND = ["reconcile", "--external"]


async def run(*more: str) -> tuple[int, str]:
    """The command's exit code and what it printed, run beside this loop."""
    done = await asyncio.to_thread(CliRunner().invoke, app, [*COMMAND, *more])
    return done.exit_code, done.output


async def test_a_clean_day_ends_with_0_and_a_difference_with_1(bank, people):
    ann = await people.join("ann")
    load = await loaded(bank, ann, 5050)
    assert await run() == (0, "Dwolla, our bank and our books say the same.\n")
    await bank.database.rows("update vendor_dwolla.transfer set amount_cents = 5051 where source_id is not null")
    code, said = await run()
    assert code == 1
    assert f"Load {load.id} has another amount at Dwolla. Seen: " in said
    assert "here cents 5050, there cents 5051" in said
    assert said.endswith("1 difference.\n")
    code, said = await run("--json")
    assert (code, [each["kind"] for each in json.loads(said)]) == (1, ["bank_transfer_wrong_amount"])


async def test_a_vendor_that_is_silent_ends_with_2(bank, monkeypatch):
    monkeypatch.setenv("DWOLLA_BASE_URL", "http://127.0.0.1:9")
    settings.cache_clear()
    code, said = await run()
    assert code == 2
    assert "Dwolla does not answer (unreachable). Nothing was compared" in said


async def test_full_is_another_question(bank):
    assert (await run("--full"))[0] == 2
