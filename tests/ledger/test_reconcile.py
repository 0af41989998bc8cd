"""Reconciliation finds each planted flaw in one run, makes one case of it, and invents none."""

import asyncio

import psycopg
import pytest

from paya_app import wallet
from paya_app.core.ids import new_id
from paya_app.ledger.reconciliation import reconcile
from paya_app.proof.verify import verify
from tests.support.waiting import until


async def plant(database, statement, rows=1):
    async with await database.connect() as connection:
        await connection.execute("set session_replication_role = 'replica'")
        cursor = await connection.execute(statement.encode())
        assert cursor.rowcount == rows, "the test planted nothing, or too much"


async def run(database, *, is_full=False):
    return await reconcile(database.url("paya_worker"), is_full=is_full)


async def cases(database):
    return [tuple(r) for r in await database.rows('select kind, subject from cases."case" order by opened_at')]


async def pay(actor, to, cents=1):
    payment_id = new_id()
    await wallet.send(actor, payment_id=payment_id, to=to, amount_cents=cents, note="", audience="private")
    return payment_id


@pytest.fixture
async def trading(people, database):
    """Ann and bob, who paid each other since the last run; cat and dan, who did before it."""
    ann, bob = await people.join("ann", cents=5000), await people.join("bob", cents=5000)
    cat, _ = await people.join("cat", cents=5000), await people.join("dan", cents=5000)
    await pay(cat, "dan", 7)
    await database.rows("select ledger.take_checkpoints(1)")

    async def seen():
        # another database's transaction may hold the horizon back
        assert await run(database) == []
        upto = await database.value("select upto::text::bigint from ledger.reconciliation order by n desc limit 1")
        return upto > await database.value("select max(xid)::text::bigint from ledger.transfer")

    await until(seen)
    await pay(ann, "bob", 3)
    await pay(bob, "ann", 4)
    await pay(ann, "bob", 5)
    await people.mint(bob, 9)


def wallet_of(handle):
    return f"(select a.id from ledger.account a join public.profiles p on p.id = a.owner where p.handle = '{handle}')"


ANN, CAT = wallet_of("ann"), wallet_of("cat")
FLAWS = {
    "a cent on a touched account": (
        f"update ledger.account set balance = balance + 1 where id = {ANN}",
        "account_does_not_add_up",
    ),
    "a cent on an untouched account": (
        f"update ledger.account set balance = balance + 1 where id = {CAT}",
        "account_does_not_add_up",
    ),
    "a cent in an entry": (
        f"update ledger.entry set amount = amount + 1 where account_id = {ANN} and seq = 3",
        "account_does_not_add_up",
    ),
    "a cent in the newest balance after": (
        f"update ledger.entry set balance_after = balance_after + 1 where account_id = {ANN} and seq = 4",
        "account_does_not_add_up",
    ),
    "a missing entry": (f"delete from ledger.entry where account_id = {ANN} and seq = 3", "account_does_not_add_up"),
    "a missing newest entry": (
        f"delete from ledger.entry where account_id = {ANN} and seq = 4",
        "account_does_not_add_up",
    ),
    "an entry of no transfer": (
        f"""insert into ledger.entry select {ANN}, 5, gen_random_uuid(), 1, balance_after + 1, now() from ledger.entry
        where account_id = {ANN} and seq = 4""",
        "account_does_not_add_up",
    ),
    "a cent in a transfer": (
        "update ledger.transfer set amount = amount + 1 where amount = 4",
        "transfer_does_not_fit",
    ),
    "a cent in a sum": (
        """update ledger.sum_entry set amount = amount - 1
        where batch = (select batch from ledger.sum_entry order by at desc limit 1)""",
        "account_does_not_add_up",
    ),
    "a cent in a checkpoint": ("update ledger.checkpoint set balance = balance - 1", "account_does_not_add_up"),
    "a cent held on a touched account": (
        f"update ledger.account set held = 1 where id = {ANN}",
        "held_is_not_its_holds",
    ),
    "a cent held on an untouched account": (
        f"update ledger.account set held = 1 where id = {CAT}",
        "held_is_not_its_holds",
    ),
    "an orphan payment": (
        """insert into public.payments (id, sender_id, recipient_id, note, sender_audience, created_at)
        select gen_random_uuid(), sender_id, recipient_id, '', 'private', now() from public.payments
        where id = (select id from ledger.transfer where amount = 3)""",
        "payment_does_not_fit",
    ),
    "a payment without its event": (
        "delete from events.event where kind = 'payment.sent' and payload @> '{\"amount_cents\": 5}'",
        "payment_does_not_fit",
    ),
    "a payment's event alone": (
        """insert into events.event (kind, subject, version, payload)
        values ('payment.sent', gen_random_uuid(), 1, '{}')""",
        "payment_does_not_fit",
    ),
    "a transfer from nowhere": (
        """insert into ledger.transfer (id, at, effective_at, from_account, to_account, amount, kind)
        values (gen_random_uuid(), now(), now(), 999, 998, 1, 'x')""",
        "transfer_does_not_fit",
    ),
}


@pytest.mark.parametrize("is_full", [False, True], ids=["new", "full"])
@pytest.mark.parametrize(("statement", "kind"), FLAWS.values(), ids=FLAWS)
@pytest.mark.usefixtures("trading")
async def test_a_planted_flaw_is_found_in_one_run_and_makes_one_case(database, statement, kind, is_full):
    await plant(database, statement)
    found = await run(database, is_full=is_full)
    assert [finding.kind for finding in found] == [kind], found
    assert await cases(database) == [(finding.kind, finding.subject) for finding in found]
    assert await database.value("select count(*) from events.event where kind = 'case.opened'") == 1
    assert all(finding.is_new and finding.subject.split(":")[1] in finding.sentence for finding in found)


@pytest.mark.usefixtures("trading")
async def test_a_second_run_does_not_double_a_case_and_a_closed_one_is_opened_anew(database):
    await plant(database, FLAWS["a cent on an untouched account"][0])
    (first,) = await run(database)
    (again,) = await run(database)
    assert (again.case_id, again.is_new) == (first.case_id, False)
    assert len(await cases(database)) == 1
    async with await database.connect("paya_worker") as worker:
        await worker.execute("set role service_role")
        close = b"select cases.close_case(%s, 'looked at')"
        assert await (await worker.execute(close, (first.case_id,))).fetchone() == (True,)
        assert await (await worker.execute(close, (first.case_id,))).fetchone() == (False,)
    (anew,) = await run(database)
    assert anew.is_new
    assert anew.case_id != first.case_id
    with pytest.raises(psycopg.Error, match="append_only"):
        await database.rows("update cases.\"case\" set evidence = '{}'")


async def test_an_old_sum_under_a_checkpoint_takes_a_full_run(trading, database):
    await plant(
        database,
        "update ledger.sum_entry set amount = amount - 1"
        " where batch = (select batch from ledger.sum_entry order by at limit 1)",
    )
    assert await run(database) == []
    assert [f.kind for f in await run(database, is_full=True)] == ["account_does_not_add_up"]


async def test_two_balancing_cents_on_untouched_accounts_take_a_full_run(trading, database):
    await plant(database, f"update ledger.account set balance = balance + 1 where id = {CAT}")
    await plant(database, f"update ledger.account set balance = balance - 1 where id = {wallet_of('dan')}")
    assert await run(database) == []
    assert [f.kind for f in await run(database, is_full=True)] == ["account_does_not_add_up"] * 2


async def test_holds_and_captures_and_batches_are_no_flaw(trading, database):
    await database.rows(f"select ledger.authorize(gen_random_uuid(), {ANN}, 50, 'card')")
    hold = "01890000-0000-7000-8000-00000000aa00"
    await database.rows(f"select ledger.authorize('{hold}', {CAT}, 70, 'card')")
    capture = f"""select ledger.capture_hold(
      '01890000-0000-7000-8000-00000000bb00', '{hold}', array[{ANN}, ledger.system_account('revenue')],
      '{{20, 5}}', 'card', false)"""
    await database.rows(capture)
    await database.rows(
        f"""select ledger.distribute(
          gen_random_uuid(), ledger.system_account('rewards_pool'), array[{ANN}, {CAT}], '{{3, 4}}', 'reward')"""
    )
    assert await run(database) == []
    assert await run(database, is_full=True) == []


async def test_beside_racing_payments_there_is_no_false_alarm(people, database):
    actors = {name: await people.join(name, cents=5000) for name in ("ann", "bob", "cat")}
    done = asyncio.Event()

    async def keep_paying(giver, taker):
        while not done.is_set():
            await database.rows(
                "select ledger.post(gen_random_uuid(), ledger.wallet_of(%s), ledger.wallet_of(%s), 1, 'race')",
                (actors[giver].user_id, actors[taker].user_id),
            )

    payers = [asyncio.create_task(keep_paying(g, t)) for g in actors for t in actors if g != t]
    try:
        for turn in range(15):
            assert await run(database, is_full=turn % 5 == 4) == []
    finally:
        done.set()
        await asyncio.gather(*payers)
    assert await database.value("select count(*) from ledger.transfer") > 15
    assert await cases(database) == []


async def test_after_a_restore_everything_is_looked_at_once(trading, database):
    await database.rows("select events.rebase()", role="paya_worker")
    await plant(
        database, f"update ledger.entry set balance_after = balance_after + 1 where account_id = {CAT} and seq = 1"
    )
    assert [f.kind for f in await run(database)] == ["account_does_not_add_up"]
    assert await database.value("select is_full from ledger.reconciliation order by n desc limit 1") is True
    assert await run(database) == []


RESERVE_MARKS = "from ledger.checkpoint where account_id = ledger.system_account('reserve')"


@pytest.fixture
async def rebased(trading, people, database):
    """A copy that was restored where ids start over, minted on before anybody ran `paya rebase`, and rebased then."""
    async with await database.connect() as connection:
        await connection.execute("set session_replication_role = 'replica'")
        later = "(x::text::bigint + 1000000)::text::xid8"
        for table, column in (("transfer", "xid"), ("sum_entry", "xid"), ("checkpoint", "upto")):
            await connection.execute(f"update ledger.{table} set {column} = {later.replace('x', column, 1)}".encode())
        await connection.execute(f"update events.event set xid = {later.replace('x', 'xid', 1)}".encode())
    await people.join("eve", cents=70)
    await database.rows("select events.rebase()", role="paya_worker")
    await people.join("fay", cents=11)
    await database.rows("select ledger.take_checkpoints(1)")


@pytest.mark.usefixtures("rebased")
async def test_a_checkpoint_of_an_era_that_a_restore_ended_is_no_flaw(database):
    assert await database.value(f"select count(distinct era) {RESERVE_MARKS}") == 2
    assert await run(database, is_full=True) == []
    assert verify(database.url("postgres"), lambda _: None).findings == []


@pytest.mark.usefixtures("rebased")
async def test_a_cent_in_a_checkpoint_of_this_era_is_found(database):
    newest = f"(select max(era) {RESERVE_MARKS})"
    planted = f"update ledger.checkpoint set balance = balance - 1 where upto = '0' and era = {newest}"
    await plant(database, f"{planted} and account_id = ledger.system_account('reserve')")
    (found,) = await run(database, is_full=True)
    assert (found.kind, found.evidence[0]["what"]) == ("account_does_not_add_up", "checkpoint_differs_from_sums")
    assert [finding.table for finding in verify(database.url("postgres"), lambda _: None).findings] == [
        "ledger.checkpoint"
    ]


@pytest.mark.parametrize("role", ["anon", "authenticated"])
@pytest.mark.parametrize(
    "statement",
    [
        "select * from ledger.reconcile()",
        'select * from cases."case"',
        "select cases.close_case(gen_random_uuid(), 'x')",
        "select * from cases.open_cases(1)",
        "select cases.open_case('x', 'y', '{}')",
        "select * from ledger.totals()",
    ],
)
async def test_people_have_no_part_in_it(database, role, statement):
    async with await database.connect() as connection:
        await connection.execute(f"set role {role}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute(statement.encode())
