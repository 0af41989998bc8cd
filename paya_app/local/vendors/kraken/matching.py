"""Orders meet the book: a part of an order takes what is offered, level by level, and the account pays for it."""

import secrets
from datetime import datetime, timedelta
from typing import Any

from paya_app.local.vendors.kraken import market
from paya_app.local.vendors.kraken.state import BTC, USD
from paya_app.local.vendors.kraken.wire import Call, milliseconds

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def new_id(first: str) -> str:
    """An identifier as Kraken's look, e.g. `OQCLML-BW3P3-BUCMWZ`."""
    letters = first + "".join(secrets.choice(_LETTERS) for _ in range(16))
    return f"{letters[:6]}-{letters[6:11]}-{letters[11:]}"


async def move(call: Call, asset: str, units: int, *, kind: str, ref: str, at: datetime) -> None:
    """Book something on the account. The table refuses a balance below zero."""
    await call.run("update vendor_kraken.balance set units = units + %s where asset = %s", units, asset)
    await call.run(
        "insert into vendor_kraken.movement (asset, units, kind, ref, at) values (%s, %s, %s, %s, %s)",
        asset,
        units,
        kind,
        ref,
        at,
    )


async def held(call: Call, asset: str) -> int:
    """What the account holds: micros or sats."""
    row = await call.row("select units from vendor_kraken.balance where asset = %s", asset)
    return row["units"] if row else 0


def whole_cost_micros(seed: int, at_ms: int, volume_sats: int, fee_in: str) -> int:
    """What a purchase would cost now, its fee included as far as it is in dollars."""
    cost = sum(market.cost_micros(*each) for each in _taken(seed, at_ms, volume_sats))
    return cost + (market.taker_fee_micros(cost) if fee_in == "quote" else 0)


async def fill_due(call: Call) -> None:
    """Fill the parts of open orders whose time has come."""
    waiting = await call.rows(
        "select * from vendor_kraken.client_order where status = 'open' and part_s > 0 order by opened, txid"
    )
    for found in waiting:
        order = found
        while order["status"] == "open" and (at := _due(order)) <= call.at:
            order = order | await fill_part(call, order, at)


def _due(order: dict[str, Any]) -> datetime:
    return order["opened"] + timedelta(seconds=order["parts_done"] * order["part_s"])


async def fill_part(call: Call, order: dict[str, Any], at: datetime) -> dict[str, Any]:
    """Fill the next part of an order at the prices of a moment; what became of the order."""
    number = order["parts_done"] + 1
    wanted = order["volume_sats"] * number // order["parts"] - order["volume_sats"] * (number - 1) // order["parts"]
    status, reason = "open" if number < order["parts"] else "closed", None
    for volume, price in _taken(call.kraken.seed, milliseconds(at), wanted):
        if not await _trade(call, order, volume, price, at):
            status, reason = "canceled", "Insufficient funds"
            break
        wanted -= volume
    if wanted > 0 and reason is None:
        status, reason = "canceled", "Insufficient liquidity"
    closed = None if status == "open" else at
    await call.run(
        "update vendor_kraken.client_order set parts_done = %s, status = %s, reason = %s, closed = %s where txid = %s",
        number,
        status,
        reason,
        closed,
        order["txid"],
    )
    return {"parts_done": number, "status": status, "reason": reason, "closed": closed}


def _taken(seed: int, at_ms: int, volume_sats: int) -> list[tuple[int, int]]:
    """How much is taken at which price, until it is enough or nothing more is offered."""
    taken: list[tuple[int, int]] = []
    for level in market.asks(seed, at_ms):
        if volume_sats <= 0:
            break
        taken.append((min(volume_sats, level.volume_sats), level.price_dimes))
        volume_sats -= level.volume_sats
    return taken


async def _trade(call: Call, order: dict[str, Any], volume_sats: int, price_dimes: int, at: datetime) -> bool:
    cost = market.cost_micros(volume_sats, price_dimes)
    in_quote = order["fee_in"] == "quote"
    fee_micros = market.taker_fee_micros(cost) if in_quote else 0
    fee_sats = 0 if in_quote else market.taker_fee_sats(volume_sats)
    if await held(call, USD) < cost + fee_micros:
        return False
    trade = new_id("T")
    await call.run(
        "insert into vendor_kraken.trade"
        " (id, txid, number, volume_sats, price_dimes, cost_micros, fee_micros, fee_sats, at)"
        " select %s, %s, count(*) + 1, %s, %s, %s, %s, %s, %s from vendor_kraken.trade where txid = %s",
        trade,
        order["txid"],
        volume_sats,
        price_dimes,
        cost,
        fee_micros,
        fee_sats,
        at,
        order["txid"],
    )
    for asset, units, kind in (
        (USD, -cost, "trade"),
        (BTC, volume_sats, "trade"),
        (USD, -fee_micros, "fee"),
        (BTC, -fee_sats, "fee"),
    ):
        if units:
            await move(call, asset, units, kind=kind, ref=trade, at=at)
    return True
