"""The Kraken stand-in judged by somebody who never saw it: ccxt's own reading of Kraken, its common verbs.

Kraken publishes no description that a licence lets us keep. ccxt's parsers are used against the real one every day.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

import ccxt
import pytest

from paya_app.core.config import settings
from tests.support.kraken import serving

ADDRESS = "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"
SYMBOL = "BTC/USD"


class Judge:
    """ccxt, unchanged, with the stand-in's address."""

    def __init__(self):
        the = settings()
        urls = {"api": {"public": the.kraken_base_url, "private": the.kraken_base_url}}
        keys = {"apiKey": the.kraken_key, "secret": the.kraken_secret.get_secret_value()}
        described: Any = {"urls": urls, **keys, "enableRateLimit": False}
        self.client: Any = ccxt.kraken(described)

    async def __call__(self, verb: str, *args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0.002)  # ccxt numbers by milliseconds
        return await asyncio.to_thread(getattr(self.client, verb), *args, **kwargs)


@pytest.fixture
async def kraken(database):
    async with serving(database) as running:
        yield running


@pytest.fixture
async def judge(kraken):
    the = Judge()
    yield the
    the.client.close()


async def test_the_market_is_one(judge):
    (market,) = (await judge("load_markets")).values()
    assert (market["symbol"], market["id"], market["active"]) == (SYMBOL, "XXBTZUSD", True)
    assert market["precision"] == {"amount": 1e-8, "price": 0.1}
    assert (market["limits"]["amount"]["min"], market["limits"]["cost"]["min"]) == (0.00005, 0.5)
    ticker = await judge("fetch_ticker", SYMBOL)
    assert ticker["bid"] < ticker["last"] < ticker["ask"]
    assert ticker["low"] <= ticker["last"] <= ticker["high"]
    book = await judge("fetch_order_book", SYMBOL, 20)
    assert len(book["bids"]) == len(book["asks"]) == 20
    assert book["bids"][0][0] < book["asks"][0][0] < book["asks"][-1][0]
    days = await judge("fetch_ohlcv", SYMBOL, "1d")
    assert len(days) == 720
    assert all(low <= opened <= high and low <= closed <= high for _, opened, high, low, closed, _ in days)
    assert {after[0] - before[0] for before, after in pairwise(days)} == {86_400_000}
    assert await judge("fetch_time")
    assert (await judge("fetch_status"))["status"] == "ok"


async def test_an_order_is_one(kraken, judge):
    client_id = str(uuid4())
    made = await judge("create_order", SYMBOL, "market", "buy", 0.0123, None, {"clientOrderId": client_id})
    assert made["status"] is None  # nobody is told with the order what became of it
    order = await judge("fetch_order", made["id"])
    assert (order["status"], order["filled"], order["remaining"]) == ("closed", 0.0123, 0.0)
    assert (order["symbol"], order["side"], order["type"]) == (SYMBOL, "buy", "market")
    assert (order["clientOrderId"], order["fee"]["currency"]) == (client_id, "USD")
    trades = await judge("fetch_order_trades", made["id"], None, None, None, {"trades": order["trades"]})
    assert sum(trade["amount"] for trade in trades) == pytest.approx(0.0123)
    assert trades[0]["fee"]["cost"] == pytest.approx(trades[0]["cost"] * 0.004, abs=1e-5)
    closed = await judge("fetch_closed_orders", SYMBOL, None, None, {"clientOrderId": client_id})
    assert [each["id"] for each in closed] == [made["id"]]
    balance = await judge("fetch_balance")
    assert balance["BTC"]["total"] == 0.0123


async def test_an_order_that_is_open_is_one(kraken, judge):
    await kraken.pull("switches", parts=2)
    made = await judge("create_order", SYMBOL, "market", "buy", 0.002)
    await kraken.pull("fill")
    (order,) = await judge("fetch_open_orders", SYMBOL)
    assert (order["id"], order["status"], order["filled"], order["remaining"]) == (made["id"], "open", 0.001, 0.001)


async def test_a_withdrawal_is_one(kraken, judge):
    await judge("create_order", SYMBOL, "market", "buy", 0.1)
    made = await judge("withdraw", "BTC", 0.05, "", None, {"key": ADDRESS})
    (listed,) = await judge("fetch_withdrawals", "BTC")
    assert (listed["id"], listed["status"], listed["address"]) == (made["id"], "pending", ADDRESS)
    assert listed["amount"] + listed["fee"]["cost"] == pytest.approx(0.05)
    await kraken.pull("withdrawals", refid=made["id"], status="Success")
    since = int((datetime.now(UTC) - timedelta(hours=1)).timestamp() * 1000)
    assert [each["status"] for each in await judge("fetch_withdrawals", "BTC", since)] == ["ok"]


REFUSALS = [
    ("BalanceEx", "EAPI:Rate limit exceeded", ccxt.DDoSProtection),
    ("AddOrder", "EOrder:Insufficient funds", ccxt.InsufficientFunds),
    ("AddOrder", "EService:Unavailable", ccxt.ExchangeNotAvailable),
    ("Withdraw", "EFunding:Unknown withdraw key", ccxt.InvalidAddress),
]


@pytest.mark.parametrize(("verb", "said", "meant"), REFUSALS, ids=[said for _, said, _ in REFUSALS])
async def test_a_refusal_is_understood(kraken, judge, verb, said, meant):
    asked = {
        "BalanceEx": ("fetch_balance",),
        "AddOrder": ("create_order", SYMBOL, "market", "buy", 0.001),
        "Withdraw": ("withdraw", "BTC", 0.05, "", None, {"key": ADDRESS}),
    }
    await kraken.pull("faults", verb=verb, error=said)
    with pytest.raises(meant):
        await judge(*asked[verb])


async def test_who_is_not_known_is_told_so(judge):
    judge.client.secret = "d3Jvbmc="
    with pytest.raises(ccxt.ExchangeError, match="EAPI:Invalid signature"):
        await judge("fetch_balance")
    judge.client.apiKey = "somebody"
    with pytest.raises(ccxt.AuthenticationError):
        await judge("fetch_balance")
    await judge("load_markets")
    with pytest.raises(ccxt.BaseError):
        judge.client.amount_to_precision(SYMBOL, 0.000000001)
