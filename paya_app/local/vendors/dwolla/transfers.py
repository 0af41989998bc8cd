"""Transfers between a customer's bank and ours: made, looked up, cancelled, and why one failed."""

import json
import re
import uuid
from datetime import date
from typing import Any

from starlette.responses import Response

from paya_app.local.vendors.dwolla import customers, payouts, sources
from paya_app.local.vendors.dwolla.call import Call, linked_id
from paya_app.local.vendors.dwolla.events import record_both
from paya_app.local.vendors.dwolla.hal import (
    Refused,
    bad_request,
    created,
    fault,
    hal,
    invalid,
    link,
    moment,
    money,
    not_found,
)
from paya_app.local.vendors.dwolla.returns import REASONS, late_code
from paya_app.local.vendors.dwolla.state import ACCOUNT_ID

AMOUNT_CENTS_MAX = 500_000  # Dwolla's weekly ceiling for an unverified customer
CORRELATION = re.compile(r"[A-Za-z0-9._-]{1,255}")
_AMOUNT = re.compile(r"[0-9]{1,10}(\.[0-9]{1,2})?")


async def create(call: Call) -> Response:
    """`POST /transfers`."""
    amount_cents, faults = _amount(call.body.get("amount"))
    links = call.body.get("_links")
    ends = links if isinstance(links, dict) else {}
    source = await sources.find(call, linked_id(_href(ends.get("source")), "funding-sources"))
    destination = await sources.find(call, linked_id(_href(ends.get("destination")), "funding-sources"))
    if source is None:
        faults.append(fault("Invalid", "Funding source not found.", "/_links/source/href"))
    if destination is None:
        faults.append(fault("Invalid", "Receiver not found.", "/_links/destination/href"))
    correlation = call.body.get("correlationId")
    if correlation is not None and not (isinstance(correlation, str) and CORRELATION.fullmatch(correlation)):
        faults.append(fault("InvalidFormat", "Invalid correlation id.", "/correlationId"))
    metadata = call.body.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        faults.append(fault("Invalid", "Invalid metadata.", "/metadata"))
    if faults or source is None or destination is None:
        raise invalid(*faults)
    if source["customer_id"] is None:
        await payouts.refuse_flow(call, source, destination)
        order = {
            "amount": amount_cents,
            "correlation": correlation,
            "metadata": json.dumps(metadata) if metadata else None,
        }
        return await payouts.create(call, source, destination, order)
    await _refuse_flow(call, source, destination)
    transfer_id = uuid.uuid4()
    late = late_code(source["name"])
    await call.run(
        "insert into vendor_dwolla.transfer (id, customer_id, source_id, destination_id, amount_cents, status,"
        " correlation_id, metadata, late_return_code, process_at)"
        " values (%s, %s, %s, %s, %s, 'pending', %s, %s, %s,"
        " case when %s > 0 then clock_timestamp() + %s * interval '1 s' end)",
        transfer_id,
        source["customer_id"],
        source["id"],
        destination["id"],
        amount_cents,
        correlation,
        json.dumps(metadata) if metadata else None,
        late,
        call.dwolla.leg_s,
        call.dwolla.leg_s,
    )
    await record_both(call, "created", transfer_id, source["customer_id"], correlation)
    return created(call.dwolla.href(f"/transfers/{transfer_id}"))


def _href(end: object) -> object:
    return end.get("href") if isinstance(end, dict) else None


def _amount(amount: object) -> tuple[int, list[dict[str, Any]]]:
    value = amount.get("value") if isinstance(amount, dict) else None
    if not isinstance(amount, dict) or amount.get("currency") != "USD":
        return 0, [fault("Invalid", "Invalid currency.", "/amount/currency")]
    text = value if isinstance(value, str) else ""
    whole, _, cents = text.partition(".")
    amount_cents = int(whole) * 100 + int(cents.ljust(2, "0")) if _AMOUNT.fullmatch(text) else 0
    if amount_cents <= 0:
        message = "Invalid amount. The supplied amount must be a positive number."
        return 0, [fault("InvalidFormat", message, "/amount/value")]
    if amount_cents > AMOUNT_CENTS_MAX:
        message = "Invalid amount. The supplied amount is greater than your transaction limit."
        return 0, [fault("Invalid", message, "/amount/value")]
    return amount_cents, []


async def _refuse_flow(call: Call, source: dict[str, Any], destination: dict[str, Any]) -> None:
    if destination["customer_id"] is not None:
        message = "Invalid Funds Flow: this operation requires the funds flow 'Facilitate' to be enabled"
        raise Refused(403, "Forbidden", message)
    if source["removed"] or source["status"] != "verified":
        raise invalid(fault("Invalid", "Invalid funding source.", "/_links/source/href"))
    customer = await customers.find(call, source["customer_id"])
    if customer["status"] != "unverified" or customer["type"] != "unverified":
        raise invalid(fault("Restricted", "Sender restricted.", "/_links/source/href"))


async def _transfer(call: Call) -> dict[str, Any]:
    # what funds it is locked first, as the banks do it
    await call.row(
        "select 1 from vendor_dwolla.transfer where id ="
        " (select funding_transfer from vendor_dwolla.transfer where id = %s) for update",
        call.id,
    )
    transfer = await call.row("select * from vendor_dwolla.transfer where id = %s for update", call.id)
    if transfer is None:
        raise not_found()
    return transfer


async def retrieve(call: Call) -> Response:
    """`GET /transfers/{id}`."""
    return hal(await _document(call, await _transfer(call)))


async def search(call: Call) -> Response:
    """`GET /customers/{id}/transfers`, newest first, with `status` and `correlationId`."""
    customer = await customers.find(call, call.id)
    return await _list(call, f"/customers/{customer['id']}/transfers", customer["id"])


async def account_transfers(call: Call) -> Response:
    """`GET /accounts/{id}/transfers`: every transfer of our account."""
    if str(call.id) != ACCOUNT_ID:
        raise not_found("Account not found.")
    return await _list(call, f"/accounts/{ACCOUNT_ID}/transfers", None)


async def _list(call: Call, path: str, customer_id: uuid.UUID | None) -> Response:
    limit, offset = call.page()
    query = call.request.query_params
    params = {
        "customer": customer_id,
        "status": query.get("status", ""),
        "correlation": query.get("correlationId", ""),
        "start": _day(query.get("startDate", "")),
        "end": _day(query.get("endDate", "")),
        "limit": limit,
        "offset": offset,
    }
    where = (
        "from vendor_dwolla.transfer where (%(customer)s::uuid is null or customer_id = %(customer)s)"
        " and (%(status)s = '' or status = %(status)s) and (%(correlation)s = '' or correlation_id = %(correlation)s)"
        " and (%(start)s::date is null or created >= %(start)s::date)"
        " and (%(end)s::date is null or created < %(end)s::date + 1)"
    )
    total = await (await call.connection.execute(f"select count(*) as n {where}", params)).fetchone()
    found = await call.connection.execute(
        f"select * {where} order by created desc, id limit %(limit)s offset %(offset)s",
        params,
    )
    return hal(
        {
            "_links": {"self": link(call.dwolla.href(path), "transfer")},
            "_embedded": {"transfers": [await _document(call, row) for row in await found.fetchall()]},
            "total": total["n"] if total else 0,
        }
    )


def _day(text: str) -> date | None:
    """A day like 2026-11-21, or None; what is no day is an error."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise bad_request() from None


async def change(call: Call) -> Response:
    """`POST /transfers/{id}` with `{"status": "cancelled"}`, while it is pending."""
    transfer = await _transfer(call)
    if call.body.get("status") != "cancelled":
        raise invalid(fault("Invalid", "Status invalid.", "/status"))
    if not await _can_cancel(call, transfer):
        raise invalid(fault("NotAllowed", "Status not allowed.", "/status"))
    if transfer["leg"] == "payout":
        await payouts.cancel(call, transfer)
        return hal(await _document(call, transfer | {"status": "cancelled"}))
    await call.run("update vendor_dwolla.transfer set status = 'cancelled' where id = %s", transfer["id"])
    await record_both(call, "cancelled", transfer["id"], transfer["customer_id"], transfer["correlation_id"])
    return hal(await _document(call, transfer | {"status": "cancelled"}))


async def _can_cancel(call: Call, transfer: dict[str, Any]) -> bool:
    if transfer["leg"] == "payout":
        return await payouts.can_cancel(call, transfer)
    return transfer["leg"] == "debit" and transfer["status"] == "pending"


async def failure(call: Call) -> Response:
    """`GET /transfers/{id}/failure`: the ACH return code and what it means."""
    transfer = await _transfer(call)
    if transfer["failure_code"] is None:
        raise not_found()
    failed_id = transfer["destination_id" if transfer["leg"] == "payout" else "source_id"]
    description, explanation = REASONS[transfer["failure_code"]]
    here = call.dwolla.href(f"/transfers/{transfer['id']}/failure")
    return hal(
        {
            "_links": {
                "self": link(here, "failure"),
                "failed-funding-source": link(call.dwolla.href(f"/funding-sources/{failed_id}"), "funding-source"),
                "customer": link(call.dwolla.href(f"/customers/{transfer['customer_id']}"), "customer"),
            },
            "code": transfer["failure_code"],
            "description": description,
            "explanation": explanation,
        }
    )


async def _document(call: Call, transfer: dict[str, Any]) -> dict[str, Any]:
    here = call.dwolla.href(f"/transfers/{transfer['id']}")
    account = link(call.dwolla.href(f"/accounts/{ACCOUNT_ID}"), "account")
    customer = link(call.dwolla.href(f"/customers/{transfer['customer_id']}"), "customer")
    destination = link(call.dwolla.href(f"/funding-sources/{transfer['destination_id']}"), "funding-source")
    leg = transfer["leg"]
    links = {
        "self": link(here, "transfer"),
        "source": customer if leg == "debit" else account,
        "destination": {"payout": customer, "credit": destination}.get(leg, account),
        "destination-funding-source": destination,
    }
    if transfer["source_id"]:
        links["source-funding-source"] = link(
            call.dwolla.href(f"/funding-sources/{transfer['source_id']}"), "funding-source"
        )
        funded = await call.row("select id from vendor_dwolla.transfer where funding_transfer = %s", transfer["id"])
        if funded:
            links["funded-transfer"] = link(call.dwolla.href(f"/transfers/{funded['id']}"), "transfer")
    if await _can_cancel(call, transfer):
        links["cancel"] = link(here, "transfer")
    if transfer["failure_code"]:
        links["failure"] = link(f"{here}/failure", "failure")
    if transfer["funding_transfer"]:
        links["funding-transfer"] = link(call.dwolla.href(f"/transfers/{transfer['funding_transfer']}"), "transfer")
    document = {
        "_links": links,
        "id": str(transfer["id"]),
        "status": transfer["status"],
        "amount": money(transfer["amount_cents"]),
        "created": moment(transfer["created"]),
        "clearing": {"source": "standard"} if leg in ("debit", "pull") else {"destination": "next-day"},
    }
    optional = {"correlationId": transfer["correlation_id"], "metadata": transfer["metadata"]}
    return document | {name: value for name, value in optional.items() if value}
