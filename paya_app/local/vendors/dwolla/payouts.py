"""Transfers from our account to a customer's bank: from our bank in two legs, from our balance in one.

As Dwolla describes it, a transfer from our bank is two: the first (`pull`) takes the money into our balance, the second
(`payout`), which is the one that is answered and canceled, takes it from there to the customer's bank. From our
balance the money is gone at once. What comes back, comes back into the balance.
"""

import uuid
from typing import Any

from starlette.responses import Response

from paya_app.local.vendors.dwolla import customers
from paya_app.local.vendors.dwolla.call import Call
from paya_app.local.vendors.dwolla.events import record, record_both
from paya_app.local.vendors.dwolla.hal import Refused, created, fault, invalid
from paya_app.local.vendors.dwolla.returns import REMOVES, early_code, late_code
from paya_app.local.vendors.dwolla.state import BALANCE_BOOK, BALANCE_SOURCE_ID

_MADE = (
    "insert into vendor_dwolla.transfer (id, leg, customer_id, source_id, destination_id, amount_cents, status,"
    " correlation_id, metadata, late_return_code, funding_transfer, process_at)"
    " values (%(id)s, %(leg)s, %(customer)s, %(source)s, %(destination)s, %(amount)s, 'pending', %(correlation)s,"
    " %(metadata)s, %(late)s, %(funding)s,"
    " case when %(wait)s > 0 then clock_timestamp() + %(wait)s * interval '1 s' end)"
)


async def refuse_flow(call: Call, source: dict[str, Any], destination: dict[str, Any]) -> None:
    """Refuse a transfer that this account may not make, or that this customer may not get."""
    if destination["customer_id"] is None:
        message = "Invalid Funds Flow: this operation requires the funds flow 'Me to me' to be enabled"
        raise Refused(403, "Forbidden", message)
    if source["removed"] or source["status"] != "verified":
        raise invalid(fault("Invalid", "Invalid funding source.", "/_links/source/href"))
    if destination["removed"]:
        raise invalid(fault("Invalid", "Receiver not found.", "/_links/destination/href"))
    customer = await customers.find(call, destination["customer_id"])
    if customer["status"] in ("suspended", "deactivated"):
        raise invalid(fault("Restricted", "Receiver restricted.", "/_links/destination/href"))


async def create(call: Call, source: dict[str, Any], destination: dict[str, Any], order: dict[str, Any]) -> Response:
    """Begin to pay; `order` has amount, correlation and metadata."""
    payout_id, pull_id = uuid.uuid4(), None
    common = order | {"late": None, "funding": None, "wait": call.dwolla.leg_s}
    if source["type"] == "balance":
        await _take_from_balance(call, order["amount"])
    else:
        pull_id = uuid.uuid4()
        pull = {
            "id": pull_id,
            "leg": "pull",
            "customer": None,
            "source": source["id"],
            "destination": BALANCE_SOURCE_ID,
        }
        await call.connection.execute(_MADE, common | pull)
        await record(call, "bank_transfer_created", f"/transfers/{pull_id}", correlation_id=order["correlation"])
    payout = {
        "id": payout_id,
        "leg": "payout",
        "customer": destination["customer_id"],
        "source": source["id"],
        "destination": destination["id"],
        "late": late_code(destination["name"]),
        "funding": pull_id,
        "wait": 0 if pull_id else call.dwolla.leg_s,
    }
    await call.connection.execute(_MADE, common | payout)
    await record_both(call, "created", payout_id, destination["customer_id"], order["correlation"])
    return created(call.dwolla.href(f"/transfers/{payout_id}"))


async def _take_from_balance(call: Call, amount_cents: int) -> None:
    taken = await call.row(
        "update vendor_dwolla.bank_account set balance_cents = balance_cents - %s"
        " where routing = %s and number = %s and balance_cents >= %s returning 1 as done",
        amount_cents,
        *BALANCE_BOOK,
        amount_cents,
    )
    if taken is None:
        raise invalid(fault("InsufficientFunds", "Insufficient funds.", "/_links/source/href"))


async def can_cancel(call: Call, payout: dict[str, Any]) -> bool:
    """Whether a payout can still be stopped: until our bank has paid, or until it is processed from our balance."""
    if payout["status"] != "pending":
        return False
    if payout["funding_transfer"] is None:
        return True
    pull = await call.row("select status from vendor_dwolla.transfer where id = %s", payout["funding_transfer"])
    return pull is not None and pull["status"] == "pending"


async def cancel(place: Any, payout: dict[str, Any]) -> None:
    """Stop a payout, and what was to fund it; what our balance had paid comes back."""
    stopped = await place.connection.execute(
        "update vendor_dwolla.transfer set status = 'cancelled' where id = %s and status = 'pending' returning id",
        (payout["funding_transfer"],),
    )
    if await stopped.fetchone() is None:
        if payout["funding_transfer"] is None:
            await _book(place, BALANCE_BOOK, payout["amount_cents"])
    else:
        await record(
            place,
            "bank_transfer_cancelled",
            f"/transfers/{payout['funding_transfer']}",
            correlation_id=payout["correlation_id"],
        )
    await _end(place, payout, "cancelled")


async def pull(the: Any, transfer: dict[str, Any]) -> None:
    """Take the money out of our bank, or let the payout fail where there is not enough."""
    source = await _source(the, transfer["source_id"])
    book = (source["routing"], source["number"])
    held = await the.connection.execute(
        "update vendor_dwolla.bank_account set balance_cents = balance_cents - %s"
        " where routing = %s and number = %s and balance_cents >= %s returning 1",
        (transfer["amount_cents"], *book, transfer["amount_cents"]),
    )
    path = f"/transfers/{transfer['id']}"
    if await held.fetchone() is None:
        await the.connection.execute(
            "update vendor_dwolla.transfer set status = 'failed', failure_code = 'R01' where id = %s", (transfer["id"],)
        )
        await record(the, "bank_transfer_failed", path, correlation_id=transfer["correlation_id"])
        found = await the.connection.execute(
            "select * from vendor_dwolla.transfer where funding_transfer = %s", (transfer["id"],)
        )
        await _end(the, await found.fetchone(), "failed", "R01")
        return
    await _book(the, BALANCE_BOOK, transfer["amount_cents"])
    await the.connection.execute(
        "update vendor_dwolla.transfer set status = 'processed' where id = %s", (transfer["id"],)
    )
    await record(the, "bank_transfer_completed", path, correlation_id=transfer["correlation_id"])
    await the.connection.execute(
        "update vendor_dwolla.transfer set process_at ="
        " case when %(leg)s > 0 then clock_timestamp() + %(leg)s * interval '1 s' end where funding_transfer = %(id)s",
        {"leg": the.dwolla.leg_s, "id": transfer["id"]},
    )


async def pay(the: Any, transfer: dict[str, Any]) -> None:
    """Give the money to the customer's bank, or let that bank refuse it."""
    destination = await _source(the, transfer["destination_id"])
    if destination["removed"]:
        await cancel(the, transfer)
        return
    code = early_code(destination["name"])
    if code in REMOVES:
        if transfer["funding_transfer"] is None:
            await _book(the, BALANCE_BOOK, transfer["amount_cents"])
        await _end(the, transfer, "failed", code)
        return
    if transfer["funding_transfer"] is not None:
        await _book(the, BALANCE_BOOK, -transfer["amount_cents"])
    await _book(the, (destination["routing"], destination["number"]), transfer["amount_cents"])
    await the.connection.execute(
        "update vendor_dwolla.transfer set"
        " return_at = case when %(leg)s > 0 then clock_timestamp() + 2 * %(leg)s * interval '1 s' end"
        " where id = %(id)s",
        {"leg": the.dwolla.leg_s, "id": transfer["id"]},
    )
    await _end(the, transfer, "processed")


async def send_back(the: Any, transfer: dict[str, Any]) -> None:
    """The customer's bank sends back what it had: into our balance."""
    destination = await _source(the, transfer["destination_id"])
    await _book(the, (destination["routing"], destination["number"]), -transfer["amount_cents"])
    await _book(the, BALANCE_BOOK, transfer["amount_cents"])
    await _end(the, transfer, "failed", transfer["late_return_code"])


async def _end(place: Any, payout: dict[str, Any], status: str, code: str | None = None) -> None:
    await place.connection.execute(
        "update vendor_dwolla.transfer set status = %s, failure_code = %s where id = %s", (status, code, payout["id"])
    )
    what = "completed" if status == "processed" else status
    await record_both(place, what, payout["id"], payout["customer_id"], payout["correlation_id"])
    if code in REMOVES:
        await place.connection.execute(
            "update vendor_dwolla.funding_source set removed = true where id = %s", (payout["destination_id"],)
        )
        path = f"/funding-sources/{payout['destination_id']}"
        await record(place, "customer_funding_source_removed", path, customer_id=payout["customer_id"])


async def _source(the: Any, source_id: uuid.UUID) -> dict[str, Any]:
    found = await the.connection.execute("select * from vendor_dwolla.funding_source where id = %s", (source_id,))
    return await found.fetchone()


async def _book(the: Any, book: tuple[str, str], change_cents: int) -> None:
    await the.connection.execute(
        "update vendor_dwolla.bank_account set balance_cents = balance_cents + %s where routing = %s and number = %s",
        (change_cents, *book),
    )
