"""Sixty at once, on a real server: the sums are exact, and nobody waits in a circle."""

import asyncio
import json
from collections import Counter
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from paya_app.core.ids import new_id
from tests.charges.books import assert_books
from tests.support.database import Database

RACERS = 60
ASK = b"select charges.execute(%s, %s, %s, %s)"


async def race(database: Database, account: UUID, asked: list[tuple[str, UUID, dict[str, Any]]]) -> list[Any]:
    """Each (operation, id, request) over one of thirty connections, all at once; the answer, or the refusal's code."""
    connections = [await database.connect("paya_app") for _ in range(30)]
    free: asyncio.Queue[psycopg.AsyncConnection[Any]] = asyncio.Queue()
    for connection in connections:
        free.put_nowait(connection)

    async def ask(operation: str, once: UUID, request: dict[str, Any]) -> Any:
        connection = await free.get()
        try:
            cursor = await connection.execute(ASK, (operation, account, once, json.dumps(request)))
            return (await cursor.fetchone() or [None])[0]
        except psycopg.Error as error:
            return error.diag.message_primary if error.diag.sqlstate == "PA000" else error
        finally:
            free.put_nowait(connection)

    try:
        answers = await asyncio.gather(*(ask(*one) for one in asked))
    finally:
        for connection in connections:
            await connection.close()
    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    return answers


def refusals(answers: list[Any]) -> dict[str, int]:
    return dict(Counter(answer if isinstance(answer, str) else "done" for answer in answers))


async def test_captures(database, shop):
    charge = await shop.charge(1_000)
    request = {"charge_id": charge["id"], "amount_minor": 100, "final": False}
    answers = await race(database, shop.account_id, [
        ("capture", new_id(), request) for _ in range(RACERS)
    ])  # fmt: skip
    assert refusals(answers) == {"done": 10, "charge_state_invalid": 50}
    assert (await shop.read(charge))["captured_minor"] == 1_000
    await assert_books(database)


async def test_refunds(database, shop):
    capture = await shop.captured(1_000)
    request = {"capture_id": capture["id"], "amount_minor": 40}
    answers = await race(database, shop.account_id, [("refund", new_id(), request) for _ in range(RACERS)])
    assert refusals(answers) == {"done": 25, "charge_state_invalid": 35}
    await assert_books(database)


async def test_voids_and_captures(database, shop):
    for _ in range(3):
        charge = await shop.charge(1_000)
        asked = [("void", new_id(), {"charge_id": charge["id"]}) for _ in range(RACERS // 2)]
        asked += [("capture", new_id(), {"charge_id": charge["id"]}) for _ in range(RACERS // 2)]
        assert refusals(await race(database, shop.account_id, asked)) == {"done": 1, "charge_state_invalid": 59}
        assert await shop.status(charge) in ("voided", "captured")
    await assert_books(database)


async def test_disputes_and_refunds(database, shop):
    capture = await shop.captured(1_000)
    asked = [("open_dispute", new_id(), {"charge_id": capture["charge_id"], "amount_minor": 600}) for _ in range(30)]
    asked += [("refund", new_id(), {"charge_id": capture["charge_id"], "amount_minor": 100}) for _ in range(30)]
    await race(database, shop.account_id, asked)
    charge = (await shop.read(capture))["charge"]
    assert charge["disputed_minor"] in (0, 600)
    assert charge["refunded_minor"] == (1_000 if not charge["disputed_minor"] else 400)
    await assert_books(database)


async def test_answers_to_a_dispute(database, shop):
    dispute = await shop.dispute((await shop.captured(1_000))["charge_id"])
    asked = [
        ("submit_evidence", new_id(), {"dispute_id": dispute["id"], "evidence": "x"}) for _ in range(RACERS // 2)
    ] + [("accept_dispute", new_id(), {"dispute_id": dispute["id"]}) for _ in range(RACERS // 2)]
    await race(database, shop.account_id, asked)
    kinds = Counter(await shop.kinds())
    assert kinds["dispute.lost"] == 1
    assert kinds["dispute.updated"] <= 1
    await assert_books(database)


@pytest.mark.parametrize("card", ["visa", "lost"])
async def test_one_id_sixty_times_is_one_charge(database, shop, card):
    once, request = new_id(), {"amount_minor": 500, "currency": "USD", "card": card}
    answers = await race(database, shop.account_id, [("authorize", once, request)] * RACERS)
    assert all(answer == answers[0] for answer in answers)
    assert len(await shop.kinds()) == 1
    await assert_books(database)


async def test_one_id_for_two_charges_captures_one(database, shop):
    once, one, other = new_id(), await shop.charge(500), await shop.charge(500)
    asked = [("capture", once, {"charge_id": charge["id"]}) for charge in (one, other) for _ in range(RACERS // 2)]
    connections = await asyncio.gather(*(database.connect("paya_app") for _ in range(20)))
    codes: Counter[str] = Counter()

    async def ask(connection, operation, capture_id, request):
        for _ in range(2):
            try:
                await connection.execute(ASK, (operation, shop.account_id, capture_id, json.dumps(request)))
                codes["done"] += 1
            except psycopg.Error as error:
                if error.diag.constraint_name in ("capture_pkey", "transfer_pkey"):
                    continue  # what the application asks once more
                codes[str(error.diag.message_primary)] += 1
            return

    for start in range(0, len(asked), 20):
        await asyncio.gather(*(ask(c, *one) for c, one in zip(connections, asked[start::3][:20], strict=False)))
    for connection in connections:
        await connection.close()
    assert set(codes) <= {"done", "key_reused", "ask_again"}
    statuses = {await shop.status(one), await shop.status(other)}
    assert statuses == {"authorized", "captured"}
    await assert_books(database)


async def test_new_accounts_whose_first_charges_come_at_once(database, shop):
    asked = [("authorize", new_id(), {"amount_minor": 500, "currency": "USD", "card": "visa"}) for _ in range(RACERS)]
    answers = await race(database, shop.account_id, asked)
    assert refusals(answers) == {"done": RACERS}
    await assert_books(database)


async def test_everything_at_once_while_the_clock_turns(database, shop):
    charges_made = [await shop.charge(1_000) for _ in range(8)]
    captures = [await shop.captured(1_000) for _ in range(8)]
    asked: list[tuple[str, UUID, dict[str, Any]]] = []
    for charge, capture in zip(charges_made, captures, strict=True):
        asked += [
            ("capture", new_id(), {"charge_id": charge["id"], "amount_minor": 300, "final": False}),
            ("refund", new_id(), {"charge_id": capture["charge_id"], "amount_minor": 100}),
            ("void", new_id(), {"charge_id": charge["id"]}),
            ("open_dispute", new_id(), {"charge_id": capture["charge_id"], "amount_minor": 50}),
            ("authorize", new_id(), {"amount_minor": 70, "currency": "EUR", "card": "visa"}),
        ]

    async def turn():
        for _ in range(6):
            await shop.pass_time(days=1)

    answers, _ = await asyncio.gather(race(database, shop.account_id, asked), turn())
    assert set(refusals(answers)) <= {"done", "charge_state_invalid"}
    await shop.pass_time(days=60)
    await assert_books(database)


async def test_two_accounts_do_not_wait_for_each_other(database, shop):
    await shop.charge()
    async with await database.connect("paya_app") as busy, await database.connect("paya_app") as other:
        await busy.execute("begin")
        request = json.dumps({"amount_minor": 5, "currency": "USD", "card": "visa"})
        await busy.execute(ASK, ("authorize", shop.account_id, new_id(), request))
        await other.execute("set lock_timeout = '2s'")
        await other.execute(ASK, ("authorize", uuid4(), new_id(), request))
