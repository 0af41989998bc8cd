"""What the account holds, and withdrawals out of it to addresses that were registered before."""

import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from paya_app.local.vendors.kraken.matching import fill_due, held, move, new_id
from paya_app.local.vendors.kraken.state import BTC, USD
from paya_app.local.vendors.kraken.wire import Call, Refused, btc, invalid, usd

NETWORK_FEE_SATS = 1_000
WITHDRAWAL_SATS_MIN = 5_000
PAGE, PAGE_MAX = 25, 50
NAMES = {"XBT", "XXBT", "BTC"}
# good enough for a stand-in: of the main network, as somebody would have typed it in
_ADDRESS = re.compile(r"bc1[02-9ac-hj-np-z]{11,71}|[13][1-9A-HJ-NP-Za-km-z]{25,34}")
_OURS = re.compile(r"paya-[0-9a-f]{20}")
_AMOUNT = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,8})0*)?")


async def balance(call: Call) -> dict[str, str]:
    """`Balance`: what is there, net of withdrawals under way."""
    await fill_due(call)
    await settle(call)
    return {USD: usd(await held(call, USD)), BTC: btc(await held(call, BTC)) + "00"}


async def balance_ex(call: Call) -> dict[str, Any]:
    """`BalanceEx`: the same, and what is set aside for open orders: nothing."""
    return {asset: {"balance": held, "hold_trade": "0.0000"} for asset, held in (await balance(call)).items()}


async def addresses(call: Call) -> list[dict[str, Any]]:
    """`WithdrawAddresses`."""
    rows = await call.rows("select key, address from vendor_kraken.withdraw_address order by key")
    return [{"asset": "XBT", "method": "Bitcoin", "verified": True, **row} for row in rows]


async def info(call: Call) -> dict[str, str]:
    """`WithdrawInfo`: what would arrive, and what the network takes."""
    await _address(call)
    quantity_sats = _sats(call)
    return {
        "method": "Bitcoin",
        "limit": btc(await held(call, BTC)),
        "amount": btc(max(quantity_sats - NETWORK_FEE_SATS, 0)),
        "fee": btc(NETWORK_FEE_SATS),
    }


async def withdraw(call: Call) -> dict[str, str]:
    """`Withdraw`: the amount leaves the account; what arrives is less by the network's fee."""
    await fill_due(call)
    address = await _address(call)
    quantity_sats = _sats(call)
    if call.form.get("address", address) != address:
        raise Refused("EFunding:Invalid withdrawal address")
    if quantity_sats < WITHDRAWAL_SATS_MIN:
        raise Refused("EFunding:Amount too small")
    if "max_fee" in call.form and _sats(call, "max_fee") < NETWORK_FEE_SATS:
        raise Refused("EFunding:Max fee exceeded")
    if quantity_sats > await held(call, BTC):
        raise Refused("EFunding:Insufficient funds")
    refid = new_id("F")
    net_sats = quantity_sats - NETWORK_FEE_SATS
    wait_s = call.kraken.withdraw_s
    await call.run(
        "insert into vendor_kraken.withdrawal"
        " (refid, key, address, quantity_sats, fee_sats, status, asked, process_at)"
        " values (%s, %s, %s, %s, %s, 'Initial', %s, %s)",
        refid,
        call.form["key"],
        address,
        net_sats,
        NETWORK_FEE_SATS,
        call.at,
        call.at + timedelta(seconds=wait_s) if wait_s > 0 else None,
    )
    await move(call, BTC, -net_sats, kind="withdrawal", ref=refid, at=call.at)
    await move(call, BTC, -NETWORK_FEE_SATS, kind="withdrawal_fee", ref=refid, at=call.at)
    return {"refid": refid}


async def status(call: Call) -> Any:
    """`WithdrawStatus`: the newest first; with `cursor` by pages, and without the newest alone."""
    await settle(call)
    asset = call.form.get("asset", "XBT")
    start = _time(call.form.get("start", ""))
    limit = call.form.get("limit", str(PAGE))
    cursor = call.form.get("cursor", "")
    if not re.fullmatch(r"[0-9]{1,4}", limit) or not 1 <= int(limit) <= PAGE_MAX:
        raise invalid("limit")
    if not re.fullmatch(r"|true|false|[0-9]{1,9}", cursor):
        raise invalid("cursor")
    offset = int(cursor) if cursor.isdigit() else 0
    found = await call.rows(
        "select * from vendor_kraken.withdrawal where %s and (%s::timestamptz is null or asked >= %s)"
        " order by asked desc, refid limit %s offset %s",
        asset in NAMES,
        start,
        start,
        int(limit) + 1,
        offset,
    )
    page = [_document(row) for row in found[: int(limit)]]
    if cursor in ("", "false"):
        return page
    return {"withdrawals": page, "next_cursor": str(offset + int(limit)) if len(found) > int(limit) else None}


async def settle(call: Call) -> None:
    """End the withdrawals whose time has come."""
    due = await call.rows(
        "select refid from vendor_kraken.withdrawal where status in ('Initial', 'Pending') and process_at <= %s",
        call.at,
    )
    for row in due:
        await end(call, row["refid"], "Success")


async def end(call: Call, refid: str, outcome: str) -> None:
    """A withdrawal is on its way (`Pending`), done (`Success`) or has failed (`Failure`: everything comes back)."""
    row = await call.row(
        "update vendor_kraken.withdrawal set status = %s, txid = %s"
        " where refid = %s and status in ('Initial', 'Pending') returning *",
        outcome,
        secrets.token_hex(32) if outcome == "Success" else None,
        refid,
    )
    if row is None:
        raise Refused("EFunding:Unknown reference id")
    if outcome == "Failure":
        whole_sats = row["quantity_sats"] + row["fee_sats"]
        await move(call, BTC, whole_sats, kind="withdrawal_back", ref=refid, at=call.at)


async def _address(call: Call) -> str:
    if call.form.get("asset") not in NAMES:
        raise Refused("EFunding:Unknown asset")
    key = call.form.get("key", "")
    known = await call.row("select address from vendor_kraken.withdraw_address where key = %s", key)
    if known is not None:
        return known["address"]
    if _OURS.fullmatch(key) and await call.row("select registers from vendor_kraken.switch where registers"):
        # somebody registered it while it waited; which it is, is told with the withdrawal itself
        address = call.form.get("address", "")
        if _ADDRESS.fullmatch(address):
            await call.run("insert into vendor_kraken.withdraw_address (key, address) values (%s, %s)", key, address)
        return address
    if _ADDRESS.fullmatch(key):
        # somebody registered it under its own name, as it were
        return key
    raise Refused("EFunding:Unknown withdraw key")


def _sats(call: Call, name: str = "amount") -> int:
    written = _AMOUNT.fullmatch(call.form.get(name, ""))
    if written is None:
        raise Refused("EFunding:Invalid amount")
    return int(written[1]) * 10**8 + int((written[2] or "").ljust(8, "0"))


def _time(text: str) -> datetime | None:
    """A Unix time or an RFC 3339 one."""
    try:
        if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,9})?", text):
            return datetime.fromtimestamp(float(text), UTC)
        return datetime.fromisoformat(text) if text else None
    except (ValueError, OverflowError, OSError):
        raise invalid("start") from None


def _document(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "method": "Bitcoin",
        "network": "Bitcoin",
        "aclass": "currency",
        "asset": BTC,
        "refid": row["refid"],
        "txid": row["txid"],
        "info": row["address"],
        "amount": btc(row["quantity_sats"]),
        "fee": btc(row["fee_sats"]),
        "time": int(row["asked"].timestamp()),
        "status": row["status"],
        "key": row["key"],
    }
