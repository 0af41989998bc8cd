"""Orders: how they are made."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from paya_app.local.vendors.kraken import market
from paya_app.local.vendors.kraken.matching import fill_due, fill_part, held, new_id, whole_cost_micros
from paya_app.local.vendors.kraken.state import USD
from paya_app.local.vendors.kraken.wire import Call, Refused, btc, invalid

PAIR, ALTNAME = "XXBTZUSD", "XBTUSD"
PAIRS = {PAIR, ALTNAME, "XBT/USD", "BTC/USD", "BTCUSD"}
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
        userref_of(form.get("userref")),
        volume_sats,
        fee_in,
        call.at,
    )
    order = await order_of(call, txid, is_new=True)
    if order["parts"] == 1:
        await fill_part(call, order, call.at)
    else:
        await fill_due(call)
    return {"descr": {"order": sentence(volume_sats)}, "txid": [txid]}


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


def userref_of(text: str | None) -> int | None:
    """The client's number.

    Raises:
        Refused: it is none.
    """
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


async def order_of(call: Call, txid: str, *, is_new: bool = False) -> dict[str, Any]:
    """An order by its id, as far as it is listed yet.

    Raises:
        Refused: there is none.
    """
    row = await call.row(
        "select o.* from vendor_kraken.client_order o, vendor_kraken.switch s"
        " where o.txid = %s and (%s or o.opened + s.lag_s * interval '1 s' <= %s)",
        txid,
        is_new,
        call.at,
    )
    if row is None:
        raise Refused("EOrder:Unknown order")
    return row


def sentence(volume_sats: int) -> str:
    """`buy 0.00010000 XBTUSD @ market`."""
    return f"buy {btc(volume_sats)} {ALTNAME} @ market"
