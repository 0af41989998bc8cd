"""Funding sources: bank accounts by routing and account number, and their micro-deposits."""

import hashlib
import re
import uuid
from decimal import Decimal, InvalidOperation
from http import HTTPStatus
from typing import Any

import httpx
from starlette.responses import Response

from paya_app.local.vendors.dwolla import customers
from paya_app.local.vendors.dwolla.call import Call
from paya_app.local.vendors.dwolla.events import record
from paya_app.local.vendors.dwolla.hal import Refused, created, fault, hal, invalid, link, moment, money, not_found
from paya_app.local.vendors.dwolla.state import ACCOUNT_ID

ATTEMPTS_MAX = 3
NAME_CHARACTERS_MAX = 50
KINDS = ("checking", "savings", "general-ledger", "loan")
FAILURES = ("R01", "R03", "R01-late", "R03-late")

# The Federal Reserve's districts (and thrifts' 21-32), then the checksum over 3, 7, 1.
_ROUTING = re.compile(r"(0[1-9]|1[0-2]|2[1-9]|3[0-2])[0-9]{7}")
_NUMBER = re.compile(r"[0-9]{4,17}")


def routing_is_valid(text: object) -> bool:
    """Whether this is a US routing number: nine digits, a known district, the checksum right."""
    if not isinstance(text, str) or not _ROUTING.fullmatch(text):
        return False
    return sum(int(digit) * weight for digit, weight in zip(text, (3, 7, 1) * 3, strict=True)) % 10 == 0


async def create(call: Call) -> Response:
    """`POST /customers/{id}/funding-sources`: an unverified bank by its numbers, a verified one by Plaid's token."""
    customer = await customers.find(call, call.id)
    is_verified = "plaidToken" in call.body
    book = await _from_plaid(call) if is_verified else _typed(call)
    known = await call.row(
        "select id from vendor_dwolla.funding_source"
        " where customer_id = %s and routing = %s and number = %s and not removed",
        customer["id"],
        *book,
    )
    if known:
        about = link(call.dwolla.href(f"/funding-sources/{known['id']}"), "funding-source")
        message = f"Bank already exists: id={known['id']}"
        raise Refused(400, "DuplicateResource", message, _links={"about": about})
    await call.run(
        "insert into vendor_dwolla.bank_account (routing, number, balance_cents) values (%s, %s, %s)"
        " on conflict do nothing",
        *book,
        call.dwolla.opening_cents,
    )
    source_id = uuid.uuid4()
    await call.run(
        "insert into vendor_dwolla.funding_source"
        " (id, customer_id, name, bank_account_type, type, status, routing, number, bank_name)"
        " values (%s, %s, %s, %s, 'bank', %s, %s, %s, 'SANDBOX TEST BANK')",
        source_id,
        customer["id"],
        call.body["name"],
        call.body["bankAccountType"],
        "verified" if is_verified else "unverified",
        *book,
    )
    for topic in ("added", "verified" if is_verified else "unverified"):
        await record(
            call, f"customer_funding_source_{topic}", f"/funding-sources/{source_id}", customer_id=customer["id"]
        )
    return created(call.dwolla.href(f"/funding-sources/{source_id}"))


def _typed(call: Call) -> tuple[str, str]:
    faults = _faults(call.body)
    if faults:
        raise invalid(*faults)
    return call.body["routingNumber"], call.body["accountNumber"]


async def _from_plaid(call: Call) -> tuple[str, str]:
    """The numbers that a processor token stands for: Plaid is asked, as Dwolla does."""
    faults = [
        fault("Required", f"{name[0].upper()}{name[1:]} required.", f"/{name}")
        for name in ("plaidToken", "bankAccountType", "name")
        if call.body.get(name) in (None, "")
    ]
    if faults:
        raise invalid(*faults)
    faults = _name_faults(call.body["name"])
    if call.body["bankAccountType"] not in KINDS[:2]:
        faults.append(fault("Invalid", "Invalid bank account type.", "/bankAccountType"))
    if faults:
        raise invalid(*faults)
    wrong = invalid(fault("Invalid", "Invalid plaid token.", "/plaidToken"))
    if call.dwolla.plaid is None:
        raise wrong
    base_url, client_id, secret = call.dwolla.plaid
    asked = {"client_id": client_id, "secret": secret, "processor_token": call.body["plaidToken"]}
    async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
        answer = await client.post(f"{base_url}/processor/auth/get", json=asked)
    if answer.status_code != HTTPStatus.OK:
        raise wrong
    numbers = answer.json()["numbers"]["ach"]
    return numbers["routing"], numbers["account"]


def _faults(body: dict[str, Any]) -> list[dict[str, Any]]:
    faults = [
        fault("Required", f"{name[0].upper()}{name[1:]} required.", f"/{name}")
        for name in ("routingNumber", "accountNumber", "bankAccountType", "name")
        if body.get(name) in (None, "")
    ]
    if faults:
        return faults
    if not routing_is_valid(body["routingNumber"]):
        faults.append(fault("Invalid", "Invalid routing number.", "/routingNumber"))
    if not isinstance(body["accountNumber"], str) or not _NUMBER.fullmatch(body["accountNumber"]):
        faults.append(fault("Invalid", "Invalid parameter. AccountNumber must be 4 to 17 digits.", "/accountNumber"))
    if body["bankAccountType"] not in KINDS:
        faults.append(fault("Invalid", "Invalid bank account type.", "/bankAccountType"))
    return faults + _name_faults(body["name"])


def _name_faults(name: object) -> list[dict[str, Any]]:
    if not isinstance(name, str) or not name.strip() or len(name) > NAME_CHARACTERS_MAX:
        return [fault("InvalidFormat", f"Name must be {NAME_CHARACTERS_MAX} or fewer characters.", "/name")]
    return []


async def find(call: Call, source_id: uuid.UUID | None) -> dict[str, Any] | None:
    """The funding source's row, locked against concurrent change, or None."""
    return await call.row("select * from vendor_dwolla.funding_source where id = %s for update", source_id)


async def _source(call: Call) -> dict[str, Any]:
    source = await find(call, call.id)
    if source is None:
        raise not_found("Funding source not found.")
    return source


async def retrieve(call: Call) -> Response:
    """`GET /funding-sources/{id}`."""
    source = await _source(call)
    deposits = await call.row("select * from vendor_dwolla.micro_deposits where source_id = %s", source["id"])
    return hal(_document(call, source, deposits))


async def search(call: Call) -> Response:
    """`GET /customers/{id}/funding-sources` (`removed=false` leaves removed ones out)."""
    customer = await customers.find(call, call.id)
    return await _list(call, f"/customers/{customer['id']}/funding-sources", customer["id"])


async def account_sources(call: Call) -> Response:
    """`GET /accounts/{id}/funding-sources`: our own balance and bank."""
    if str(call.id) != ACCOUNT_ID:
        raise not_found("Account not found.")
    return await _list(call, f"/accounts/{ACCOUNT_ID}/funding-sources", None)


async def _list(call: Call, path: str, customer_id: uuid.UUID | None) -> Response:
    keep_removed = call.request.query_params.get("removed", "true") != "false"
    found = await call.rows(
        "select s.*, d.status as deposits, d.failed_attempts from vendor_dwolla.funding_source s"
        " left join vendor_dwolla.micro_deposits d on d.source_id = s.id"
        " where s.customer_id is not distinct from %s and (%s or not s.removed) order by s.created, s.id",
        customer_id,
        keep_removed,
    )
    documents = [_document(call, row, row if row["deposits"] else None) for row in found]
    return hal(
        {
            "_links": {"self": link(call.dwolla.href(path), "funding-source")},
            "_embedded": {"funding-sources": documents},
            "total": len(documents),
        }
    )


async def change(call: Call) -> Response:
    """`POST /funding-sources/{id}`: remove it, or rename it."""
    source = await _source(call)
    if source["removed"]:
        raise Refused(403, "InvalidResourceState", "A removed bank cannot be updated.")
    if source["type"] != "bank" or source["customer_id"] is None:
        raise invalid(fault("Invalid", "Only funding sources of type='bank' can be updated.", "/type"))
    if "removed" in call.body:
        if call.body["removed"] is not True:
            raise invalid(fault("Invalid", "Removed must be true.", "/removed"))
        source["removed"] = True
        topic = "customer_funding_source_removed"
    else:
        faults = _name_faults(call.body.get("name"))
        if faults:
            raise invalid(*faults)
        source["name"] = call.body["name"]
        topic = "customer_funding_source_updated"
    await call.run(
        "update vendor_dwolla.funding_source set removed = %s, name = %s where id = %s",
        source["removed"],
        source["name"],
        source["id"],
    )
    await record(call, topic, f"/funding-sources/{source['id']}", customer_id=source["customer_id"])
    return hal(_document(call, source, None))


async def micro_deposits(call: Call) -> Response:
    """`POST /funding-sources/{id}/micro-deposits`: without amounts start them, with amounts verify the bank."""
    source = await _source(call)
    if source["removed"] or source["customer_id"] is None:
        raise not_found("Funding source not found.")
    if source["status"] == "verified":
        raise Refused(403, "InvalidResourceState", "Bank already verified.")
    deposits = await call.row(
        "select * from vendor_dwolla.micro_deposits where source_id = %s for update", source["id"]
    )
    if call.body:
        return await _verify(call, source, deposits)
    if deposits:
        message = "Micro-deposits already initiated for this funding source."
        raise Refused(400, "MaxNumberOfResources", message)
    await call.run(
        "insert into vendor_dwolla.micro_deposits (source_id, status, process_at)"
        " values (%s, 'pending', case when %s > 0 then clock_timestamp() + %s * interval '1 s' end)",
        source["id"],
        call.dwolla.leg_s,
        call.dwolla.leg_s,
    )
    await record(
        call, "customer_microdeposits_added", f"/funding-sources/{source['id']}", customer_id=source["customer_id"]
    )
    return created(call.dwolla.href(f"/funding-sources/{source['id']}/micro-deposits"))


async def _verify(call: Call, source: dict[str, Any], deposits: dict[str, Any] | None) -> Response:
    """As in Dwolla's sandbox: any two amounts below $0.10 verify at once; the third failure closes the door."""
    if deposits is None:
        raise not_found()
    if deposits["failed_attempts"] >= ATTEMPTS_MAX:
        raise Refused(403, "InvalidResourceState", "Too many attempts.")
    faults = [f for name in ("amount1", "amount2") if (f := _deposit_fault(call.body.get(name), name))]
    where = f"/funding-sources/{source['id']}"
    if faults:
        if all(f["code"] == "Invalid" for f in faults):
            await call.run(
                "update vendor_dwolla.micro_deposits set failed_attempts = failed_attempts + 1 where source_id = %s",
                source["id"],
            )
            if deposits["failed_attempts"] + 1 == ATTEMPTS_MAX:
                await record(call, "customer_microdeposits_maxattempts", where, customer_id=source["customer_id"])
        # answered, not raised: the attempt counts
        return hal(invalid(*faults).body, 400)
    await call.run("update vendor_dwolla.funding_source set status = 'verified' where id = %s", source["id"])
    await record(call, "customer_funding_source_verified", where, customer_id=source["customer_id"])
    href = call.dwolla.href(f"{where}/micro-deposits")
    return hal({"_links": {"self": link(href, "micro-deposits")}})


def _deposit_fault(amount: object, name: str) -> dict[str, Any] | None:
    value = amount.get("value") if isinstance(amount, dict) else None
    if not isinstance(value, str) or not isinstance(amount, dict) or amount.get("currency") != "USD":
        return fault("Required", f"{name.capitalize()} required.", f"/{name}/value")
    try:
        dollars = Decimal(value)
    except InvalidOperation:
        return fault("InvalidFormat", "Invalid amount.", f"/{name}/value")
    below = dollars.is_finite() and Decimal("0.01") <= dollars < Decimal("0.10")
    return None if below else fault("Invalid", "Wrong amount(s).", f"/{name}/value")


async def micro_deposits_status(call: Call) -> Response:
    """`GET /funding-sources/{id}/micro-deposits`."""
    source = await _source(call)
    deposits = await call.row("select * from vendor_dwolla.micro_deposits where source_id = %s", source["id"])
    if deposits is None:
        raise not_found()
    here = call.dwolla.href(f"/funding-sources/{source['id']}/micro-deposits")
    return hal(
        {
            "_links": {"self": link(here, "micro-deposits")},
            "created": moment(deposits["created"]),
            "status": deposits["status"],
        }
    )


async def balance(call: Call) -> Response:
    """`GET /funding-sources/{id}/balance`: of our Dwolla balance, or of a bank by its own books."""
    source = await _source(call)
    book = await call.row(
        "select balance_cents from vendor_dwolla.bank_account where routing = %s and number = %s",
        source["routing"],
        source["number"],
    )
    cents = book["balance_cents"] if book else 0
    here = call.dwolla.href(f"/funding-sources/{source['id']}")
    now = await call.row("select clock_timestamp() as at")
    document: dict[str, Any] = {
        "_links": {"self": link(f"{here}/balance", "balance"), "funding-source": link(here, "funding-source")},
        "lastUpdated": moment(now["at"]) if now else "",
    }
    names = ("balance", "total") if source["type"] == "balance" else ("available", "closing")
    return hal(document | {name: money(cents) for name in names})


def _document(call: Call, source: dict[str, Any], deposits: dict[str, Any] | None) -> dict[str, Any]:
    here = call.dwolla.href(f"/funding-sources/{source['id']}")
    links = {"self": link(here, "funding-source")}
    if source["customer_id"]:
        links["customer"] = link(call.dwolla.href(f"/customers/{source['customer_id']}"), "customer")
    else:
        links["account"] = link(call.dwolla.href(f"/accounts/{ACCOUNT_ID}"), "account")
    if not source["removed"] and source["type"] == "bank":
        links |= _next_steps(here, source, deposits)
    fingerprint = hashlib.sha256(f"{source['routing']}:{source['number']}".encode()).hexdigest()
    document = {
        "_links": links,
        "id": str(source["id"]),
        "status": source["status"],
        "type": source["type"],
        "name": source["name"],
        "created": moment(source["created"]),
        "removed": source["removed"],
        "channels": ["ach"] if source["type"] == "bank" else [],
    }
    if source["type"] == "bank":
        document |= {
            "bankAccountType": source["bank_account_type"],
            "bankName": source["bank_name"],
            "fingerprint": fingerprint,
        }
    return document


def _next_steps(here: str, source: dict[str, Any], deposits: dict[str, Any] | None) -> dict[str, Any]:
    links = {"remove": link(here, "funding-source")}
    if source["status"] == "verified":
        return links | {"transfer-from-balance": link(here, "transfer"), "balance": link(f"{here}/balance", "balance")}
    step = f"{here}/micro-deposits"
    if deposits is None:
        return links | {"initiate-micro-deposits": link(step, "micro-deposits")}
    if deposits["failed_attempts"] >= ATTEMPTS_MAX:
        return links | {"failed-verification-micro-deposits": link(step, "micro-deposits")}
    return links | {"verify-micro-deposits": link(step, "micro-deposits")}
