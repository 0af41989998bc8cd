"""What tests pull, under `/local/`: not Kraken's, and told by the API key alone, which no web page can send."""

import hmac
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from paya_app.local.vendors.kraken.funds import end
from paya_app.local.vendors.kraken.matching import fill_part, move
from paya_app.local.vendors.kraken.state import BTC, USD, Kraken
from paya_app.local.vendors.kraken.wire import Call, Handler, Refused, answered, form_of, invalid, now, read, refused

_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")
_OUTCOMES = {"Pending", "Success", "Failure"}


async def switches(call: Call) -> dict[str, Any]:
    """`parts`: how many parts later orders are filled in; `part_s`: seconds between them, 0 for `fill`.

    `lag_s`: seconds until an order that was made can be found. `clock_s`: how far the market's clock is ahead.
    `registers`: 1 when whatever PaYa asks to be registered was, 0 when nothing is but by `withdraw-addresses`.
    """
    if "parts" in call.form:
        await call.run("update vendor_kraken.switch set parts = %s", int(_number(call, "parts")))
    if "part_s" in call.form:
        await call.run("update vendor_kraken.switch set part_s = %s", _number(call, "part_s"))
    if "lag_s" in call.form:
        await call.run("update vendor_kraken.switch set lag_s = %s", _number(call, "lag_s"))
    if "registers" in call.form:
        await call.run("update vendor_kraken.switch set registers = %s", _number(call, "registers") != 0)
    if "clock_s" in call.form:
        offset = timedelta(seconds=_number(call, "clock_s"))
        await call.run("update vendor_kraken.switch set clock_offset = %s", offset)
    return {}


async def fill(call: Call) -> dict[str, Any]:
    """Fill the next part of every order that waits for this."""
    waiting = await call.rows(
        "select * from vendor_kraken.client_order where status = 'open' and part_s = 0 order by opened, txid"
    )
    for order in waiting:
        await fill_part(call, order, call.at)
    return {"filled": len(waiting)}


async def cancel(call: Call) -> dict[str, Any]:
    """The exchange cancels what is left of every open order (`status`: or lets it expire)."""
    ended = await call.rows(
        "update vendor_kraken.client_order set status = %s, reason = 'Canceled by the exchange', closed = %s"
        " where status = 'open' returning txid",
        "expired" if call.form.get("status") == "expired" else "canceled",
        call.at,
    )
    return {"canceled": len(ended)}


async def faults(call: Call) -> dict[str, Any]:
    """The next `calls` of `verb` are refused with `error`; with `is_after`, when they have been done."""
    await call.run(
        "insert into vendor_kraken.fault (verb, error, is_after, calls_left) values (%s, %s, %s, %s)",
        call.form.get("verb", ""),
        call.form.get("error", "EService:Unavailable"),
        call.is_set("is_after"),
        int(call.form.get("calls", "1")),
    )
    return {}


async def deposit(call: Call) -> dict[str, Any]:
    """`units` of `asset` (micros of ZUSD, sats of XXBT) come in, or with a minus go out."""
    if call.form.get("asset") not in (USD, BTC):
        raise invalid("asset")
    await move(call, call.form["asset"], int(_number(call, "units")), kind="deposit", ref="", at=call.at)
    return {}


async def addresses(call: Call) -> dict[str, Any]:
    """Register `address` for withdrawals under the name `key`, as somebody does at Kraken's site."""
    await call.run(
        "insert into vendor_kraken.withdraw_address (key, address) values (%s, %s)"
        " on conflict (key) do update set address = excluded.address",
        call.form.get("key", ""),
        call.form.get("address", ""),
    )
    return {}


async def withdrawals(call: Call) -> dict[str, Any]:
    """The withdrawal `refid` is on its way, done or has failed, as `status` says."""
    if call.form.get("status") not in _OUTCOMES:
        raise invalid("status")
    await end(call, call.form.get("refid", ""), call.form["status"])
    return {}


LEVERS: dict[str, Handler] = {
    "switches": switches,
    "fill": fill,
    "cancel": cancel,
    "faults": faults,
    "deposit": deposit,
    "withdraw-addresses": addresses,
    "withdrawals": withdrawals,
}


def lever(kraken: Kraken, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """`handler` behind the API key, in a transaction of its own."""

    async def answer(request: Request) -> Response:
        try:
            if not hmac.compare_digest(request.headers.get("api-key", "").encode(), kraken.key.encode()):
                raise Refused("EAPI:Invalid key")
            form = form_of(await read(request))
            async with kraken.transaction() as connection:
                await connection.execute("select pg_advisory_xact_lock(hashtext('vendor_kraken.account'))")
                given = await handler(Call(kraken, connection, form, await now(connection)))
        except Refused as refusal:
            return refused(refusal.error)
        return answered(given)

    return answer


def _number(call: Call, name: str) -> float:
    text = call.form.get(name, "")
    if not _NUMBER.fullmatch(text):
        raise invalid(name)
    return float(text)
