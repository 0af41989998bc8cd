"""The rules that hold in every snapshot, each shown by an attempt to break it as the schema's owner."""

import asyncio

import psycopg
import pytest

from paya_app import wallet
from paya_app.core.ids import new_id

pytestmark = pytest.mark.usefixtures("database")

FLAWS = {
    "a transfer without its two entries": """
        select t.id::text from ledger.transfer t
        left join ledger.entry f
          on (f.account_id, f.seq, f.transfer_id, f.amount) = (t.from_account, t.from_seq, t.id, -t.amount)
        left join ledger.entry r
          on (r.account_id, r.seq, r.transfer_id, r.amount) = (t.to_account, t.to_seq, t.id, t.amount)
        where (t.from_seq is not null and f.seq is null) or (t.to_seq is not null and r.seq is null)""",
    "an entry without its transfer": """
        select e.account_id || ':' || e.seq from ledger.entry e left join ledger.transfer t on t.id = e.transfer_id
        where (e.account_id, e.seq) not in (
            (t.from_account, coalesce(t.from_seq, 0)), (t.to_account, coalesce(t.to_seq, 0)))
          or t.id is null""",
    "a summing account whose entries are not its transfers": """
        select x.account_id::text from (
          select from_account as account_id, xid, -amount as amount from ledger.transfer where from_seq is null
          union all select to_account, xid, amount from ledger.transfer where to_seq is null
          union all select account_id, xid, -amount from ledger.sum_entry) x
        group by x.account_id, x.xid having sum(x.amount) <> 0""",
    "an account that is not the sum of its entries": """
        select a.id::text from ledger.account a left join ledger.entry e on e.account_id = a.id
        group by a.id having a.balance <> coalesce(sum(e.amount), 0)
          or a.seq <> count(e.seq) or a.seq <> coalesce(max(e.seq), 0)""",
    "a balance that does not chain": """
        select account_id || ':' || seq from (
          select *, sum(amount) over (partition by account_id order by seq) as chained from ledger.entry) e
        where balance_after <> chained""",
    "an asset that does not sum to zero": """
        select asset from ledger.account_balance group by asset having sum(balance) <> 0""",
    "a wallet below its floor": "select id::text from ledger.account where balance - held < min_balance",
    "a payment without its transfer or event": """
        select p.id::text from public.payments p
        left join ledger.transfer t on t.id = p.id
        left join events.event v on v.subject = p.id and v.kind = 'payment.sent'
        group by p.id, t.id having t.id is null or count(v.id) <> 1""",
}


async def flaws(database):
    return {name: rows for name, sql in FLAWS.items() if (rows := await database.rows(sql))}


async def test_after_a_storm_of_payments_everything_adds_up(people, database):
    names = ["ann", "bob", "cal", "dev"]
    actors = {name: await people.join(name, cents=300) for name in names}
    orders = [(g, t, 37 + n) for n in range(6) for g in names for t in names if g != t]
    answers = await asyncio.gather(
        *[
            wallet.send(actors[g], payment_id=new_id(), to=t, amount_cents=cents, note="", audience="private")
            for g, t, cents in orders
        ],
        return_exceptions=True,
    )
    assert any(not isinstance(a, BaseException) for a in answers)
    assert await flaws(database) == {}


async def test_a_planted_cent_is_seen(people, database):
    ann = await people.join("ann", cents=300)
    await database.rows("update ledger.account set balance = balance + 1 where owner = %s", [ann.user_id])
    assert set(await flaws(database)) == {
        "an account that is not the sum of its entries",
        "an asset that does not sum to zero",
    }


COLUMN = {"ledger.transfer": "ref", "ledger.entry": "at", "events.event": "kind", "risk.limit_value": "reason"}


@pytest.mark.parametrize("table", sorted(COLUMN))
@pytest.mark.parametrize(
    "verb", ["update {table} set {column} = {column}", "delete from {table}", "truncate {table} cascade"]
)
async def test_what_happened_is_never_changed_not_even_by_the_owner(people, database, table, verb):
    ann, _ = await people.join("ann", cents=300), await people.join("bob")
    await wallet.send(ann, payment_id=new_id(), to="bob", amount_cents=1, note="", audience="private")
    with pytest.raises(psycopg.Error, match="append_only"):
        await database.rows(verb.format(table=table, column=COLUMN[table]))


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("select ledger.post(gen_random_uuid(), 1, 2, 0, 'x')", "amount_invalid"),
        ("select ledger.post(gen_random_uuid(), 1, 2, -1, 'x')", "amount_invalid"),
        ("select ledger.post(gen_random_uuid(), 1, 2, null, 'x')", "amount_invalid"),
        ("select ledger.post(gen_random_uuid(), 1, 2, 9223372036854775807, 'x')", "amount_invalid"),
        ("select ledger.post(gen_random_uuid(), 1, 1, 5, 'x')", "transfer_malformed"),
        ("select ledger.post(null, 1, 2, 5, 'x')", "transfer_malformed"),
        ("select ledger.post(gen_random_uuid(), 1, null, 5, 'x')", "transfer_malformed"),
        ("select ledger.post(gen_random_uuid(), 1, 999999, 5, 'x')", "account_unknown"),
    ],
)
async def test_malformed_postings_are_refused(database, sql, code):
    with pytest.raises(psycopg.Error, match=code):
        await database.rows(sql)
