"""A batch of payments: each item is its own person's, and a refusal reaches nobody else."""

import asyncio
import json
import random
from typing import Any
from uuid import UUID

import psycopg
import pytest

from paya_app.core.errors import AskAgain, from_code, from_database
from paya_app.core.ids import new_id
from tests.ledger.books import Books
from tests.support.database import SUPERUSER
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("database")

ONE = "select wallet.send_as(%s, %s, %s, %s, %s, %s)"
MANY = """
select n, result, code, facts
from wallet.send_many(%s::text[], %s::uuid[], %s::text[], %s::bigint[], %s::text[], %s::text[])"""
Item = tuple[str | None, UUID | None, str | None, int | None, str | None, str | None]


def item(actor, to, cents, payment_id=None, *words) -> Item:
    note, audience = (*words, *("tacos", "private")[len(words) :])
    return (actor.claims_json, payment_id or new_id(), to, cents, note, audience)


async def send(database, *items: Item) -> list[tuple[dict[str, Any] | None, str | None, dict[str, Any]]]:
    """(result, code, facts) of each item."""
    columns = [list(column) for column in zip(*items, strict=True)]
    rows = await database.rows(MANY, columns, role="paya_app")
    assert [row[0] for row in rows] == list(range(1, len(items) + 1))
    assert all((result is None) != (code is None) for _, result, code, _ in rows), rows
    return [tuple(row[1:]) for row in rows]


async def alone(database, asked: Item) -> tuple[dict[str, Any] | None, str | None, dict[str, Any]]:
    """The same of one item through send_as."""
    try:
        return await database.value(ONE, asked, role="paya_app"), None, {}
    except psycopg.Error as error:
        refusal = from_database(error)
        if refusal is None:
            raise
        return None, refusal.code, refusal.facts


@pytest.fixture
def book(database):
    with psycopg.connect(database.url(SUPERUSER), autocommit=True) as connection:
        yield Books(connection)


async def people_of_all_sorts(people, book):
    for name, cents in {"ann": 5000, "bob": 0, "poor": 5, "rich": 500_000, "tied": 100, "iced": 100}.items():
        await people.join(name, cents=cents)
    for name, state in {"tied": "restricted", "iced": "frozen"}.items():
        book.rows("update ledger.account set state = %s where owner = %s", state, people.actors[name].user_id)
    people.actors["new"] = await people.sign_up()  # no handle and no wallet yet
    return people.actors


REFUSED = {
    "nothing": (("bob", 0), "amount_invalid"),
    "less than nothing": (("bob", -5), "amount_invalid"),
    "no amount": (("bob", None), "amount_invalid"),
    "the most that bigint holds": (("bob", 2**63 - 1), "limit_exceeded"),
    "above one payment's limit": (("bob", 100_001), "limit_exceeded"),
    "nobody": (("nobody_at_all", 5), "person_not_found"),
    "no handle": ((None, 5), "person_not_found"),
    "self": (("poor", 5), "self_payment"),
    "more than there is": (("bob", 6), "insufficient_funds"),
    "to a frozen wallet": (("iced", 5), "account_unavailable"),
    "a long note": (("bob", 5, None, "x" * 281), "note_invalid"),
    "no note": (("bob", 5, None, None), "note_invalid"),
    "another audience": (("bob", 5, None, "", "everyone"), "audience_invalid"),
    "no audience": (("bob", 5, None, "", None), "audience_invalid"),
}


async def test_every_refusal_reaches_its_own_item_alone(people, database, book):
    who = await people_of_all_sorts(people, book)
    await people.mint(who["tied"], 5)
    refused = [*REFUSED.values(), (("bob", 5), "account_unavailable")]
    askers = [who["poor"], *[await people.join(f"poor{n}", cents=5) for n in range(1, len(REFUSED))], who["tied"]]
    orders = []
    for asker, (order, _) in zip(askers, refused, strict=True):
        to = next(h for h, a in people.actors.items() if a is asker) if order[0] == "poor" else order[0]
        orders.append(item(asker, to, *order[1:]))
    before = book.rows("select owner, balance from ledger.account where owner is not null order by owner")
    answers = await send(database, *orders, item(who["ann"], "bob", 1234))
    assert [code for _, code, _ in answers[:-1]] == [code for _, code in refused]
    assert answers[-1][0] is not None
    assert (await people.balance(who["bob"]), await people.balance(who["ann"])) == (1234, 3766)
    paid = {who["ann"].user_id: -1234, who["bob"].user_id: 1234}
    assert book.rows("select owner, balance from ledger.account where owner is not null order by owner") == [
        (owner, balance + paid.get(owner, 0)) for owner, balance in before
    ]
    assert book.value("select count(*) from public.payments") == 1
    assert book.broken_rules() == {}


@pytest.mark.parametrize("sort", sorted(REFUSED))
async def test_a_batch_refuses_in_the_words_of_a_single_payment(people, database, book, sort):
    who = await people_of_all_sorts(people, book)
    order, code = REFUSED[sort]
    asked = item(who["poor"], *order)
    before = book.fingerprint()
    single, (batch,) = await alone(database, asked), await send(database, asked)
    assert single[1] == batch[1] == code
    assert from_code(code, single[2]).message == from_code(code, batch[2]).message
    assert "None" not in from_code(code, batch[2]).message
    assert book.fingerprint() == before


@pytest.mark.parametrize("cents", [1200, 600_000])
async def test_a_limit_is_said_in_the_same_words(people, database, book, cents):
    who = await people_of_all_sorts(people, book)
    for _ in range(10):
        assert (await alone(database, item(who["rich"], "bob", 1)))[0]
    asked = item(who["rich"], "bob", cents)
    single, (batch,) = await alone(database, asked), await send(database, asked)
    assert single[1] == batch[1] == "limit_exceeded"
    assert {k: v for k, v in single[2].items() if k != "now"} == {k: v for k, v in batch[2].items() if k != "now"}
    assert batch[2]["is_covered"] is (cents == 1200)
    assert "now" in batch[2] or "resets_at" not in batch[2]


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        ("update ledger.account set state = 'restricted' where owner = %s", "account_unavailable"),
        ("update ledger.account set state = 'frozen' where owner = %s", "account_unavailable"),
        (None, "insufficient_funds"),
    ],
)
async def test_what_refuses_besides_a_full_limit_is_said_as_alone(people, database, book, spoil, code):
    ann, _ = await people.join("ann", cents=1000), await people.join("bob")
    for _ in range(10):
        assert (await alone(database, item(ann, "bob", 1)))[0]
    if spoil:
        book.rows(spoil, ann.user_id)
    asked = item(ann, "bob", 5 if spoil else 991)
    single, (batch,) = await alone(database, asked), await send(database, asked)
    assert single[1] == batch[1] == code
    assert from_code(code, single[2]).message == from_code(code, batch[2]).message


@pytest.mark.parametrize(
    "claims",
    [
        None,
        "",
        "{",
        "null",
        "[]",
        '"x"',
        "{}",
        '{"sub": null}',
        '{"sub": ""}',
        '{"sub": "nobody"}',
        '{"sub": 5}',
        '{"sub": ["a"]}',
        '{"sub": "\\u0000"}',
        '{"sub": "00000000-0000-0000-0000-00000000000"}',
        "x" * 100_000,
        "[" * 10_000,
    ],
)
async def test_claims_that_cannot_be_read_hurt_nobody_else(people, database, claims):
    ann, bob = await people.join("ann", cents=500), await people.join("bob", cents=500)
    bad: Item = (claims, new_id(), "bob", 5, "", "private")
    answers = await send(database, item(ann, "bob", 100), bad, item(bob, "ann", 30))
    assert [code for _, code, _ in answers] == [None, "signed_out", None]
    assert (await people.balance(ann), await people.balance(bob)) == (430, 570)


async def test_claims_of_somebody_without_a_wallet_pay_nothing(people, database):
    ann, bob = await people.join("ann", cents=500), await people.join("bob")
    answers = await send(
        database,
        item(await people.sign_up(), "bob", 5),
        (json.dumps({"sub": str(new_id())}), new_id(), "bob", 5, "", "private"),
        item(ann, "bob", 100),
    )
    assert [code for _, code, _ in answers] == ["account_unavailable", "account_unavailable", None]
    assert await people.balance(bob) == 100


async def test_a_second_payment_of_one_person_waits_for_the_next_batch(people, database):
    ann, bob = await people.join("ann", cents=500), await people.join("bob", cents=500)
    first, second = item(ann, "bob", 100), item(ann, "bob", 200)
    answers = await send(database, first, item(bob, "ann", 1), second)
    assert [code for _, code, _ in answers] == [None, None, "ask_again"]
    ((result, code, _),) = await send(database, second)
    assert code is None
    assert result is not None
    assert await people.balance(ann) == 201


async def test_one_id_twice_is_one_payment(people, database):
    ann, bob = await people.join("ann", cents=500), await people.join("bob")
    asked = item(ann, "bob", 100)
    (paid, again) = await send(database, asked, asked)
    assert (paid[1], again[1]) == (None, "ask_again")
    ((replay, _, _),) = await send(database, asked)
    single, _, _ = await alone(database, asked)
    assert paid[0] is not None
    assert replay == single == paid[0] | {"is_replay": True}
    assert await people.balance(bob) == 100


async def test_one_id_of_two_people_is_the_first_ones(people, database):
    ann, bob = await people.join("ann", cents=500), await people.join("bob", cents=500)
    once = new_id()
    answers = await send(database, item(ann, "bob", 100, once), item(bob, "ann", 100, once))
    assert [code for _, code, _ in answers] == [None, "key_reused"]
    answers = await send(database, item(bob, "ann", 100, once), item(ann, "bob", 100, once))
    assert [code for _, code, _ in answers] == ["key_reused", None]
    assert (await people.balance(ann), await people.balance(bob)) == (400, 600)


@pytest.mark.parametrize("change", [{"to": "cal"}, {"cents": 101}, {"note": "other"}, {"audience": "public"}])
async def test_an_id_used_for_something_else_is_refused(people, database, change):
    ann, _, _ = await people.join("ann", cents=500), await people.join("bob"), await people.join("cal")
    first = {"to": "bob", "cents": 100, "payment_id": new_id(), "note": "tacos", "audience": "private"}
    await send(database, item(ann, *first.values()))
    ((_, code, _),) = await send(database, item(ann, *{**first, **change}.values()))
    assert code == "key_reused"


async def test_a_payment_is_found_again_after_the_wallet_was_frozen_or_the_limit_reached(people, database, book):
    ann, bob = await people.join("ann", cents=500), await people.join("bob")
    asked = item(ann, "bob", 100)
    await send(database, asked)
    for _ in range(9):
        await send(database, item(ann, "bob", 1))
    book.rows("update ledger.account set state = 'frozen' where owner = any(%s)", [ann.user_id, bob.user_id])
    ((result, code, _),) = await send(database, asked)
    assert code is None
    assert result is not None
    assert result["is_replay"]


async def test_money_received_in_a_batch_is_spent_later_in_it(people, database, book):
    who = [await people.join(name, cents=cents) for name, cents in {"ann": 100, "bob": 0, "cal": 0, "dee": 0}.items()]
    answers = await send(
        database,
        item(who[2], "dee", 100),
        item(who[0], "bob", 100),
        item(who[1], "cal", 100),
    )
    assert [code for _, code, _ in answers] == ["insufficient_funds", None, None]
    assert [await people.balance(person) for person in who] == [0, 0, 100, 0]
    assert book.broken_rules() == {}


@pytest.mark.parametrize(
    "arguments",
    [
        "null, null, null, null, null, null",
        "'{}', '{}', '{}', '{}', '{}', '{}'",
        "'{a,b}', array[gen_random_uuid()], '{bob}', '{5}', '{x}', '{private}'",
        "'{a}', array[gen_random_uuid()], '{bob,bob}', '{5}', '{x}', '{private}'",
        "'{a}', array[gen_random_uuid()], '{bob}', '{5}', null, '{private}'",
        "'{a}', array[gen_random_uuid()], '{bob}', '{5}', '{}', '{private}'",
        (
            "array_fill('a'::text, '{1001}'), array_fill(gen_random_uuid(), '{1001}'), "
            "array_fill('b'::text, '{1001}'), array_fill(5::bigint, '{1001}'), "
            "array_fill('x'::text, '{1001}'), array_fill('private'::text, '{1001}')"
        ),
    ],
)
async def test_a_batch_that_is_no_list_of_payments_is_refused(database, arguments):
    with pytest.raises(psycopg.Error, match="batch_malformed"):
        await database.rows(f"select wallet.send_many({arguments})", role="paya_app")


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
async def test_only_the_application_sends_for_many(people, database, role):
    ann, _ = await people.join("ann", cents=500), await people.join("bob")
    async with await database.connect("paya_app") as connection:
        await connection.execute(f"set role {role}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute(MANY.encode(), [[value] for value in item(ann, "bob", 5)])


@pytest.mark.parametrize("path", ["one", "many", "both"])
async def test_one_id_sixty_times_at_once_is_one_payment(people, database, book, path):
    """Over sixteen connections; who is told to ask again does so, and gets what everybody got."""
    ann, bob = await people.join("ann", cents=100), await people.join("bob")
    asked = item(ann, "bob", 100)
    free: asyncio.Queue[psycopg.AsyncConnection[Any]] = asyncio.Queue()
    for _ in range(16):
        free.put_nowait(await database.connect("paya_app"))

    async def ask(number: int) -> dict[str, Any]:
        connection = await free.get()
        try:
            while True:
                try:
                    if path == "one" or (path == "both" and number % 2):
                        cursor = await connection.execute(ONE.encode(), asked)
                        return (await cursor.fetchone() or [{}])[0]
                    cursor = await connection.execute(MANY.encode(), [[value] for value in asked])
                    _, result, code, _ = await cursor.fetchone() or (0, None, "", {})
                    if code != "ask_again":
                        assert result is not None, code
                        return result
                except psycopg.Error as error:
                    if not isinstance(from_database(error), AskAgain):
                        raise
        finally:
            free.put_nowait(connection)

    answers = await asyncio.gather(*[ask(n) for n in range(60)])
    while not free.empty():
        await free.get_nowait().close()
    assert sum(not answer["is_replay"] for answer in answers) == 1
    assert len({json.dumps(answer | {"is_replay": False}, sort_keys=True) for answer in answers}) == 1
    assert (await people.balance(ann), await people.balance(bob)) == (0, 100)
    assert book.value("select count(*) from events.event where subject = %s", asked[1]) == 1
    assert book.broken_rules() == {}


@pytest.mark.parametrize("path", ["one", "many"])
async def test_who_hangs_up_in_the_middle_gets_the_result_by_asking_again(people, database, book, path):
    """The connection is cut while the statement is on its way: whether it was paid shows when asked again, once."""
    ann, bob = await people.join("ann", cents=1000), await people.join("bob")
    orders = [item(ann, "bob", 10) for _ in range(9)]
    for n, asked in enumerate(orders):
        connection = await database.connect("paya_app")
        pid = connection.info.backend_pid
        params = asked if path == "one" else tuple([value] for value in asked)
        text = psycopg.ClientCursor(book.connection).mogrify(ONE if path == "one" else MANY, params)
        if n % 3 == 0:  # in the middle of the commit itself
            await connection.execute(b"begin")
            await connection.execute(text.encode())
            text = "commit"
        connection.pgconn.send_query(text.encode())
        while connection.pgconn.flush():
            pass
        connection.pgconn.finish()
        await until(lambda pid=pid: not book.value("select count(*) from pg_stat_activity where pid = %s", pid))
    answers = [await alone(database, asked) for asked in orders]
    assert [code for _, code, _ in answers] == [None] * 9
    assert (await people.balance(ann), await people.balance(bob)) == (910, 90)
    assert book.broken_rules() == {}


@pytest.mark.parametrize("seed", [1, 2])
async def test_single_and_batched_payments_at_once_lose_nothing(people, database, book, seed):
    """Sixteen connections pay among five people: no deadlock, and whoever was told so has paid, once."""
    chance = random.Random(seed)  # noqa: S311 - orders to test with
    book.rows("insert into risk.limit_value (name, value_max, reason) values ('send_hour_count', 10000, 'test'), "
              "('send_day_count', 10000, 'test')")  # fmt: skip
    names = ["ann", "bob", "cal", "dee", "eve"]
    for name in names:
        await people.join(name, cents=300)
    paid: dict[UUID, int] = {}

    def order() -> Item:
        giver, taker = chance.sample(names, 2)
        return item(people.actors[giver], taker, chance.randrange(1, 120))

    async def work(number: int) -> None:
        async with await database.connect("paya_app") as connection:
            for _ in range(12):
                batch = [order() for _ in range(1 if number % 2 else chance.randrange(1, 5))]
                for _ in range(200):
                    batch = await once(connection, batch, is_batch=not number % 2)
                    if not batch:
                        break
                assert not batch

    async def once(connection, batch: list[Item], *, is_batch: bool) -> list[Item]:
        """Those that have to be asked again."""
        try:
            if not is_batch:
                await connection.execute(ONE.encode(), batch[0])
                rows = [(1, {}, None, {})]
            else:
                columns = [list(column) for column in zip(*batch, strict=True)]
                rows = await (await connection.execute(MANY.encode(), columns)).fetchall()
        except psycopg.Error as error:
            refusal = from_database(error)
            if refusal is None:
                raise
            rows = [(1, None, refusal.code, {})]
        for n, _, code, _ in rows:
            assert code in {None, "ask_again", "insufficient_funds"}, code
            if code is None:
                assert batch[n - 1][1] not in paid
                paid[batch[n - 1][1]] = batch[n - 1][3]  # type: ignore[index,assignment]
        return [batch[n - 1] for n, _, code, _ in rows if code == "ask_again"]

    await asyncio.gather(*[work(n) for n in range(16)])
    assert len(paid) > 100
    assert dict(book.rows("select id, amount from ledger.transfer where kind = 'payment'")) == paid
    assert {row[0] for row in book.rows("select subject from events.event where kind = 'payment.sent'")} == paid.keys()
    assert {row[0] for row in book.rows("select id from public.payments")} == paid.keys()
    assert sum([await people.balance(people.actors[name]) for name in names]) == 1500
    assert book.broken_rules() == {}
    assert book.value("select deadlocks from pg_stat_database where datname = current_database()") == 0
