"""Orders: how they are looked up, by their ids, by the client's, and by their trades."""

import re
from typing import Any

from paya_app.local.vendors.kraken.matching import fill_due
from paya_app.local.vendors.kraken.orders import ALTNAME, PAIR, order_of, sentence, userref_of
from paya_app.local.vendors.kraken.wire import Call, Refused, btc, dimes, invalid, moment, usd

ORDERS_MAX, TRADES_MAX, PAGE = 50, 20, 50


async def query(call: Call) -> dict[str, Any]:
    """`QueryOrders`: up to fifty orders by their ids."""
    await fill_due(call)
    return {txid: await _document(call, await order_of(call, txid)) for txid in _ids(call, ORDERS_MAX)}


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


async def _documents(call: Call, *, offset: int, are_open: bool) -> dict[str, Any]:
    rows = await call.rows(
        "select o.* from vendor_kraken.client_order o, vendor_kraken.switch s where (o.status = 'open') = %s"
        " and o.opened + s.lag_s * interval '1 s' <= %s"
        " and (%s::text is null or o.cl_ord_id = %s) and (%s::bigint is null or o.userref = %s)"
        " order by o.opened desc, o.txid limit %s offset %s",
        are_open,
        call.at,
        *[call.form.get("cl_ord_id")] * 2,
        *[userref_of(call.form.get("userref"))] * 2,
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
            "order": sentence(order["volume_sats"]),
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
