"""The exchange over ccxt, against the stand-in: what an order really bought, and that one stays one."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from paya_app.core.config import settings
from paya_app.local.vendors.kraken import market as book
from paya_app.providers import exchange
from paya_app.providers.exchange import connection
from paya_app.providers.health import outages, probe
from paya_app.providers.outcome import ProviderFailure, Rejected, Retryable, Unknown
from tests.support.kraken import ServedKraken, serving

ADDRESS = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"


@pytest.fixture
async def kraken(database):
    async with serving(database) as running:
        yield running


async def bought(sats: int) -> exchange.Fill:
    return await exchange.order(await exchange.market_buy(client_id=uuid4(), quantity_sats=sats))


async def trades(kraken: ServedKraken) -> tuple[int, int, int, int]:
    (row,) = await kraken.database.rows(
        "select sum(volume_sats)::bigint, sum(cost_micros)::bigint, sum(fee_micros)::bigint, sum(fee_sats)::bigint"
        " from vendor_kraken.trade"
    )
    return row


async def test_an_order_says_what_was_paid_and_not_what_was_asked(kraken):
    client_id = uuid4()
    before = await exchange.balances()
    price = await exchange.price()
    order_id = await exchange.market_buy(client_id=client_id, quantity_sats=123_456)
    fill = await exchange.order(order_id)
    assert (fill.order_id, fill.client_id, fill.state) == (order_id, str(client_id), "closed")
    assert (fill.quantity_sats, fill.cost_micros, fill.fee_usd_micros, fill.fee_sats) == await trades(kraken)
    assert fill.quantity_sats == 123_456
    assert fill.fee_sats == 0
    assert fill.fee_usd_micros == pytest.approx(fill.cost_micros * book.TAKER_BPS / 10_000, abs=10)
    paid_cents_per_btc = fill.cost_micros * 10**4 // fill.quantity_sats
    assert abs(paid_cents_per_btc - price.cents_per_btc) < price.cents_per_btc // 1000
    after = await exchange.balances()
    assert after.sats - before.sats == fill.quantity_sats
    assert before.usd_micros - after.usd_micros == fill.cost_micros + fill.fee_usd_micros


async def test_the_orders_own_sums_would_have_lied(kraken):
    fill = await bought(5_000)
    (document,) = (await kraken.ask("ClosedOrders"))["result"]["closed"].values()
    assert document["fee"] == "0.0"
    assert fill.fee_usd_micros > 10_000


async def test_a_large_order_pays_more_and_is_many_trades(kraken):
    small, large = await bought(5_000), await bought(20 * 10**8)
    assert await kraken.database.value("select count(*) from vendor_kraken.trade") > 21
    assert large.quantity_sats == 20 * 10**8
    assert large.cost_micros * small.quantity_sats > small.cost_micros * large.quantity_sats


async def test_an_order_is_found_by_our_id_and_by_no_other(kraken):
    client_id = uuid4()
    assert await exchange.find_order(client_id) is None
    order_id = await exchange.market_buy(client_id=client_id, quantity_sats=10_000)
    await exchange.market_buy(client_id=uuid4(), quantity_sats=10_000)
    found = await exchange.find_order(client_id)
    assert found == await exchange.order(order_id)
    assert await exchange.find_order(uuid4()) is None


async def test_an_order_is_filled_in_parts(kraken):
    await kraken.pull("switches", parts=3)
    client_id = uuid4()
    order_id = await exchange.market_buy(client_id=client_id, quantity_sats=100_000)
    fills = [await exchange.order(order_id)]
    for _ in range(3):
        assert (await kraken.pull("fill"))["filled"] == 1
        fills.append(await exchange.order(order_id))
    assert [(fill.quantity_sats, fill.state) for fill in fills] == [
        (0, "open"),
        (33_333, "open"),
        (66_666, "open"),
        (100_000, "closed"),
    ]
    assert [fill.cost_micros for fill in fills] == sorted({fill.cost_micros for fill in fills})
    assert await exchange.find_order(client_id) == fills[-1]


async def test_parts_come_with_the_markets_clock(kraken):
    await kraken.pull("switches", parts=4, part_s=60)
    client_id = uuid4()
    await exchange.market_buy(client_id=client_id, quantity_sats=40_000)
    for minutes, sats in ((0, 10_000), (1, 20_000), (2, 30_000), (60, 40_000)):
        await kraken.advance(minutes=minutes, seconds=1)
        fill = await exchange.find_order(client_id)
        assert fill is not None
        assert (fill.quantity_sats, fill.state) == (sats, "open" if sats < 40_000 else "closed")


@pytest.mark.parametrize("ended", ["canceled", "expired"])
async def test_what_the_exchange_ends_keeps_what_was_bought(kraken, ended):
    await kraken.pull("switches", parts=2)
    order_id = await exchange.market_buy(client_id=uuid4(), quantity_sats=50_001)
    await kraken.pull("fill")
    await kraken.pull("cancel", status=ended)
    fill = await exchange.order(order_id)
    assert (fill.state, fill.quantity_sats) == (ended, 25_000)
    assert fill.cost_micros > 0


async def test_more_than_the_book_offers_is_canceled_with_what_there_was(kraken):
    await kraken.pull("deposit", asset="ZUSD", units=10**14)
    fill = await bought(10_000 * 10**8)
    assert fill.state == "canceled"
    assert 10**9 < fill.quantity_sats < 10_000 * 10**8
    assert (fill.quantity_sats, fill.cost_micros, fill.fee_usd_micros, 0) == await trades(kraken)


async def test_a_fee_in_bitcoin_is_read_as_one(kraken):
    answer = await kraken.ask(
        "AddOrder", pair="XBTUSD", type="buy", ordertype="market", volume="0.00123456", oflags="fcib"
    )
    fill = await exchange.order(answer["result"]["txid"][0])
    assert (fill.quantity_sats, fill.fee_sats, fill.fee_usd_micros) == (123_456, 494, 0)
    assert fill.client_id == ""
    assert (await exchange.balances()).sats == 123_456 - 494


async def test_the_same_id_while_open_is_no_refusal_of_an_order(kraken):
    await kraken.pull("switches", parts=2)
    client_id = uuid4()
    order_id = await exchange.market_buy(client_id=client_id, quantity_sats=10_000)
    with pytest.raises(Unknown, match="made_before"):
        await exchange.market_buy(client_id=client_id, quantity_sats=10_000)
    found = await exchange.find_order(client_id)
    assert found is not None
    assert found.order_id == order_id
    assert await kraken.order_count() == 1


async def test_two_orders_of_one_id_are_for_somebody_to_look_at(kraken):
    client_id = uuid4()
    for _ in range(2):
        await exchange.market_buy(client_id=client_id, quantity_sats=10_000)
    with pytest.raises(Unknown, match="two_orders"):
        await exchange.find_order(client_id)


@pytest.mark.parametrize(
    ("sats", "code"),
    [
        (4_999, "EOrder:Order minimum not met"),
        (1, "EOrder:Order minimum not met"),
        (0, "EOrder:Order minimum not met"),
        (1_600, "EOrder:Order minimum not met"),
        (10_000, "EOrder:Insufficient funds"),
    ],
)
async def test_what_the_exchange_refuses_is_no_order(kraken, sats, code):
    await kraken.pull("deposit", asset="ZUSD", units=5_000_000 - 10**13)
    with pytest.raises(Rejected) as refusal:
        await exchange.market_buy(client_id=uuid4(), quantity_sats=sats)
    assert refusal.value.code == code
    assert await kraken.order_count() == 0
    assert await outages() == []


async def test_the_least_and_the_step_are_the_markets(kraken):
    limits = await exchange.limits()
    assert (limits.minimum_sats, limits.step_sats, limits.minimum_cents) == (5_000, 1, 50)
    assert await exchange.minimum_sats() == 5_000


async def test_an_order_that_is_listed_late_is_waited_for(kraken):
    await kraken.pull("switches", lag_s=60)
    client_id = uuid4()
    order_id = await exchange.market_buy(client_id=client_id, quantity_sats=10_000)
    assert await exchange.find_order(client_id) is None  # which proves nothing before NONE_IS_FINAL_AFTER_S
    with pytest.raises(Retryable, match="not_listed") as failure:
        await exchange.order(order_id)
    assert not failure.value.is_outage
    await kraken.advance(seconds=61)
    assert await exchange.find_order(client_id) == await exchange.order(order_id)
    with pytest.raises(Retryable, match="not_listed"):
        await exchange.order("OAAAAA-BBBBB-CCCCCC")


async def test_an_order_that_is_late_is_not_made(kraken, monkeypatch):
    monkeypatch.setattr("paya_app.providers.exchange.orders.DEADLINE_S", -1)
    with pytest.raises(Unknown, match="Deadline elapsed"):
        await exchange.market_buy(client_id=uuid4(), quantity_sats=10_000)
    assert await kraken.order_count() == 0


async def test_a_clock_that_is_wrong_refuses_no_order_for_good(kraken, monkeypatch):
    monkeypatch.setattr("paya_app.providers.exchange.orders.DEADLINE_S", 120)
    with pytest.raises(Retryable, match="deadline"):
        await exchange.market_buy(client_id=uuid4(), quantity_sats=10_000)
    assert await kraken.order_count() == 0


# Kraken's words, before the order is made; what the caller is told; whether its breaker counts it
SAID = [
    ("EAPI:Rate limit exceeded", "Retryable too_many_requests", False),
    ("EOrder:Rate limit exceeded", "Retryable too_many_requests", False),
    ("EGeneral:Temporary lockout", "Retryable too_many_requests", False),
    ("EService:Throttled: 1695828276", "Retryable too_many_requests", False),
    ("EService:Market in cancel_only mode", "Retryable market_closed", False),
    ("EAPI:Invalid nonce", "Retryable nonce", False),
    ("EGeneral:Permission denied", "Retryable credentials:EGeneral:Permission denied", False),
    ("EService:Unavailable", "Unknown EService:Unavailable", True),
    ("EService:Busy", "Unknown EService:Busy", True),
    ("EGeneral:Internal error:1234", "Unknown EGeneral:Internal error:1234", True),
    ("EOrder:Insufficient funds", "Rejected EOrder:Insufficient funds", False),
    ("EGeneral:Invalid arguments:volume", "Rejected EGeneral:Invalid arguments:volume", False),
    ("ETrade:User Locked", "Rejected ETrade:User Locked", False),
    ("EWhat:Nobody has seen this", "Rejected EWhat:Nobody has seen this", False),
    ("WOrder:Something odd", "Unknown warned:WOrder:Something odd", False),
]


@pytest.mark.parametrize(("said", "outcome", "is_outage"), SAID, ids=[said for said, *_ in SAID])
async def test_each_answer_of_the_exchange_is_one_of_three(kraken, said, outcome, is_outage):
    await kraken.pull("faults", verb="AddOrder", error=said)
    with pytest.raises(ProviderFailure) as failure:
        await exchange.market_buy(client_id=uuid4(), quantity_sats=10_000)
    assert f"{type(failure.value).__name__} {failure.value}".strip() == outcome
    assert failure.value.is_outage == is_outage
    assert await kraken.order_count() == 0


async def test_a_question_is_never_unknown(kraken):
    for verb, ask in (("Balance", exchange.balances), ("OpenOrders", lambda: exchange.find_order(uuid4()))):
        await kraken.pull("faults", verb=verb, error="EService:Unavailable")
        with pytest.raises(Retryable, match="EService:Unavailable") as failure:
            await ask()
        assert failure.value.is_outage


async def test_who_does_not_tell_has_not_said_that_there_is_nothing(kraken):
    for verb in ("OpenOrders", "ClosedOrders", "QueryOrders", "QueryTrades"):
        client_id = uuid4()
        await exchange.market_buy(client_id=client_id, quantity_sats=10_000)
        await kraken.pull("faults", verb=verb, error="EGeneral:Invalid arguments")
        with pytest.raises(Unknown, match="not_told:EGeneral:Invalid arguments"):
            await exchange.find_order(client_id)
    await kraken.pull("faults", verb="WithdrawStatus", error="EGeneral:Invalid arguments")
    with pytest.raises(Unknown, match="not_told"):
        await exchange.find_withdrawal(address_key=ADDRESS, quantity_sats=10_000, since=datetime.now(UTC))


async def test_an_error_after_the_order_was_made_is_no_second_order(kraken):
    await kraken.pull("faults", verb="AddOrder", error="EService:Unavailable", is_after="true")
    client_id = uuid4()
    with pytest.raises(Unknown):
        await exchange.market_buy(client_id=client_id, quantity_sats=10_000)
    found = await exchange.find_order(client_id)
    assert found is not None
    assert (found.state, found.quantity_sats) == ("closed", 10_000)
    assert await kraken.order_count() == 1


async def test_a_wrong_secret_is_a_fault_of_ours(kraken, monkeypatch):
    monkeypatch.setenv("KRAKEN_SECRET", "d3Jvbmc=")
    settings.cache_clear()
    with pytest.raises(Retryable, match="credentials:EAPI:Invalid signature") as failure:
        await exchange.balances()
    assert not failure.value.is_outage
    await exchange.price()  # needs no key


async def test_a_nonce_that_went_back_is_tried_again(kraken, monkeypatch):
    await kraken.ask("Balance", nonce=time.time_ns() // 1000 + 3_600_000_000)
    with pytest.raises(Retryable, match="nonce") as failure:
        await exchange.balances()
    assert not failure.value.is_outage


async def test_calls_at_once_keep_their_numbers_in_order(kraken):
    ids = await asyncio.gather(
        *(exchange.market_buy(client_id=uuid4(), quantity_sats=5_000 + number) for number in range(25)),
    )
    fills = await asyncio.gather(*map(exchange.order, ids))
    assert [fill.quantity_sats for fill in fills] == [5_000 + number for number in range(25)]
    assert await kraken.order_count() == 25


async def test_prices_and_candles_are_whole_cents_and_marked(kraken):
    price = await exchange.price()
    assert abs((price.at - datetime.now(UTC)).total_seconds()) < 60
    assert price.high_24h_cents > 0
    candles = await exchange.daily_candles(400)
    assert [candle.day for candle in candles] == [
        datetime.now(UTC).date() - timedelta(days=number) for number in range(400, 0, -1)
    ]
    assert all(candle.low_cents <= candle.open_cents <= candle.high_cents for candle in candles)
    assert all(candle.low_cents <= candle.close_cents <= candle.high_cents for candle in candles)
    assert all(candle.is_synthetic for candle in candles)
    assert len(await exchange.daily_candles(5_000)) == 719
    assert await exchange.daily_candles(0) == []


async def test_a_withdrawal_from_end_to_end(kraken):
    await bought(1_000_000)
    held = (await exchange.balances()).sats
    fee = await exchange.withdrawal_fee_sats(address_key=ADDRESS, quantity_sats=300_000)
    since = datetime.now(UTC)
    ref = await exchange.withdraw(client_id=uuid4(), address_key=ADDRESS, quantity_sats=300_000, fee_sats_max=fee)
    asked = await exchange.withdrawal(ref)
    assert (asked.state, asked.quantity_sats, asked.fee_sats, asked.txid) == ("pending", 300_000 - fee, fee, "")
    assert (await exchange.balances()).sats == held - 300_000
    await kraken.pull("withdrawals", refid=ref, status="Success")
    done = await exchange.withdrawal(ref)
    assert (done.state, len(done.txid)) == ("done", 64)
    found = await exchange.find_withdrawal(address_key=ADDRESS, quantity_sats=300_000, since=since)
    assert found == done
    others = {"address_key": ADDRESS, "since": since}
    assert await exchange.find_withdrawal(quantity_sats=300_000, known=frozenset({ref}), **others) is None
    assert await exchange.find_withdrawal(quantity_sats=300_001, **others) is None


async def test_a_withdrawal_that_fails_comes_back(kraken):
    await bought(1_000_000)
    ref = await exchange.withdraw(client_id=uuid4(), address_key=ADDRESS, quantity_sats=300_000)
    await kraken.pull("withdrawals", refid=ref, status="Failure")
    assert (await exchange.withdrawal(ref)).state == "failed"
    assert (await exchange.balances()).sats == 1_000_000


async def test_a_withdrawal_whose_answer_is_lost_is_found(kraken):
    await bought(1_000_000)
    await kraken.pull("faults", verb="Withdraw", error="EGeneral:Internal error", is_after="true")
    since = datetime.now(UTC)
    with pytest.raises(Unknown):
        await exchange.withdraw(client_id=uuid4(), address_key=ADDRESS, quantity_sats=200_000)
    found = await exchange.find_withdrawal(address_key=ADDRESS, quantity_sats=200_000, since=since)
    assert found is not None
    again = await exchange.withdraw(client_id=uuid4(), address_key=ADDRESS, quantity_sats=200_000)
    with pytest.raises(Unknown, match="two_withdrawals"):
        await exchange.find_withdrawal(address_key=ADDRESS, quantity_sats=200_000, since=since)
    assert await exchange.find_withdrawal(
        address_key=ADDRESS, quantity_sats=200_000, since=since, known=frozenset({again})
    ) == await exchange.withdrawal(found.ref)


@pytest.mark.parametrize(
    ("key", "sats", "fee_sats_max", "code"),
    [
        ("nobody's", 100_000, None, "EFunding:Unknown withdraw key"),
        (ADDRESS, 2_000_000, None, "EFunding:Insufficient funds"),
        (ADDRESS, 100, None, "EFunding:Amount too small"),
        (ADDRESS, 100_000, 999, "EFunding:Max fee exceeded"),
    ],
)
async def test_a_withdrawal_that_is_refused_leaves_everything(kraken, key, sats, fee_sats_max, code):
    await bought(1_000_000)
    with pytest.raises(Rejected) as refusal:
        await exchange.withdraw(client_id=uuid4(), address_key=key, quantity_sats=sats, fee_sats_max=fee_sats_max)
    assert refusal.value.code == code
    assert (await exchange.balances()).sats == 1_000_000


async def test_a_withdrawal_ends_with_the_clock(database):
    async with serving(database, withdraw_s=60) as kraken:
        await bought(1_000_000)
        ref = await exchange.withdraw(client_id=uuid4(), address_key=ADDRESS, quantity_sats=200_000)
        await kraken.advance(seconds=30)
        assert (await exchange.withdrawal(ref)).state == "pending"
        await kraken.advance(seconds=61)
        assert (await exchange.withdrawal(ref)).state == "done"


async def test_two_processes_with_one_key_double_nothing(kraken):
    the = settings()
    described = {
        "base_url": kraken.base_url,
        "key": the.kraken_key,
        "secret": the.kraken_secret.get_secret_value(),
    }
    lines = [connection.Connection(**described) for _ in range(2)]
    refused = set()

    async def buy(line: connection.Connection) -> None:
        body = {"pair": "XBTUSD", "type": "buy", "ordertype": "market", "volume": "0.0001"}
        while True:
            try:
                await line.make("AddOrder", body, read_as=lambda result: result)
                return
            except Retryable as failure:
                refused.add(failure.reason)

    await asyncio.gather(*(buy(lines[number % 2]) for number in range(30)))
    for line in lines:
        line.close()
    assert refused <= {"nonce"}
    assert await kraken.order_count() == 30
    assert (await exchange.balances()).sats == 30 * 10_000
    assert await outages() == []


async def test_many_withdrawals_are_read_page_by_page(kraken):
    await bought(10_000_000)
    await kraken.pull("withdraw-addresses", key="till", address=ADDRESS)
    refs = [await exchange.withdraw(client_id=uuid4(), address_key="till", quantity_sats=5_000) for _ in range(55)]
    assert (await exchange.withdrawal(refs[0])).address_key == "till"
    with pytest.raises(Retryable, match="not_listed"):
        await exchange.withdrawal("FAAAAA-BBBBB-CCCCCC")


async def test_the_probe_asks_whether_it_is_back(kraken, monkeypatch, advance_clock):
    with monkeypatch.context() as down:
        down.setenv("KRAKEN_BASE_URL", "http://127.0.0.1:9")
        settings.cache_clear()
        for _ in range(5):
            with pytest.raises(Retryable, match="unreachable"):
                await exchange.market_buy(client_id=uuid4(), quantity_sats=10_000)
        with pytest.raises(Retryable, match="breaker_open"):
            await exchange.market_buy(client_id=uuid4(), quantity_sats=10_000)
    settings.cache_clear()
    assert [outage.vendor for outage in await outages()] == ["kraken"]
    job = await kraken.database.value(
        "insert into jobs.procrastinate_jobs (queue_name, task_name, args, attempts, scheduled_at)"
        " values ('savings', 'submit_order', '{}', 3, now() + interval '1 hour') returning id"
    )
    await advance_clock(seconds=31)
    assert await probe() == 1
    assert await outages() == []
    waits = "select scheduled_at from jobs.procrastinate_jobs where id = %s"
    assert await kraken.database.value(waits, (job,)) is None, "what waited for it is due at once"


async def test_a_withdrawal_whose_turn_comes_too_late_is_not_sent(kraken, monkeypatch):
    await kraken.pull("deposit", asset="XXBT", units=1_000_000)
    monkeypatch.setattr("paya_app.providers.exchange.funds.SENT_WITHIN_S", -1.0)
    with pytest.raises(Retryable, match="waited_too_long"):
        await exchange.withdraw(client_id=uuid4(), address_key=ADDRESS, quantity_sats=300_000)
    assert (await exchange.balances()).sats == 1_000_000
    assert await kraken.database.value("select count(*) from vendor_kraken.withdrawal") == 0
