"""Bitcoin to one's own address over the real exchange adapter: once, and every satoshi found again."""

import asyncio
from typing import Any

import pytest

from paya_app import savings
from paya_app.core.actor import Actor
from paya_app.core.as_service import as_service
from paya_app.core.errors import NotFound, SignedOut
from paya_app.core.ids import new_id
from paya_app.providers.outcome import Retryable, Unknown
from tests.savings.buys import sats_of, system
from tests.savings.withdrawn import ADDRESS, FEE_SATS, OTHER, an_address, ask, now_is, with_bitcoin
from tests.support.kraken import ServedKraken, serving


@pytest.fixture
async def kraken(database):
    async with serving(database) as running:
        yield running


async def all_is_where_it_should_be(kraken: ServedKraken) -> None:
    """What the exchange holds is our custody less what has left it and is in transit."""
    database, held = kraken.database, (await kraken.held())["XXBT"]
    gone = await database.value(
        "select coalesce(sum(quantity_sats), 0)::bigint from savings.withdrawal where state = 'accepted'"
    )
    assert held == -await system(database, "btc_custody", "BTC") - gone
    wallets = await database.value("select sum(balance) from ledger.account where asset = 'BTC' and kind = 'wallet'")
    transit, rest = await system(database, "btc_in_transit", "BTC"), await system(database, "rounding", "BTC")
    assert wallets + transit + rest == -await system(database, "btc_custody", "BTC")


@pytest.fixture
async def ann(database, people, kraken, advance_clock):
    """Somebody with bitcoin and an address that has waited."""
    ann = await people.join("ann", cents=100_000)
    await with_bitcoin(database, ann)
    await an_address(ann)
    await advance_clock(hours=24)
    return ann


async def the_address(ann):
    return (await savings.addresses(ann))[0].id


async def count_at_the_exchange(database) -> int:
    return await database.value("select count(*) from vendor_kraken.withdrawal")


async def test_from_asking_to_sent(database, kraken, ann):
    had = await sats_of(database, ann)
    fee = await savings.withdrawal_fee(ann, address_id=await the_address(ann), quantity_sats=100_000)
    assert fee == FEE_SATS
    asked = await ask(ann, await the_address(ann))
    assert (asked.state, asked.quantity_sats, asked.fee_sats, asked.arrives_sats) == ("asked", 100_000, 1000, 99_000)
    assert await sats_of(database, ann) == had - 100_000
    await all_is_where_it_should_be(kraken)
    await savings.submit_withdrawal(asked.id)
    assert (await now_is(ann, asked)).state == "accepted"
    await all_is_where_it_should_be(kraken)
    with pytest.raises(Retryable, match="not_sent_yet"):
        await savings.follow_withdrawal(asked.id)
    await sent(kraken)
    await savings.follow_withdrawal(asked.id)
    done = await now_is(ann, asked)
    assert (done.state, done.fee_sats, done.arrives_sats) == ("sent", 1000, 99_000)
    assert done.txid == await database.value("select txid from vendor_kraken.withdrawal")
    assert await system(database, "btc_in_transit", "BTC") == 0
    await all_is_where_it_should_be(kraken)


async def test_everything_again_changes_nothing(database, kraken, ann):
    asked = await ask(ann, await the_address(ann))
    again = await ask(ann, await the_address(ann), withdrawal_id=asked.id)
    assert again == asked
    for how in ({"sats": 100_001}, {"fee_sats_max": 2}):
        with pytest.raises(savings.WithdrawalKeyReused):
            await ask(ann, await the_address(ann), withdrawal_id=asked.id, **how)
    tries = await asyncio.gather(*(savings.submit_withdrawal(asked.id) for _ in range(5)), return_exceptions=True)
    assert None in tries
    await savings.submit_withdrawal(asked.id)
    assert await count_at_the_exchange(database) == 1
    await sent(kraken)
    await asyncio.gather(*(savings.follow_withdrawal(asked.id) for _ in range(3)))
    assert (await now_is(ann, asked)).state == "sent"
    await all_is_where_it_should_be(kraken)


async def sent(kraken):
    """The exchange sends whatever it has."""
    for (ref,) in await kraken.database.rows("select refid from vendor_kraken.withdrawal where txid is null"):
        await kraken.pull("withdrawals", refid=ref, status="Success")


async def test_an_answer_that_was_lost_is_looked_for_and_never_asked_again(database, kraken, ann):
    asked = await ask(ann, await the_address(ann))
    await kraken.pull("faults", verb="Withdraw", error="EGeneral:Internal error", is_after="true")
    with pytest.raises(Unknown):
        await savings.submit_withdrawal(asked.id)
    assert (await now_is(ann, asked)).state == "submitted"
    await savings.submit_withdrawal(asked.id)
    assert (await now_is(ann, asked)).state == "accepted"
    await sent(kraken)
    await savings.follow_withdrawal(asked.id)
    assert await count_at_the_exchange(database) == 1
    await all_is_where_it_should_be(kraken)


async def test_a_worker_that_dies_before_it_was_sent_gives_it_back_when_that_is_certain(database, kraken, ann):
    had = await sats_of(database, ann)
    asked = await ask(ann, await the_address(ann))
    attempts = (await database.value("select savings.claim_withdrawal(%s)", (asked.id,)))["attempts"]
    await database.rows("select savings.note_withdrawal_sent(%s, %s)", (asked.id, attempts))  # and there it died
    with pytest.raises(Retryable, match="not_known_yet"):
        await savings.submit_withdrawal(asked.id)
    await database.rows("update savings.withdrawal set last_sent_at = last_sent_at - interval '2 minutes'")
    await savings.submit_withdrawal(asked.id)
    failed = await now_is(ann, asked)
    assert (failed.state, failed.reason) == ("failed", "not_taken")
    assert await sats_of(database, ann) == had
    assert await count_at_the_exchange(database) == 0
    await all_is_where_it_should_be(kraken)
    # and whoever had been thought dead, and was not, books nothing
    with pytest.raises(savings.WithdrawalSentTwice):
        await as_service("select savings.book_withdrawal_accepted(:id, 'F-late')", id=asked.id)


async def test_what_was_surely_not_sent_is_sent_later_and_within_an_hour_or_not_at_all(
    database, kraken, ann, advance_clock
):
    had = await sats_of(database, ann)
    asked = await ask(ann, await the_address(ann))
    await kraken.pull("faults", verb="Withdraw", error="EGeneral:Too many requests")
    with pytest.raises(Retryable):
        await savings.submit_withdrawal(asked.id)
    assert (await now_is(ann, asked)).state == "asked"
    await savings.submit_withdrawal(asked.id)
    assert (await now_is(ann, asked)).state == "accepted"
    late = await ask(ann, await the_address(ann))
    await advance_clock(minutes=61)
    await savings.submit_withdrawal(late.id)
    assert ((await now_is(ann, late)).state, (await now_is(ann, late)).reason) == ("failed", "cut_off")
    assert await sats_of(database, ann) == had - 100_000
    await all_is_where_it_should_be(kraken)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("EFunding:Unknown withdraw key", ("address_unregistered", "withdrawal_address")),
        ("EFunding:Max fee exceeded", ("fee_rose", None)),
        ("EFunding:Insufficient funds", ("exchange_refused", "withdrawal_refused")),
    ],
)
async def test_what_the_exchange_refuses_is_back_and_somebody_is_told(database, kraken, ann, code, told):
    reason, case = told
    had = await sats_of(database, ann)
    await database.rows("select cases.close_case(id, 'seen') from cases.case where state = 'open'")
    asked = await ask(ann, await the_address(ann))
    await kraken.pull("faults", verb="Withdraw", error=code)
    await savings.submit_withdrawal(asked.id)
    failed = await now_is(ann, asked)
    assert (failed.state, failed.reason) == ("failed", reason)
    assert await sats_of(database, ann) == had
    cases = [row[0] for row in await database.rows("select kind from cases.case where state = 'open'")]
    assert cases == ([case] if case else [])
    await all_is_where_it_should_be(kraken)


async def test_what_the_exchange_gives_back_is_back(database, kraken, ann):
    had = await sats_of(database, ann)
    asked = await ask(ann, await the_address(ann))
    await savings.submit_withdrawal(asked.id)
    await kraken.pull(
        "withdrawals", refid=await database.value("select refid from vendor_kraken.withdrawal"), status="Failure"
    )
    await savings.follow_withdrawal(asked.id)
    assert (await now_is(ann, asked)).reason == "exchange_returned"
    assert await sats_of(database, ann) == had
    await all_is_where_it_should_be(kraken)


async def test_an_address_nobody_registered_is_said_before_anything_moves(database, kraken, ann):
    await kraken.pull("switches", registers=0)
    await database.rows("select cases.close_case(id, 'seen') from cases.case where state = 'open'")
    with pytest.raises(savings.AddressUnregistered):
        await savings.withdrawal_fee(ann, address_id=await the_address(ann), quantity_sats=100_000)
    ((evidence,),) = await database.rows("select evidence from cases.case where state = 'open'")
    assert evidence["address"] == ADDRESS
    await kraken.pull("withdraw-addresses", key=evidence["key"], address=ADDRESS)
    assert await savings.withdrawal_fee(ann, address_id=await the_address(ann), quantity_sats=100_000) == FEE_SATS
    asked = await ask(ann, await the_address(ann))
    await savings.submit_withdrawal(asked.id)
    assert (await now_is(ann, asked)).state == "accepted"
    assert await database.rows("select from cases.case where state = 'open'") == [], "the exchange knows it now"


async def test_one_at_a_time_to_an_address_whosever_it_is(database, people, kraken, ann, advance_clock):
    bob = await people.join("bob", cents=100_000)
    await with_bitcoin(database, bob)
    theirs = await an_address(bob)
    await advance_clock(hours=24)
    mine = await ask(ann, await the_address(ann))
    with pytest.raises(savings.WithdrawalUnderWay):
        await ask(ann, await the_address(ann))
    yours = await ask(bob, theirs)
    await kraken.pull("faults", verb="Withdraw", error="EGeneral:Internal error", is_after="true")
    with pytest.raises(Unknown):
        await savings.submit_withdrawal(mine.id)
    with pytest.raises(savings.WithdrawalUnderWay):
        await savings.submit_withdrawal(yours.id)
    await savings.submit_withdrawal(mine.id)
    await savings.submit_withdrawal(yours.id)
    assert await count_at_the_exchange(database) == 2
    refs = await database.rows("select distinct vendor_ref from savings.withdrawal")
    assert len(refs) == 2
    await all_is_where_it_should_be(kraken)


async def test_what_is_asked_must_fit(database, people, kraken, ann, advance_clock):
    address, has = await the_address(ann), await sats_of(database, ann)
    bad: list[Any] = [0, -1, 19_999, True, 1.5, "100000", 10**30]
    for sats in bad:
        with pytest.raises(savings.WithdrawalAmountInvalid):
            await ask(ann, address, sats)
    with pytest.raises(savings.WithdrawalAmountInvalid):
        await ask(ann, address, 30_000, fee_sats_max=30_000)
    with pytest.raises(savings.WithdrawalUncovered) as uncovered:
        await ask(ann, address, has + 1)
    assert uncovered.value.facts["available_sats"] == has
    new = await an_address(ann, OTHER)
    with pytest.raises(savings.AddressWaits, match="24 hours"):
        await ask(ann, new)
    bob = await people.join("bob")
    for who, where in ((bob, address), (ann, new_id())):
        with pytest.raises(NotFound):
            await ask(who, where)
    with pytest.raises(SignedOut):
        await ask(Actor.visitor(), address)
    assert await sats_of(database, ann) == has


async def test_the_day_has_limits_and_they_end(database, kraken, ann, advance_clock):
    address, has = await the_address(ann), await sats_of(database, ann)
    await database.rows(
        "insert into risk.limit_value (name, value_max, reason) values"
        " ('withdrawal_day_count', 2, 'a test'), ('withdrawal_day_sats', 150000, 'a test')"
    )
    await savings.submit_withdrawal((await ask(ann, address, 100_000)).id)
    with pytest.raises(savings.WithdrawalLimit, match=r"0\.00050000 BTC more now"):
        await ask(ann, address, 50_001)
    await savings.submit_withdrawal((await ask(ann, address, 25_000)).id)
    with pytest.raises(
        savings.WithdrawalLimit, match=r"2 withdrawals in 24 hours\. There is room again in about 24 hours"
    ):
        await ask(ann, address, 25_000)
    limits = await savings.withdrawal_limits(ann)
    assert (limits.day_used_count, limits.day_used_sats, limits.available_sats) == (2, 125_000, has - 125_000)
    await advance_clock(hours=24)
    assert (await ask(ann, address, 25_000)).state == "asked"


@pytest.mark.parametrize("state", ["restricted", "frozen"])
async def test_a_closed_account_sends_nothing_and_gets_back_what_it_asked_for(database, kraken, ann, state):
    had = await sats_of(database, ann)
    asked = await ask(ann, await the_address(ann))
    await database.rows("select risk.impose(%s, %s, 'under_review')", (ann.user_id, state))
    with pytest.raises(savings.WithdrawalAccountUnavailable, match=state):
        await ask(ann, await the_address(ann))
    await savings.submit_withdrawal(asked.id)
    assert (await now_is(ann, asked)).reason == "account_unavailable"
    assert (await sats_of(database, ann), await count_at_the_exchange(database)) == (had, 0)
    await all_is_where_it_should_be(kraken)


async def test_an_address_that_is_removed_gets_nothing_any_more(database, kraken, ann):
    had, address = await sats_of(database, ann), await the_address(ann)
    asked = await ask(ann, address)
    await savings.remove_address(ann, address)
    await savings.submit_withdrawal(asked.id)
    assert (await now_is(ann, asked)).reason == "address_removed"
    assert (await sats_of(database, ann), await count_at_the_exchange(database)) == (had, 0)
    with pytest.raises(NotFound):
        await ask(ann, address)


async def test_what_nobody_heard_of_is_asked_about_and_becomes_a_case(database, kraken, ann, advance_clock):
    asked = await ask(ann, await the_address(ann))
    await kraken.pull("faults", verb="Withdraw", error="EGeneral:Internal error", is_after="true")
    with pytest.raises(Unknown):
        await savings.submit_withdrawal(asked.id)
    assert await savings.ask_about_withdrawals() == 0
    await advance_clock(minutes=2)
    assert await savings.ask_about_withdrawals() == 1
    unclear = "select count(*) from cases.case where kind = 'withdrawal_unclear' and state = 'open'"
    assert await database.value(unclear) == 0
    await advance_clock(hours=1)
    await savings.ask_about_withdrawals()
    assert await database.value(unclear) == 1
    await savings.submit_withdrawal(asked.id)
    await sent(kraken)
    await savings.follow_withdrawal(asked.id)
    assert await database.value(unclear) == 0, "settled by what became of it"


async def test_its_owner_alone_reads_every_step(database, people, kraken, ann):
    asked = await ask(ann, await the_address(ann))
    await savings.submit_withdrawal(asked.id)
    await sent(kraken)
    await savings.follow_withdrawal(asked.id)
    steps = [each.kind for each in await savings.withdrawal_history(ann, asked.id)]
    assert steps == [f"withdrawal.{each}" for each in ("asked", "submitted", "accepted", "sent")]
    bob = await people.join("bob")
    assert await savings.withdrawal(bob, asked.id) is None
    assert await savings.withdrawal_history(bob, asked.id) == []
    assert await savings.withdrawals(bob) == []
    assert [each.id for each in await savings.withdrawals(ann)] == [asked.id]
