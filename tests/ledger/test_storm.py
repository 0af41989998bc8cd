"""Sixteen connections over few accounts, every path at once: no deadlock, nothing lost, nothing done twice."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

from paya_app.core.errors import AskAgain, from_database
from paya_app.core.ids import new_id
from tests.ledger.books import Books
from tests.support.waiting import until

CONNECTIONS = 16
POST = "select ledger.post(%s, %s, %s, %s, 'payment')"
MANY = """
select balance_after, refusal from ledger.post_many(%s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[])
order by n"""
CAPTURE = "select ledger.capture_hold(%s, %s, %s::bigint[], %s::bigint[], 'captured', %s)"
HOLD = "select ledger.authorize(%s, %s, %s, 'card', private.now() + %s * interval '1 second')"
SHARE = "select ledger.distribute(%s, %s, %s::bigint[], %s::bigint[], 'reward')"


@pytest.fixture
async def connections(database) -> AsyncIterator[list[psycopg.AsyncConnection[Any]]]:
    """Sixteen of them."""
    made = [await database.connect() for _ in range(CONNECTIONS)]
    yield made
    for connection in made:
        await connection.close()


async def ask(connection, statement: str, *params) -> tuple[list[Any], str | None]:
    """(row, code): what a call gives, or how it is refused. What is no refusal of ours, a deadlock say, is raised."""
    try:
        return (await (await connection.execute(statement.encode(), params)).fetchall()), None
    except psycopg.Error as error:
        refusal = from_database(error)
        if refusal is None:
            raise
        return [], refusal.code


async def until_answered(connection, statement: str, *params) -> tuple[list[Any], str | None]:
    """The same, asked again while told to."""
    while True:
        rows, code = await ask(connection, statement, *params)
        if code != AskAgain.code and not any(row[-1] == AskAgain.code for row in rows):
            return rows, code


PATHS = {
    "post": lambda once, a: (POST, once, a[0], a[1], 70),
    "post_many": lambda once, a: (MANY, [once], [a[0]], [a[1]], [70], ["payment"]),
    "authorize": lambda once, a: (HOLD.replace("private.now() + %s * interval '1 second'", "null"), once, a[0], 70),
    "capture": lambda once, a: (CAPTURE, once, a[2], a[1:2], [60], True),
    "part of a capture": lambda once, a: (CAPTURE, once, a[2], a[1:2], [30], False),
    "release": lambda _, a: ("select ledger.release(%s)", a[2]),
    "distribute": lambda once, a: (SHARE, once, a[3], a[0:2], [5, 6]),
}


@pytest.mark.parametrize("paths", [*[(path,) for path in PATHS], ("post", "post_many")], ids=" and ".join)
async def test_one_id_sixty_times_at_once_is_done_once(book: Books, connections, paths):
    """Whoever asks gets the same; the money was enough for once only."""
    ann, bob = book.open(130, 0)
    hold, once = new_id(), UUID(int=new_id().int & ~0xFFFF)
    book.value("select ledger.authorize(%s, %s, 60, 'card')", hold, ann)
    pool = book.system("rewards_pool")
    before = book.value("select count(*) from ledger.transfer"), book.value("select count(*) from ledger.hold")
    calls = [PATHS[path](once, [ann, bob, hold, pool]) for path in paths]

    async def sixtieth(number: int):
        results = []
        for n in range(number, 60, CONNECTIONS):
            rows, code = await until_answered(connections[number], *calls[n % len(calls)])
            assert code is None, code
            results.append(rows[0][0])
        return results

    answers = [answer for part in await asyncio.gather(*[sixtieth(n) for n in range(CONNECTIONS)]) for answer in part]
    firsts = [a for a in answers if isinstance(a, dict) and not a.pop("is_replay")]
    assert len(answers) == 60
    assert all(a == answers[0] for a in answers), answers
    assert len(firsts) == (1 if isinstance(answers[0], dict) else 0)
    after = book.value("select count(*) from ledger.transfer"), book.value("select count(*) from ledger.hold")
    done = {"authorize": (0, 1), "release": (0, 0), "distribute": (2, 0)}.get(paths[0], (1, 0))
    assert (after[0] - before[0], after[1] - before[1]) == done
    assert book.broken_rules() == {}


class Worker:
    """Random work over one connection; `done` is what was acknowledged, by transfer id."""

    def __init__(self, connection, seed: int, wallets: list[int], summing: list[int], holds: list[UUID]) -> None:
        self.connection, self.wallets, self.summing, self.holds = connection, wallets, summing, holds
        self.chance = random.Random(seed)  # noqa: S311 - work to test with
        self.done: dict[UUID, int] = {}

    async def work(self) -> None:
        tasks = [self.post, self.post_many, self.post_many, self.hold, self.capture, self.capture, self.release]
        for _ in range(25):
            await self.chance.choice([*tasks, self.share, self.upkeep])()

    async def says(self, statement: str, *params, unless: tuple[str, ...] = ()) -> list[Any] | None:
        """What it gives, or None when it was refused for one of these reasons; any other is a failure."""
        rows, code = await until_answered(self.connection, statement, *params)
        assert code in {None, *unless}, code
        return None if code else rows

    def two(self) -> list[int]:
        everywhere = [*self.wallets, *self.summing]
        return self.chance.sample(everywhere if self.chance.random() < 0.3 else self.wallets, 2)

    async def post(self) -> None:
        once, amount = new_id(), self.chance.randrange(1, 150)
        if await self.says(POST, once, *self.two(), amount, unless=("insufficient_funds",)):
            self.done[once] = amount

    async def post_many(self) -> None:
        pairs = [self.two() for _ in range(self.chance.randrange(1, 9))]
        ids, amounts = [new_id() for _ in pairs], [self.chance.randrange(1, 90) for _ in pairs]
        self.chance.shuffle(ids)
        givers, takers = [giver for giver, _ in pairs], [taker for _, taker in pairs]
        rows = await self.says(MANY, ids, givers, takers, amounts, ["payment"] * len(pairs)) or []
        assert {refusal for _, refusal in rows} <= {None, "insufficient_funds"}
        self.done |= {i: a for i, a, (_, refusal) in zip(ids, amounts, rows, strict=True) if refusal is None}

    async def hold(self) -> None:
        once, seconds = new_id(), self.chance.choice([0.02, 3600, 3600, 3600])
        asked = (HOLD, once, self.chance.choice(self.wallets), self.chance.randrange(1, 120), seconds)
        # a short one may be over before its turn comes
        if await self.says(*asked, unless=("insufficient_funds", "hold_expired")):
            self.holds.append(once)

    async def capture(self) -> None:
        if not self.holds:
            return
        once, count = new_id(), self.chance.randrange(1, 4)
        takers = [self.chance.choice([*self.wallets, *self.summing]) for _ in range(count)]
        amounts = [self.chance.randrange(1, 30) for _ in takers]
        asked = (CAPTURE, once, self.chance.choice(self.holds), takers, amounts, self.chance.random() < 0.5)
        # malformed: one of those who get it is the one who gives it
        ended = ("hold_closed", "hold_expired", "capture_exceeds_hold", "transfer_malformed")
        if await self.says(*asked, unless=ended):
            self.done |= {UUID(int=(once.int & ~0xFF) | n): a for n, a in enumerate(amounts, start=1)}

    async def release(self) -> None:
        if self.holds:
            await self.says("select ledger.release(%s)", self.chance.choice(self.holds), unless=("hold_closed",))

    async def share(self) -> None:
        chunk, takers = UUID(int=new_id().int & ~0xFFFF), self.chance.sample(self.wallets, self.chance.randrange(1, 6))
        amounts = [self.chance.randrange(1, 20) for _ in takers]
        await self.says(SHARE, chunk, self.chance.choice(self.summing), takers, amounts)
        self.done |= {UUID(int=chunk.int + n): a for n, a in enumerate(amounts)}

    async def upkeep(self) -> None:
        await self.says("select ledger.expire_holds()")
        await self.says("select ledger.take_checkpoints(3)")
        assert await self.says("select sum(ledger.balance_of(id)) from ledger.account where asset = 'USD'") == [(0,)]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_every_path_at_once(book: Books, connections, seed):
    """Random work over five wallets; afterwards what was acknowledged is what is there."""
    wallets, holds = book.open(400, 400, 400, 400, 400), []
    summing = [book.system(kind) for kind in ("reserve", "revenue", "rewards_pool")]
    workers = [Worker(c, seed * 100 + n, wallets, summing, holds) for n, c in enumerate(connections)]
    await asyncio.gather(*[worker.work() for worker in workers])
    done = {i: amount for worker in workers for i, amount in worker.done.items()}
    assert len(done) > 100
    assert dict(book.rows("select id, amount from ledger.transfer where kind <> 'test_mint'")) == done
    assert book.value("select count(*) from ledger.capture") > 5
    assert book.broken_rules() == {}
    assert book.value("select deadlocks from pg_stat_database where datname = current_database()") == 0


@pytest.mark.parametrize("statement", ["post", "post_many", "authorize", "capture", "distribute"])
@pytest.mark.parametrize("moment", ["statement", "commit"])
async def test_who_hangs_up_gets_the_result_by_asking_again(book: Books, database, statement, moment):
    """The connection is cut while the statement, or the commit, is on its way."""
    ann, bob = book.open(130, 0)
    hold, once = new_id(), UUID(int=new_id().int & ~0xFFFF)
    book.value("select ledger.authorize(%s, %s, 60, 'card')", hold, ann)
    text, *params = PATHS[statement](once, [ann, bob, hold, book.system("rewards_pool")])
    written = psycopg.ClientCursor(book.connection).mogrify(text, params)
    cut = await database.connect()
    pid = cut.info.backend_pid
    if moment == "commit":
        await cut.execute(b"begin")
        await cut.execute(written.encode())
    cut.pgconn.send_query(b"commit" if moment == "commit" else written.encode())
    cut.pgconn.flush()
    cut.pgconn.finish()
    await until(lambda: not book.value("select count(*) from pg_stat_activity where pid = %s", pid))
    async with await database.connect() as again:
        first, code = await until_answered(again, text, *params)
        assert code is None, code
        second, _ = await until_answered(again, text, *params)
    for row in (*first, *second):
        if isinstance(row[0], dict):
            row[0].pop("is_replay")
    assert first == second
    assert book.broken_rules() == {}
