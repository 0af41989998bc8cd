"""Distribution and collection: many wallets at once, exactly once, the pool summed."""

import asyncio
import re

import psycopg
import pytest

from paya_app.core.errors import AskAgain, from_database
from paya_app.core.ids import new_id
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("database")

PAY = "select ledger.distribute(%s, ledger.system_account('rewards_pool'), %s::bigint[], %s::bigint[], 'reward')"
TAKE = "select * from ledger.collect(%s, %s::bigint[], %s::bigint[], ledger.system_account('exchange_cash'), 'buy')"


@pytest.fixture
async def wallets(people, database):
    """Twelve wallets with 1000 cents each, in id order."""
    for n in range(12):
        await people.join(f"p{n:02}", cents=1000)
    return [row[0] for row in await database.rows("select id from ledger.account where kind = 'wallet' order by id")]


async def balances(database, wallets):
    rows = await database.rows(
        "select balance from ledger.account where id = any(%s) order by array_position(%s::bigint[], id)",
        (wallets, wallets),
    )
    return [row[0] for row in rows]


async def pool(database, kind):
    return await database.value("select ledger.balance_of(ledger.system_account(%s))", (kind,))


async def books_differ(database):
    """Transfers whose entries, chained balances or summed pool do not agree with them."""
    return await database.rows("""
        select t.id::text from ledger.transfer t left join ledger.entry e on e.transfer_id = t.id
        group by t.id, t.from_seq, t.to_seq having count(e.seq) <> num_nonnulls(t.from_seq, t.to_seq)
        union all
        select x.account_id::text from (
          select from_account as account_id, xid, -amount as amount from ledger.transfer where from_seq is null
          union all select to_account, xid, amount from ledger.transfer where to_seq is null
          union all select account_id, xid, -amount from ledger.sum_entry) x
        group by x.account_id, x.xid having sum(x.amount) <> 0
        union all
        select a.id::text from ledger.account a
        where not a.is_summing and (a.balance, a.seq) is distinct from (
          select (coalesce(sum(e.amount), 0)::bigint, count(*)) from ledger.entry e where e.account_id = a.id)""")


async def test_everyone_gets_theirs_and_the_pool_gets_one_entry(database, wallets):
    amounts = list(range(1, 13))
    assert await database.value(PAY, (new_id(), wallets, amounts)) == sum(amounts)
    assert await balances(database, wallets) == [1000 + n for n in amounts]
    assert await pool(database, "rewards_pool") == -sum(amounts)
    assert await database.value("select count(*) from ledger.sum_entry where transfer_count = 12") == 1
    assert await books_differ(database) == []


async def test_a_chunk_is_paid_once_however_often_it_is_asked_for(database, wallets):
    chunk, order = new_id(), [5] * 12
    answers = await asyncio.gather(*[database.value(PAY, (chunk, wallets, order)) for _ in range(8)])
    assert answers == [60] * 8
    assert await balances(database, wallets) == [1005] * 12
    with pytest.raises(psycopg.Error, match="key_reused"):
        await database.value(PAY, (chunk, wallets, [6] * 12))
    with pytest.raises(psycopg.Error, match="key_reused"):
        await database.value(PAY, (chunk, wallets[:6], [10] * 6))
    assert await pool(database, "rewards_pool") == -60


async def test_who_cannot_pay_is_left_out_and_said(database, wallets):
    await database.rows("update ledger.account set state = 'restricted' where id = %s", (wallets[3],))
    chunk, order = new_id(), [1000] * 11 + [1001]
    rows = await database.rows(TAKE, (chunk, wallets, order))
    assert [r[2] for r in rows] == [None] * 3 + ["account_unavailable"] + [None] * 7 + ["insufficient_funds"]
    assert await balances(database, wallets) == [0, 0, 0, 1000, 0, 0, 0, 0, 0, 0, 0, 1000]
    assert await pool(database, "exchange_cash") == 10_000
    again = await database.rows(TAKE, (chunk, wallets, order))
    assert [(r[0], r[2] is None) for r in again] == [(r[0], r[2] is None) for r in rows]
    assert await pool(database, "exchange_cash") == 10_000
    assert await books_differ(database) == []


async def test_a_collection_asked_for_again_is_the_same_or_refused(database, wallets):
    chunk, order = new_id(), [1001, *[10] * 11]
    first = await database.rows(TAKE, (chunk, wallets, order))
    assert [r[2] for r in first] == ["insufficient_funds", *[None] * 11]
    # the one who could not pay could now, and one who paid could not any more: what was answered stands
    await database.rows("select ledger.post(gen_random_uuid(), %s, %s, 990, 'payment')", (wallets[1], wallets[0]))
    assert await database.rows(TAKE, (chunk, wallets, order)) == first
    for givers, asked in [
        (wallets, [1002, *[10] * 11]),  # the amount of who did not pay
        (wallets, [1001, 11, *[10] * 10]),
        (wallets[1:], [10] * 11),
        (wallets[:11], order[:11]),
        ([*wallets[:10], wallets[11], wallets[10]], order),
    ]:
        with pytest.raises(psycopg.Error, match="key_reused"):
            await database.rows(TAKE, (chunk, givers, asked))
    assert await pool(database, "exchange_cash") == 110


async def test_a_chunk_that_nobody_could_pay_is_answered_the_same_again(database, wallets):
    chunk, order = new_id(), [1001] * 12
    first = await database.rows(TAKE, (chunk, wallets, order))
    assert [r[2] for r in first] == ["insufficient_funds"] * 12
    await database.rows(PAY, (new_id(), wallets, [500] * 12))
    assert await database.rows(TAKE, (chunk, wallets, order)) == first
    with pytest.raises(psycopg.Error, match="key_reused"):
        await database.rows(TAKE, (chunk, wallets, [1] * 12))
    assert await pool(database, "exchange_cash") == 0
    assert await books_differ(database) == []


async def test_one_id_is_not_a_distribution_and_a_collection(database, wallets):
    chunk = new_id()
    await database.rows(PAY, (chunk, wallets, [5] * 12))
    with pytest.raises(psycopg.Error, match="key_reused"):
        await database.rows(TAKE, (chunk, wallets, [5] * 12))


async def test_two_chunks_of_one_id_at_once_are_one_or_asked_again(people, database, wallets):
    """They name other accounts, so that no lock lets the second see the first."""
    chunk, halves = new_id(), (wallets[:6], wallets[6:])
    async with await database.connect() as first, await database.connect() as second:
        await first.execute("begin")
        await first.execute(TAKE.encode(), (chunk, halves[0], [1001] * 6))
        late = asyncio.create_task(second.execute(TAKE.encode(), (chunk, halves[1], [1001] * 6)))
        blocked = "select cardinality(pg_blocking_pids(%s)) > 0"
        await until(lambda: database.value(blocked, (second.info.backend_pid,)))
        await first.execute("commit")
        with pytest.raises(psycopg.errors.UniqueViolation) as refused:
            await late
    assert isinstance(from_database(refused.value), AskAgain)
    with pytest.raises(psycopg.Error, match="key_reused"):
        await database.rows(TAKE, (chunk, halves[1], [1001] * 6))


@pytest.mark.parametrize("sql", [PAY, TAKE])
async def test_a_total_beyond_a_quadrillion_is_refused_by_name(database, wallets, sql):
    for each in (10**15, 10**15 // 12 + 1):
        with pytest.raises(psycopg.Error, match="amount_invalid"):
            await database.rows(sql, (new_id(), wallets, [each] * 12))


async def test_new_business_is_one_list_everywhere(database):
    kinds = set(await database.value("select ledger.new_business_kinds()"))
    bodies = await database.rows(
        "select p.oid::regprocedure::text, p.prosrc from pg_proc p join pg_namespace n on n.oid = p.pronamespace "
        "where n.nspname in ('ledger', 'wallet', 'banking', 'risk')"
    )
    named = {
        name: set(re.findall(r"'([a-z_]+)'", listed))
        for name, body in bodies
        for listed in re.findall(r"(?:\bin \(|array\[)('[a-z_]+'(?:, '[a-z_]+')+)", body)
        if "'withdrawal'" in listed
    }
    assert "ledger.new_business_kinds()" in named
    assert {name for name, listed in named.items() if listed != kinds} == set()


async def test_distribution_beside_collection_and_payments_does_not_deadlock(people, database, wallets):
    orders = [(PAY, (new_id(), wallets, [3] * 12)) for _ in range(6)]
    orders += [(TAKE, (new_id(), list(reversed(wallets)), [2] * 12)) for _ in range(6)]
    post = "select ledger.post(gen_random_uuid(), %s, %s, 1, 'payment')"
    orders += [(post, pair) for pair in zip(wallets, wallets[1:] + wallets[:1], strict=True)]
    await asyncio.gather(*[database.rows(sql, params) for sql, params in orders])
    assert await balances(database, wallets) == [1000 + 6 * 3 - 6 * 2] * 12
    assert await books_differ(database) == []


@pytest.mark.parametrize("sql", [PAY, TAKE])
@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda w: (None, w, [1] * 12), "batch_malformed"),
        (lambda w: (new_id(), w, [1] * 11), "batch_malformed"),
        (lambda _: (new_id(), [], []), "batch_malformed"),
        (lambda _: (new_id(), None, [1]), "batch_malformed"),
        (lambda w: (new_id(), w, [1] * 11 + [0]), "amount_invalid"),
        (lambda w: (new_id(), w, [1] * 11 + [-5]), "amount_invalid"),
        (lambda w: (new_id(), w, [1] * 11 + [None]), "amount_invalid"),
        (lambda w: (new_id(), [*w[:11], 999999], [1] * 12), "account_unknown"),
        (lambda w: (new_id(), [*w[:11], None], [1] * 12), "account_unknown"),
        (lambda w: (new_id(), [*w[:11], w[0]], [1] * 12), "account_unknown"),
        (lambda w: (new_id(), [*w[:11], 1], [1] * 12), "account_unknown"),
    ],
)
async def test_a_malformed_chunk_moves_nothing(database, wallets, sql, spoil, code):
    with pytest.raises(psycopg.Error, match=code):
        await database.rows(sql, spoil(wallets))
    assert await balances(database, wallets) == [1000] * 12
