"""Orders: made under an id of ours, and what became of them."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal
from uuid import UUID

from paya_app.providers.exchange import amounts
from paya_app.providers.exchange.connection import connection
from paya_app.providers.exchange.market import PAIR
from paya_app.providers.outcome import Rejected, Retryable, Unknown

# Kraken's engine drops an order that reaches it later than this; it takes 2 to 60 s.
DEADLINE_S = 30
# By then an order that nobody heard of is either found or never will be: its deadline is over, by a clock that may
# be half a minute off, and every list has it.
NONE_IS_FINAL_AFTER_S = 90
TRADES_AT_ONCE = 20
_DEADLINE_REFUSED = "EGeneral:Invalid arguments:deadline"
# Kraken does not publish its words for it
_ABOUT_OUR_ID = re.compile(r"duplicate|unique|already|cl_ord_id|client.?order", re.IGNORECASE)
_NOT_LISTED = ("EOrder:Unknown order", "EOrder:Invalid order")

State = Literal["open", "closed", "canceled", "expired", "rejected"]
_STATES: dict[str, State] = {
    "pending": "open",
    "open": "open",
    "closed": "closed",
    "canceled": "canceled",
    "expired": "expired",
}


@dataclass(frozen=True, slots=True)
class Fill:
    """What an order really bought so far, never what was asked for. It may change while `state` is `open`.

    Attributes:
        client_id: our id of it, or "".
        quantity_sats: bought, before a fee in bitcoin.
        cost_micros: paid, in millionths of a dollar, before a fee in dollars.
        fee_usd_micros: the exchange's fee in dollars.
        fee_sats: the exchange's fee in bitcoin, out of what was bought.
    """

    order_id: str
    client_id: str
    state: State
    quantity_sats: int
    cost_micros: int
    fee_usd_micros: int
    fee_sats: int


async def market_buy(*, client_id: UUID, quantity_sats: int) -> str:
    """Buy `quantity_sats` at whatever it costs, the fee in dollars; the exchange's id of the order.

    The exchange refuses a second order of the same `client_id` while the first is open, and **makes it** afterwards.
    So after `Unknown` only `find_order` says whether to call again, and its None only once
    `NONE_IS_FINAL_AFTER_S` have passed since this call.

    Raises:
        Rejected: no order was made: `EOrder:Insufficient funds`, `EOrder:Order minimum not met`, …
        Retryable: no order was made.
        Unknown: perhaps one was made; `made_before`: the exchange says so.
    """
    deadline = datetime.now(UTC) + timedelta(seconds=DEADLINE_S)
    body = {
        "pair": PAIR,
        "type": "buy",
        "ordertype": "market",
        "volume": amounts.btc(quantity_sats),
        "oflags": "fciq",
        "cl_ord_id": str(client_id),
        "deadline": deadline.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
    try:
        return await connection().make("AddOrder", body, read_as=_made)
    except Rejected as refusal:
        if _ABOUT_OUR_ID.search(refusal.code):
            # that is no refusal of an order, but word of one
            raise Unknown("made_before", is_outage=False) from refusal
        if refusal.code.startswith(_DEADLINE_REFUSED):
            # it waited too long for its turn, or this clock is wrong: the order itself is as good as before
            raise Retryable("deadline", is_outage=False) from refusal
        raise


async def order(order_id: str) -> Fill:
    """An order as it stands, summed up from its trades: its own sums are cut to ten cents.

    Raises:
        Retryable: it cannot be found out now; `not_listed`: the exchange does not know (yet) what it called so.
    """
    params = {"txid": order_id, "trades": "true", "consolidate_taker": "false"}
    the = connection()
    try:
        told = await the.ask("QueryOrders", params, read_as=lambda result: _told(result[order_id]))
    except Rejected as refusal:
        if refusal.code.startswith(_NOT_LISTED):
            raise Retryable("not_listed", is_outage=False) from refusal
        raise
    trades: list[_Trade] = []
    for start in range(0, len(told.trades), TRADES_AT_ONCE):
        ids = told.trades[start : start + TRADES_AT_ONCE]
        trades += await the.ask("QueryTrades", {"txid": ",".join(ids)}, read_as=partial(_trades, ids, order_id, told))
    if sum(trade.quantity_sats for trade in trades) != told.quantity_sats:
        # a trade is booked a moment before it is listed
        raise Retryable("trades_incomplete", is_outage=False)
    fee = sum(trade.fee for trade in trades)
    return Fill(
        order_id=order_id,
        client_id=told.client_id,
        state=told.state,
        quantity_sats=told.quantity_sats,
        cost_micros=sum(trade.cost_micros for trade in trades),
        fee_usd_micros=0 if told.fee_is_in_btc else fee,
        fee_sats=fee if told.fee_is_in_btc else 0,
    )


async def find_order(client_id: UUID) -> Fill | None:
    """The order that we called so, or None when there is none (yet: see `market_buy`).

    Raises:
        Retryable: it cannot be found out now.
        Unknown: `two_orders`, or `not_told:…`: somebody has to look.
    """
    try:
        ids = await _listed(client_id)
        if len(ids) > 1:
            raise Unknown("two_orders", is_outage=False)
        return await order(ids[0]) if ids else None
    except Rejected as refusal:
        # who does not tell what there is has not said that there is nothing
        raise Unknown(f"not_told:{refusal.code}", is_outage=False) from refusal


async def _listed(client_id: UUID) -> list[str]:
    told = {"cl_ord_id": str(client_id)}
    the = connection()
    # in this order: what is filled meanwhile goes from the first list to the second
    found = await the.ask("OpenOrders", told, read_as=lambda result: _ids(result["open"], client_id))
    told |= {"without_count": "true"}
    closed = await the.ask("ClosedOrders", told, read_as=lambda result: _ids(result["closed"], client_id))
    return sorted({*found, *closed})


@dataclass(frozen=True, slots=True)
class _Told:
    """What an order says of itself, as far as it can be relied on."""

    client_id: str
    state: State
    quantity_sats: int
    fee_is_in_btc: bool
    trades: list[str]


@dataclass(frozen=True, slots=True)
class _Trade:
    """One match; the fee in millionths of a dollar, or in sats."""

    quantity_sats: int
    cost_micros: int
    fee: int


def _told(document: Any) -> _Told:
    return _Told(
        client_id=document.get("cl_ord_id") or "",
        state=_STATES[document["status"]],
        quantity_sats=amounts.exact(document["vol_exec"], amounts.SATS_PER_BTC),
        fee_is_in_btc="fcib" in document["oflags"].split(","),
        trades=[str(each) for each in document.get("trades") or []],
    )


def _trades(ids: list[str], order_id: str, told: _Told, result: Any) -> list[_Trade]:
    if any(result[each]["ordertxid"] != order_id for each in ids):
        raise ValueError("a trade of another order")
    units = amounts.SATS_PER_BTC if told.fee_is_in_btc else amounts.MICROS_PER_USD
    return [
        _Trade(
            quantity_sats=amounts.exact(result[each]["vol"], amounts.SATS_PER_BTC),
            cost_micros=amounts.exact(result[each]["cost"], amounts.MICROS_PER_USD),
            fee=amounts.raised(result[each]["fee"], units),
        )
        for each in ids
    ]


def _made(result: Any) -> str:
    (order_id,) = result["txid"]
    if not isinstance(order_id, str) or not order_id:
        raise ValueError("no id")
    return order_id


def _ids(listed: Any, client_id: UUID) -> list[str]:
    orders = dict(listed)
    # had the exchange not understood whose are wanted, ours could be missing among the newest of all
    if any(each["cl_ord_id"] != str(client_id) for each in orders.values()):
        raise ValueError("an order of another id")
    return list(orders)
