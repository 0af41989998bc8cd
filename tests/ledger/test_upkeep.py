"""What the clock asks of the ledger."""

import pytest

from paya_app import ledger, wallet
from paya_app.core.ids import new_id

pytestmark = pytest.mark.usefixtures("database")

HOLD = "select ledger.authorize(%s, ledger.wallet_of(%s), %s, 'card', now() + %s::interval)"


async def test_holds_past_their_time_are_given_back_and_others_stay(people, database, advance_clock):
    ann = await people.join("ann", cents=1000)
    short, long, for_ever = new_id(), new_id(), new_id()
    await database.rows(HOLD, (short, ann.user_id, 100, "1 hour"))
    await database.rows(HOLD, (long, ann.user_id, 200, "7 days"))
    await database.rows("select ledger.authorize(%s, ledger.wallet_of(%s), 300, 'bank')", (for_ever, ann.user_id))
    assert (await wallet.balance(ann)).held_cents == 600
    assert await ledger.expire_holds() == 0
    await advance_clock(hours=1, seconds=1)
    assert await ledger.expire_holds() == 1
    assert await ledger.expire_holds() == 0
    assert (await wallet.balance(ann)).held_cents == 500
    kinds = "select kind from events.event where subject = %s order by version"
    assert [row[0] for row in await database.rows(kinds, (short,))] == ["hold.opened", "hold.expired"]
    await advance_clock(days=30)
    assert await ledger.expire_holds() == 1
    assert (await wallet.balance(ann)).held_cents == 300


async def test_a_checkpoint_changes_no_balance(people, database):
    await people.join("ann", cents=1000)
    reserve = "select ledger.balance_of(ledger.system_account('reserve'))"
    assert await database.value(reserve) == -1000
    assert await ledger.take_checkpoints() == 0, "one entry is not worth a checkpoint"
    assert await database.value("select ledger.take_checkpoints(1)") == 1
    assert await database.value(reserve) == -1000
    await people.join("bob", cents=500)
    assert await database.value(reserve) == -1500
    assert await database.value("select ledger.take_checkpoints(1)") == 1
    assert await database.value(reserve) == -1500


async def test_a_checkpoint_over_a_restore_counts_what_came_before_it_once(people, database):
    """After a restore transaction ids start over: those of the era before are higher than this one's horizon."""
    reserve = "select ledger.balance_of(ledger.system_account('reserve'))"
    await people.join("ann", cents=1000)
    await database.value("select ledger.take_checkpoints(1)")
    await people.join("bob", cents=500)
    async with await database.connect() as connection:
        await connection.execute("set session_replication_role = replica")
        # the row of bob's money is one of the lost future, the row after it one of the new era
        await connection.execute(
            "update ledger.sum_entry set xid = (xid::text::bigint + 1000000)::text::xid8 where amount = -500"
        )
        await connection.execute("alter table ledger.sum_entry alter era set default 2")
    assert await database.value(reserve) == -1500
    await people.join("cal", cents=70)
    assert await database.value(reserve) == -1570
    assert await database.value("select ledger.take_checkpoints(1)") == 1
    assert await database.value(reserve) == -1570
    await people.join("dev", cents=3)
    assert await database.value(reserve) == -1573
    assert await database.value("select ledger.take_checkpoints(1)") == 1
    assert await database.value(reserve) == -1573
