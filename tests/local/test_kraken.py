"""The Kraken stand-in: who may ask, what it refuses, and that its own books add up."""

import random
import time
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest

from paya_app.core.config import settings
from paya_app.local.vendors.kraken import market
from tests.support.kraken import serving, signature

ADDRESS = "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"
SEED = 7
NOON_MS = 1_795_262_400_000


@pytest.fixture
async def kraken(database):
    async with serving(database) as running:
        yield running


def order(**changes) -> dict[str, Any]:
    return {"pair": "XBTUSD", "type": "buy", "ordertype": "market", "volume": "0.0001"} | changes


async def error(kraken, verb, **form) -> str:
    answer = await kraken.ask(verb, **form)
    assert "result" not in answer, answer
    (said,) = answer["error"]
    return said


def test_the_signature_is_krakens():
    # the example of Kraken's guide to authentication
    body = "nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25"
    secret = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
    assert signature("/0/private/AddOrder", body, secret) == (
        "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ=="
    )


async def test_who_asks_is_checked(kraken):
    assert await error(kraken, "Balance", secret="d3Jvbmc=") == "EAPI:Invalid signature"
    path, body = "/0/private/Balance", f"nonce={time.time_ns()}"
    for headers, said in (
        ({}, "EAPI:Invalid key"),
        ({"API-Key": "somebody"}, "EAPI:Invalid key"),
        ({"API-Key": settings().kraken_key}, "EAPI:Invalid signature"),
        ({"API-Key": settings().kraken_key, "API-Sign": "AAAA"}, "EAPI:Invalid signature"),
    ):
        answer = await kraken.client.post(path, content=body, headers=headers)
        assert (answer.status_code, answer.json()) == (200, {"error": [said]})
    signed = {"API-Key": settings().kraken_key}
    signed["API-Sign"] = signature(path, body, settings().kraken_secret.get_secret_value())
    assert (await kraken.client.post(path, content=body, headers=signed)).json()["error"] == []
    # of another body, of another verb, and the same one twice
    assert (await kraken.client.post(path, content=body + "&x=1", headers=signed)).json()["error"] == [
        "EAPI:Invalid signature"
    ]
    assert (await kraken.client.post("/0/private/AddOrder", content=body, headers=signed)).json()["error"] == [
        "EAPI:Invalid signature"
    ]
    assert (await kraken.client.post(path, content=body, headers=signed)).json()["error"] == ["EAPI:Invalid nonce"]


async def test_a_number_that_does_not_rise_is_refused(kraken):
    start = time.time_ns()
    assert (await kraken.ask("Balance", nonce=start))["error"] == []
    for nonce in (start, start - 1, 0, -5):
        assert await error(kraken, "Balance", nonce=nonce) == "EAPI:Invalid nonce"
    # it is spent by what was refused, too
    assert (await error(kraken, "AddOrder", nonce=start + 10)).startswith("EQuery:")
    assert await error(kraken, "Balance", nonce=start + 10) == "EAPI:Invalid nonce"
    assert (await kraken.ask("Balance", nonce=start + 11))["error"] == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pair": "XBTEUR"}, "EQuery:Unknown asset pair"),
        ({"type": "sell"}, "EGeneral:Invalid arguments:type"),
        ({"ordertype": "limit"}, "EGeneral:Invalid arguments:ordertype"),
        ({"volume": "0.00004999"}, "EOrder:Order minimum not met"),
        ({"volume": "0"}, "EOrder:Order minimum not met"),
        ({"volume": "0.000100001"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "1e-4"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "-1"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "NaN"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "٠.٠٠١"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": ""}, "EGeneral:Invalid arguments:volume"),
        ({"oflags": "viqc"}, "EGeneral:Invalid arguments:oflags"),
        ({"oflags": "fciq,fcib"}, "EGeneral:Invalid arguments:oflags"),
        ({"cl_ord_id": "x" * 40}, "EGeneral:Invalid arguments:cl_ord_id"),
        ({"cl_ord_id": "a", "userref": "1"}, "EGeneral:Invalid arguments:cl_ord_id"),
        ({"deadline": "tomorrow"}, "EGeneral:Invalid arguments:deadline"),
        ({"deadline": "2100-01-01T00:00:00Z"}, "EGeneral:Invalid arguments:deadline"),
        ({"deadline": "2026-01-01T00:00:00Z"}, "EService:Deadline elapsed"),
    ],
)
async def test_what_is_no_order_is_refused(kraken, changes, said):
    assert await error(kraken, "AddOrder", **order(**changes)) == said
    assert await kraken.order_count() == 0


async def test_a_clients_id_is_unique_among_open_orders_alone(kraken):
    client_id = str(uuid4())
    await kraken.pull("switches", parts=2)
    await kraken.ask("AddOrder", **order(cl_ord_id=client_id))
    assert await error(kraken, "AddOrder", **order(cl_ord_id=client_id)) == "EOrder:Duplicate client order id"
    await kraken.pull("fill")
    await kraken.pull("fill")
    assert (await kraken.ask("AddOrder", **order(cl_ord_id=client_id)))["error"] == []
    assert len((await kraken.ask("ClosedOrders", cl_ord_id=client_id))["result"]["closed"]) == 1
    assert len((await kraken.ask("OpenOrders", cl_ord_id=client_id))["result"]["open"]) == 1
    assert (await kraken.ask("OpenOrders", cl_ord_id=str(uuid4())))["result"] == {"open": {}}


async def test_unknown_methods_and_bodies_are_answered_as_kraken_does(kraken):
    assert (await kraken.client.get("/0/public/Nothing")).json() == {"error": ["EGeneral:Unknown method"]}
    assert (await kraken.client.get("/0/public/Ticker?pair=DOGEUSD")).json() == {"error": ["EQuery:Unknown asset pair"]}
    assert (await kraken.client.get("/0/public/OHLC?pair=XBTUSD&interval=7")).json() == {
        "error": ["EGeneral:Invalid arguments:interval"]
    }
    for body in (b"\xff\xfe", b"nonce=1&a=%00", b"x" * 200_000, b"nonce"):
        answer = await kraken.client.post(
            "/0/private/Balance", content=body, headers={"API-Key": settings().kraken_key}
        )
        assert answer.status_code == 200
        assert answer.json()["error"][0].startswith(("EGeneral:Invalid arguments", "EAPI:Invalid"))


async def test_nobody_pulls_a_lever_without_the_key(kraken):
    answer = await kraken.client.post("/local/deposit", data={"asset": "ZUSD", "units": "1"})
    assert answer.json() == {"error": ["EAPI:Invalid key"]}


async def test_books_and_account_outlive_a_restart(database):
    async with serving(database) as kraken:
        await kraken.ask("AddOrder", **order())
        held = await kraken.held()
    async with serving(database, opening_micros=1) as kraken:
        assert await kraken.held() == held


def test_prices_are_of_the_seed_and_the_time_alone():
    at = range(NOON_MS, NOON_MS + 3_600_000, 60_000)
    path = [market.mid_dimes(SEED, moment) for moment in at]
    assert path == [market.mid_dimes(SEED, moment) for moment in at]
    assert path != [market.mid_dimes(SEED + 1, moment) for moment in at]
    assert len(set(path)) > 50
    assert all(abs(after - before) < before // 100 for before, after in pairwise(path))
    # written down: the path is the same on every machine, or plans tried on it are not
    assert [market.mid_dimes(SEED, NOON_MS + day * 86_400_000) for day in (-700, -1, 0)] == [461_162, 395_879, 398_464]


def test_a_book_rises_from_its_middle_and_moves():
    asks, bids = market.asks(SEED, NOON_MS), market.bids(SEED, NOON_MS)
    assert [level.price_dimes for level in asks] == sorted({level.price_dimes for level in asks})
    assert bids[0].price_dimes < market.mid_dimes(SEED, NOON_MS) < asks[0].price_dimes
    assert market.asks(SEED, NOON_MS) == asks
    assert market.asks(SEED, NOON_MS + 60_000) != asks


def test_candles_join_and_hold_their_prices():
    now_ms = NOON_MS + 40 * 86_400_000
    start_s = NOON_MS // 1000 - NOON_MS // 1000 % 86_400
    days = [market.candle(SEED, start_s + day * 86_400, 86_400, now_ms) for day in range(30)]
    assert all(before.closed == after.opened for before, after in pairwise(days))
    assert all(day.low <= min(day.opened, day.closed) <= max(day.opened, day.closed) <= day.high for day in days)


def test_costs_and_fees_are_whole():
    assert market.cost_micros(5_000, 640_001) == 3_200_010  # 3.200005 dollars, half up to five decimals
    assert market.taker_fee_micros(3_200_010) == 12_800
    assert market.taker_fee_sats(123_456) == 494


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens_the_books_add_up(database, seed):
    chance = random.Random(seed)  # noqa: S311 - the same each time
    async with serving(database, opening_micros=30_000 * 10**6) as kraken:
        for _ in range(40):
            await _something(kraken, chance)
        await _add_up(kraken)
        await kraken.pull("switches", parts=1)
        for _ in range(10):
            await kraken.pull("fill")
        await _add_up(kraken)


async def _something(kraken, chance: random.Random) -> None:
    match chance.randrange(10):
        case 0:
            await kraken.pull(
                "switches",
                parts=chance.randint(1, 5),
                part_s=chance.choice([0, 0.01, 3600]),
                clock_s=chance.randrange(10**6),
            )
        case 1:
            await kraken.pull("fill")
        case 2:
            await kraken.pull("cancel")
        case 3 | 4:
            await kraken.ask("Withdraw", asset="XBT", key=ADDRESS, amount=f"0.{chance.randrange(10**7):08d}")
        case 5:
            listed = (await kraken.ask("WithdrawStatus", asset="XBT"))["result"]
            pending = [each["refid"] for each in listed if each["status"] in ("Initial", "Pending")]
            if pending:
                outcome = chance.choice(["Pending", "Success", "Failure"])
                await kraken.pull("withdrawals", refid=chance.choice(pending), status=outcome)
        case 6:
            await kraken.pull("deposit", asset=chance.choice(["ZUSD", "XXBT"]), units=chance.randrange(10**9))
        case _:
            volume = f"0.{chance.choice([chance.randrange(10**6), chance.randrange(10**8)]):08d}"
            flags = chance.choice(["fciq", "fcib"])
            if chance.random() < 0.1:
                await kraken.pull("faults", verb="AddOrder", error="EGeneral:Internal error", is_after="true")
            await kraken.ask("AddOrder", **order(volume=volume, oflags=flags, cl_ord_id=str(uuid4())))


async def _add_up(kraken) -> None:
    """Balances are the sums of the movements, and these are what trades and withdrawals say; nothing is lost."""
    value = kraken.database.value
    answer = (await kraken.ask("Balance"))["result"]  # what was due is done with it
    held = await kraken.held()
    sums = dict(await kraken.database.rows("select asset, sum(units)::bigint from vendor_kraken.movement group by 1"))
    assert held == sums
    assert min(held.values()) >= 0
    came = dict(
        await kraken.database.rows(
            "select asset, sum(units)::bigint from vendor_kraken.movement"
            " where kind in ('opening', 'deposit') group by 1"
        )
    )
    paid = await value("select coalesce(sum(cost_micros + fee_micros), 0)::bigint from vendor_kraken.trade")
    bought = await value("select coalesce(sum(volume_sats - fee_sats), 0)::bigint from vendor_kraken.trade")
    gone = await value(
        "select coalesce(sum(quantity_sats + fee_sats), 0)::bigint from vendor_kraken.withdrawal"
        " where status <> 'Failure'"
    )
    assert held == {"ZUSD": came["ZUSD"] - paid, "XXBT": came["XXBT"] + bought - gone}
    assert answer == {
        "ZUSD": f"{held['ZUSD'] // 10**6}.{held['ZUSD'] % 10**6 // 10:05d}",
        "XXBT": f"{held['XXBT'] // 10**8}.{held['XXBT'] % 10**8:08d}00",
    }
    wrong = await kraken.database.rows(
        "select o.txid from vendor_kraken.client_order o left join vendor_kraken.trade t using (txid)"
        " group by o.txid having coalesce(sum(t.volume_sats), 0) > o.volume_sats"
        " or (o.status = 'closed' and sum(t.volume_sats) <> o.volume_sats)"
    )
    assert wrong == []
