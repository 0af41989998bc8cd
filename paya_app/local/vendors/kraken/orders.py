"""Orders: made, and looked up by their id, by the client's, and by their trades."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from paya_app.local.vendors.kraken import market
from paya_app.local.vendors.kraken.matching import fill_due, fill_part, held, new_id, whole_cost_micros
from paya_app.local.vendors.kraken.state import USD
from paya_app.local.vendors.kraken.wire import Call, Refused, btc, invalid, moment, usd

PAIR, ALTNAME = "XXBTZUSD", "XBTUSD"
PAIRS = {PAIR, ALTNAME, "XBT/USD", "BTC/USD", "BTCUSD"}
ORDERS_MAX, TRADES_MAX, PAGE = 50, 20, 50
DEADLINE_S_MAX = 60
# a UUID with or without its hyphens, or a short text
_CLIENT_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32}|[\x21-\x7e]{1,18}")
_VOLUME = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,8}))?")
_USERREF = re.compile(r"-?[0-9]{1,9}")


async def add(call: Call) -> dict[str, Any]:
    """`AddOrder`: a market order to buy."""
    form = call.form
    if form.get("pair") not in PAIRS:
        raise Refused("EQuery:Unknown asset pair")
    for name, served in (("type", "buy"), ("ordertype", "market")):
        if form.get(name) != served:
            raise invalid(name)
    volume_sats = _sats(form.get("volume", ""))
    fee_in = _fee_in(form.get("oflags", ""))
    if volume_sats < market.MINIMUM_SATS:
        raise Refused("EOrder:Order minimum not met")
    _check_deadline(form.get("deadline", ""))
    await fill_due(call)
    await _check_client_id(call)
    cost = whole_cost_micros(call.kraken.seed, call.at_ms, volume_sats, fee_in)
    if cost < market.MINIMUM_COST_MICROS:
        raise Refused("EOrder:Cost minimum not met")
    if cost > await held(call, USD):
        raise Refused("EOrder:Insufficient funds")
    txid = new_id("O")
    await call.run(
        "insert into vendor_kraken.client_order"
        " (txid, cl_ord_id, userref, volume_sats, fee_in, parts, part_s, status, opened)"
        " select %s, %s, %s, %s, %s, parts, case when parts > 1 then part_s else 0 end, 'open', %s"
        " from vendor_kraken.switch",
        txid,
        form.get("cl_ord_id"),
        _userref(form.get("userref")),
        volume_sats,
        fee_in,
        call.at,
    )
    order = await _order(call, txid)
    if order["parts"] == 1:
        await fill_part(call, order, call.at)
    else:
        await fill_due(call)
    return {"descr": {"order": _sentence(volume_sats)}, "txid": [txid]}


def _sats(text: str) -> int:
    written = _VOLUME.fullmatch(text)
    if written is None:
        raise invalid("volume")
    return int(written[1]) * 10**8 + int((written[2] or "").ljust(8, "0"))


def _fee_in(oflags: str) -> str:
    flags = set(filter(None, oflags.split(",")))
    if flags - {"fciq", "fcib"} or len(flags) > 1:
        raise invalid("oflags")
    return "base" if "fcib" in flags else "quote"


def _userref(text: str | None) -> int | None:
    if text is None:
        return None
    if not _USERREF.fullmatch(text):
        raise invalid("userref")
    return int(text)


def _check_deadline(text: str) -> None:
    """It is about the connection, so the clock on the wall counts, not the market's."""
    if not text:
        return
    try:
        deadline = datetime.fromisoformat(text)
    except ValueError:
        raise invalid("deadline") from None
    wall = datetime.now(UTC)
    if deadline.tzinfo is None or deadline > wall + timedelta(seconds=DEADLINE_S_MAX):
        raise invalid("deadline")
    if deadline < wall:
        raise Refused("EService:Deadline elapsed")


async def _check_client_id(call: Call) -> None:
    client_id = call.form.get("cl_ord_id")
    if client_id is None:
        return
    if "userref" in call.form or not _CLIENT_ID.fullmatch(client_id):
        raise invalid("cl_ord_id")
    if await call.row(
        "select 1 as it from vendor_kraken.client_order where cl_ord_id = %s and status = 'open'", client_id
    ):
        raise Refused("EOrder:Duplicate client order id")


async def query(call: Call) -> dict[str, Any]:
    """`QueryOrders`: up to fifty orders by their ids."""
    await fill_due(call)
    return {txid: await _document(call, await _order(call, txid)) for txid in _ids(call, ORDERS_MAX)}


async def opened(call: Call) -> dict[str, Any]:
    """`OpenOrders`, all or those of a client's id."""
    await fill_due(call)
    return {"open": await _documents(call, offset=0, are_open=True)}


async def closed(call: Call) -> dict[str, Any]:
    """`ClosedOrders`, the newest fifty from an offset on, all or those of a client's id."""
    await fill_due(call)
    offset = call.form.get("ofs", "0")
    if not re.fullmatch(r"[0-9]{1,9}", offset):
        raise invalid("ofs")
    given: dict[str, Any] = {"closed": await _documents(call, offset=int(offset), are_open=False)}
    if not call.is_set("without_count"):
        row = await call.row("select count(*) as n from vendor_kraken.client_order where status <> 'open'")
        given["count"] = row["n"] if row else 0
    return given


async def trades(call: Call) -> dict[str, Any]:
    """`QueryTrades`: up to twenty trades by their ids."""
    await fill_due(call)
    found = {}
    for number, trade in enumerate(_ids(call, TRADES_MAX)):
        row = await call.row("select * from vendor_kraken.trade where id = %s", trade)
        if row is None:
            raise Refused("EQuery:Unknown trade")
        found[trade] = _trade_document(row, number)
    return found


def _ids(call: Call, maximum: int) -> list[str]:
    ids = [text for text in call.form.get("txid", "").split(",") if text]
    if not 1 <= len(ids) <= maximum:
        raise invalid("txid")
    return ids


async def _order(call: Call, txid: str) -> dict[str, Any]:
    row = await call.row("select * from vendor_kraken.client_order where txid = %s", txid)
    if row is None:
        raise Refused("EOrder:Unknown order")
    return row


async def _documents(call: Call, *, offset: int, are_open: bool) -> dict[str, Any]:
    rows = await call.rows(
        "select * from vendor_kraken.client_order where (status = 'open') = %s"
        " and (%s::text is null or cl_ord_id = %s) and (%s::bigint is null or userref = %s)"
        " order by opened desc, txid limit %s offset %s",
        are_open,
        *[call.form.get("cl_ord_id")] * 2,
        *[_userref(call.form.get("userref"))] * 2,
        PAGE,
        offset,
    )
    return {row["txid"]: await _document(call, row) for row in rows}


async def _document(call: Call, order: dict[str, Any]) -> dict[str, Any]:
    done = await call.rows("select * from vendor_kraken.trade where txid = %s order by number", order["txid"])
    volume = sum(each["volume_sats"] for each in done)
    cost, fee = sum(each["cost_micros"] for each in done), sum(each["fee_micros"] for each in done)
    in_quote = order["fee_in"] == "quote"
    average = cost * 1000 // volume if volume else 0
    document = {
        "refid": None,
        "userref": order["userref"],
        "cl_ord_id": order["cl_ord_id"],
        "status": order["status"],
        "reason": order["reason"],
        "opentm": moment(order["opened"]),
        "starttm": 0,
        "expiretm": 0,
        "descr": {
            "pair": ALTNAME,
            "type": "buy",
            "ordertype": "market",
            "price": "0",
            "price2": "0",
            "leverage": "none",
            "order": _sentence(order["volume_sats"]),
            "close": "",
        },
        "vol": btc(order["volume_sats"]),
        "vol_exec": btc(volume),
        # the decimals of the pair's price, as Kraken cuts them: a cent is nothing here
        "cost": usd(cost, 1),
        "fee": usd(fee, 1) if in_quote else btc(sum(each["fee_sats"] for each in done)),
        "price": dimes(average),
        "stopprice": "0.00000",
        "limitprice": "0.00000",
        "misc": "partial" if order["status"] != "closed" and volume else "",
        "oflags": "fciq" if in_quote else "fcib",
    }
    if order["closed"] is not None:
        document["closetm"] = moment(order["closed"])
    if call.is_set("trades"):
        document["trades"] = [each["id"] for each in done]
    return document


def _trade_document(trade: dict[str, Any], number: int) -> dict[str, Any]:
    return {
        "ordertxid": trade["txid"],
        "postxid": "TKH2SE-M7IF5-CFI7LT",
        "pair": PAIR,
        "time": moment(trade["at"]),
        "type": "buy",
        "ordertype": "market",
        "price": dimes(trade["price_dimes"]) + "0000",
        "cost": usd(trade["cost_micros"]),
        "fee": usd(trade["fee_micros"]) if not trade["fee_sats"] else btc(trade["fee_sats"]),
        "vol": btc(trade["volume_sats"]),
        "margin": "0.00000",
        "leverage": "0",
        "misc": "",
        "trade_id": number + 1,
        "maker": False,
    }


def dimes(price: int) -> str:
    """`64000.1`."""
    return f"{price // 10}.{price % 10}"


def _sentence(volume_sats: int) -> str:
    return f"buy {btc(volume_sats)} {ALTNAME} @ market"
