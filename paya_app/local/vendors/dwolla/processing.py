"""What banks do meanwhile: debits, credits and returns, on the clock or when the simulation is asked for.

A transfer from a customer's bank to ours is two: the first takes the money out of their bank into our Dwolla
balance, the second, made when the first is processed, takes it from there into our bank.
"""

import uuid
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from paya_app.local.vendors.dwolla import payouts
from paya_app.local.vendors.dwolla.call import Call
from paya_app.local.vendors.dwolla.events import record, record_both
from paya_app.local.vendors.dwolla.hal import hal, link
from paya_app.local.vendors.dwolla.returns import CORRECTION, DEACTIVATES, REMOVES, early_code
from paya_app.local.vendors.dwolla.state import BALANCE_BOOK, BALANCE_SOURCE_ID, Connection, Dwolla

TRANSFERS_MAX = 500


@dataclass(frozen=True, slots=True)
class Pass:
    """One look at what is due."""

    dwolla: Dwolla
    connection: Connection


async def simulate(call: Call) -> Response:
    """`POST /sandbox-simulations`: process or fail what is pending now; twice for both sides of a transfer."""
    done = await process(Pass(call.dwolla, call.connection), only_due=False)
    here = call.dwolla.href("/sandbox-simulations")
    return hal({"_links": {"self": link(here, "sandbox-simulation")}, "total": done})


async def process(the: Pass, *, only_due: bool) -> int:
    """Process what is pending (`only_due`: whose time has come) and return how many things moved."""
    deposits = await the.connection.execute(
        "update vendor_dwolla.micro_deposits d set status = 'processed' from vendor_dwolla.funding_source s"
        " where s.id = d.source_id and d.status = 'pending' and (not %s or d.process_at <= clock_timestamp())"
        " returning d.source_id, s.customer_id",
        (only_due,),
    )
    done = 0
    for row in await deposits.fetchall():
        path = f"/funding-sources/{row['source_id']}"
        await record(the, "customer_microdeposits_completed", path, customer_id=row["customer_id"])
        done += 1
    found = await the.connection.execute(
        "select * from vendor_dwolla.transfer t"
        " where (status = 'pending' and (not %(due)s or process_at <= clock_timestamp())"
        # what is still to be funded waits for it
        "   and not exists (select from vendor_dwolla.transfer f"
        "     where f.id = t.funding_transfer and f.status = 'pending'))"
        " or (status = 'processed' and late_return_code is not null and failure_code is null"
        "   and (not %(due)s or return_at <= clock_timestamp()))"
        " order by created limit %(maximum)s for update skip locked",
        {"due": only_due, "maximum": TRANSFERS_MAX},
    )
    for transfer in await found.fetchall():
        is_back = transfer["status"] == "processed"
        match transfer["leg"]:
            case "payout":
                await (payouts.send_back if is_back else payouts.pay)(the, transfer)
            case "pull":
                await payouts.pull(the, transfer)
            case "credit":
                await _credit(the, transfer)
            case _:
                await (_return_late if is_back else _debit)(the, transfer)
        done += 1
    return done


async def due_in_s(connection: Connection) -> float | None:
    """Seconds until the clock has something to process, or None."""
    found = await connection.execute(
        "select extract(epoch from min(at) - clock_timestamp())::float8 as due from ("
        " select process_at as at from vendor_dwolla.transfer where status = 'pending'"
        " union all select return_at from vendor_dwolla.transfer"
        "   where status = 'processed' and late_return_code is not null and failure_code is null"
        " union all select process_at from vendor_dwolla.micro_deposits where status = 'pending') t"
    )
    row = await found.fetchone()
    return row["due"] if row else None


async def _debit(the: Pass, transfer: dict[str, Any]) -> None:
    """Take the money out of the customer's bank, or let that bank return the debit."""
    source = await _source(the, transfer["source_id"])
    held = await the.connection.execute(
        "select balance_cents from vendor_dwolla.bank_account where routing = %s and number = %s for update",
        (source["routing"], source["number"]),
    )
    book = await held.fetchone()
    code = early_code(source["name"])
    if code is None and (source["removed"] or book is None):
        code = "R03"
    if code is None and book is not None and book["balance_cents"] < transfer["amount_cents"]:
        code = "R01"
    if code is not None:
        await _fail(the, transfer, code)
        return
    await _move(the, (source["routing"], source["number"]), BALANCE_BOOK, transfer["amount_cents"])
    await the.connection.execute(
        "update vendor_dwolla.transfer set status = 'processed',"
        " return_at = case when %(leg)s > 0 then clock_timestamp() + 2 * %(leg)s * interval '1 s' end"
        " where id = %(id)s",
        {"leg": the.dwolla.leg_s, "id": transfer["id"]},
    )
    await record_both(the, "completed", transfer["id"], transfer["customer_id"], transfer["correlation_id"])
    if str(transfer["destination_id"]) != BALANCE_SOURCE_ID:
        await _fund_bank(the, transfer)
    if source["name"] == CORRECTION:
        await _correct(the, source)


async def _correct(the: Pass, source: dict[str, Any]) -> None:
    """The bank corrects what it was told: not a checking account but a savings account, or the other way round."""
    await the.connection.execute(
        "update vendor_dwolla.funding_source set bank_account_type ="
        " case bank_account_type when 'checking' then 'savings' else 'checking' end where id = %s",
        (source["id"],),
    )
    path = f"/funding-sources/{source['id']}"
    await record(the, "customer_funding_source_updated", path, customer_id=source["customer_id"])


async def _fund_bank(the: Pass, transfer: dict[str, Any]) -> None:
    """The second transfer, from our Dwolla balance to our bank."""
    funded_id = uuid.uuid4()
    await the.connection.execute(
        "insert into vendor_dwolla.transfer (id, leg, customer_id, source_id, destination_id, amount_cents, status,"
        " correlation_id, funding_transfer, process_at)"
        " values (%(id)s, 'credit', null, null, %(destination)s, %(amount)s, 'pending', %(correlation)s, %(funding)s,"
        " case when %(leg)s > 0 then clock_timestamp() + %(leg)s * interval '1 s' end)",
        {
            "id": funded_id,
            "destination": transfer["destination_id"],
            "amount": transfer["amount_cents"],
            "correlation": transfer["correlation_id"],
            "funding": transfer["id"],
            "leg": the.dwolla.leg_s,
        },
    )
    await record(the, "bank_transfer_created", f"/transfers/{funded_id}", correlation_id=transfer["correlation_id"])


async def _credit(the: Pass, transfer: dict[str, Any]) -> None:
    destination = await _source(the, transfer["destination_id"])
    await _move(the, BALANCE_BOOK, (destination["routing"], destination["number"]), transfer["amount_cents"])
    await the.connection.execute(
        "update vendor_dwolla.transfer set status = 'processed' where id = %s", (transfer["id"],)
    )
    path = f"/transfers/{transfer['id']}"
    await record(the, "bank_transfer_completed", path, correlation_id=transfer["correlation_id"])


async def _return_late(the: Pass, transfer: dict[str, Any]) -> None:
    """A return after settlement: the customer's bank takes the money back out of our Dwolla balance."""
    source = await _source(the, transfer["source_id"])
    await _move(the, BALANCE_BOOK, (source["routing"], source["number"]), transfer["amount_cents"])
    await _fail(the, transfer, transfer["late_return_code"])


async def _fail(the: Pass, transfer: dict[str, Any], code: str) -> None:
    await the.connection.execute(
        "update vendor_dwolla.transfer set status = 'failed', failure_code = %s where id = %s", (code, transfer["id"])
    )
    await record_both(the, "failed", transfer["id"], transfer["customer_id"], transfer["correlation_id"])
    customer_id = transfer["customer_id"]
    if code in REMOVES | DEACTIVATES:
        await the.connection.execute(
            "update vendor_dwolla.funding_source set removed = true where id = %s", (transfer["source_id"],)
        )
        path = f"/funding-sources/{transfer['source_id']}"
        await record(the, "customer_funding_source_removed", path, customer_id=customer_id)
    if code in DEACTIVATES:
        await the.connection.execute(
            "update vendor_dwolla.customer set status = 'deactivated' where id = %s", (customer_id,)
        )
        await record(the, "customer_deactivated", f"/customers/{customer_id}", customer_id=customer_id)


async def _source(the: Pass, source_id: uuid.UUID) -> dict[str, Any]:
    found = await the.connection.execute("select * from vendor_dwolla.funding_source where id = %s", (source_id,))
    row = await found.fetchone()
    if row is None:
        message = f"transfer from or to the unknown funding source {source_id}"
        raise LookupError(message)
    return row


async def _move(the: Pass, giver: tuple[str, str], taker: tuple[str, str], amount_cents: int) -> None:
    for book, change in sorted(((giver, -amount_cents), (taker, amount_cents))):
        await the.connection.execute(
            "update vendor_dwolla.bank_account set balance_cents = balance_cents + %s"
            " where routing = %s and number = %s",
            (change, *book),
        )
