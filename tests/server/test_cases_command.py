"""`paya cases`: what is open is listed, and closed with a reason that stays."""

import asyncio

from typer.testing import CliRunner

from paya_app.cli import app
from paya_app.core.ids import new_id


async def run(*words: str) -> tuple[int, str]:
    done = await asyncio.to_thread(CliRunner().invoke, app, ["cases", *words])
    return done.exit_code, done.output


async def test_a_case_is_listed_until_it_is_closed_with_a_reason(database, monkeypatch):
    monkeypatch.setenv("DATABASE_DIRECT_URL", database.url("postgres"))
    assert await run("list") == (0, "No case is open.\n")
    case = await database.value(
        """select case_id from cases.open_case('testing', 'account:7', '{"off_by_cents": 3}')"""
    )
    code, said = await run("list")
    assert code == 0
    assert f'{case}  testing  account:7  {{"off_by_cents": 3}}  opened 20' in said
    assert said.endswith("1 open.\n")
    code, said = await run("close", str(case), "--because", "  ")
    assert (code, await database.value("select state from cases.case")) == (2, "open")
    assert await run("close", str(case), "--because", "Looked into.") == (0, f"Case {case} is closed.\n")
    assert await database.value("select outcome from cases.case") == "Looked into."
    assert (await run("close", str(case), "--because", "Again."))[0] == 1
    assert (await run("close", str(new_id()), "--because", "None."))[0] == 1
