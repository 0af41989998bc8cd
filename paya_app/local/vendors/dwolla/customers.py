"""Customers: unverified and receive-only ones, as far as loading needs them."""

import re
import uuid
from typing import Any

from starlette.responses import Response

from paya_app.local.vendors.dwolla.call import Call
from paya_app.local.vendors.dwolla.events import record
from paya_app.local.vendors.dwolla.hal import Refused, created, fault, hal, invalid, link, moment, not_found

NAME_CHARACTERS_MAX = 50
TYPES = ("unverified", "receive-only")

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s]{2,}")


async def create(call: Call) -> Response:
    """`POST /customers`."""
    type_ = call.body.get("type", "unverified")
    if type_ in ("personal", "business"):
        raise Refused(403, "Forbidden", "Not authorized to create customers.")
    faults = [*_names(call.body), *_email(call.body)]
    if type_ not in TYPES:
        faults.append(fault("Invalid", "Invalid customer type.", "/type"))
    if faults:
        raise invalid(*faults)
    email = call.body["email"]
    known = await call.row("select id from vendor_dwolla.customer where lower(email) = lower(%s)", email)
    if known:
        about = call.dwolla.href(f"/customers/{known['id']}")
        raise invalid(fault("Duplicate", "A customer with the specified email already exists.", "/email", about))
    customer_id = uuid.uuid4()
    await call.run(
        "insert into vendor_dwolla.customer"
        " (id, first_name, last_name, email, type, status, business_name, correlation_id)"
        " values (%s, %s, %s, %s, %s, 'unverified', %s, %s)",
        customer_id,
        call.body["firstName"],
        call.body["lastName"],
        email,
        type_,
        _text(call.body.get("businessName")),
        _text(call.body.get("correlationId")),
    )
    await record(call, "customer_created", f"/customers/{customer_id}", customer_id=customer_id)
    return created(call.dwolla.href(f"/customers/{customer_id}"))


def _names(body: dict[str, Any]) -> list[dict[str, Any]]:
    faults = []
    for name, label in (("firstName", "FirstName"), ("lastName", "LastName")):
        value = body.get(name)
        if value is None or value == "":
            faults.append(fault("Required", f"{label} required.", f"/{name}"))
        elif not isinstance(value, str) or not value.strip() or len(value) > NAME_CHARACTERS_MAX:
            faults.append(
                fault("InvalidFormat", f"{label} must be {NAME_CHARACTERS_MAX} or fewer characters.", f"/{name}")
            )
    return faults


def _email(body: dict[str, Any]) -> list[dict[str, Any]]:
    value = body.get("email")
    if value is None or value == "":
        return [fault("Required", "Email required.", "/email")]
    if not isinstance(value, str) or not _EMAIL.fullmatch(value):
        return [fault("InvalidFormat", "Email is invalid.", "/email")]
    return []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


async def retrieve(call: Call) -> Response:
    """`GET /customers/{id}`."""
    return hal(_document(call, await find(call, call.id)))


async def find(call: Call, customer_id: uuid.UUID) -> dict[str, Any]:
    """The customer's row.

    Raises:
        Refused: 404.
    """
    customer = await call.row("select * from vendor_dwolla.customer where id = %s", customer_id)
    if customer is None:
        raise not_found("Customer not found.")
    return customer


async def search(call: Call) -> Response:
    """`GET /customers`, newest first, with `search`, `email` and `status`."""
    limit, offset = call.page()
    query = call.request.query_params
    where = (
        "from vendor_dwolla.customer"
        " where (%(search)s = '' or concat_ws(' ', first_name, last_name, email) ilike %(like)s)"
        " and (%(email)s = '' or lower(email) = lower(%(email)s)) and (%(status)s = '' or status = %(status)s)"
    )
    wanted = {name: query.get(name, "") for name in ("search", "email", "status")}
    params = {**wanted, "like": f"%{wanted['search']}%", "limit": limit, "offset": offset}
    total = await (await call.connection.execute(f"select count(*) as n {where}", params)).fetchone()
    found = await call.connection.execute(
        f"select * {where} order by created desc, id limit %(limit)s offset %(offset)s",
        params,
    )
    here = call.dwolla.href("/customers")
    return hal(
        {
            "_links": {"self": link(here, "customer"), "first": link(here, "customer"), "last": link(here, "customer")},
            "_embedded": {"customers": [_document(call, row) for row in await found.fetchall()]},
            "total": total["n"] if total else 0,
        }
    )


def _document(call: Call, customer: dict[str, Any]) -> dict[str, Any]:
    here = call.dwolla.href(f"/customers/{customer['id']}")
    document = {
        "_links": {
            "self": link(here, "customer"),
            "edit": link(here, "customer"),
            "funding-sources": link(f"{here}/funding-sources", "funding-source"),
            "transfers": link(f"{here}/transfers", "transfer"),
            "send": link(call.dwolla.href("/transfers"), "transfer"),
        },
        "id": str(customer["id"]),
        "firstName": customer["first_name"],
        "lastName": customer["last_name"],
        "email": customer["email"],
        "type": customer["type"],
        "status": customer["status"],
        "created": moment(customer["created"]),
    }
    optional = {"businessName": customer["business_name"], "correlationId": customer["correlation_id"]}
    return document | {name: value for name, value in optional.items() if value}
