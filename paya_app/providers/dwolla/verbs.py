"""What PaYa asks of Dwolla, in PaYa's words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from paya_app.core.ids import parse_id
from paya_app.providers.dwolla.connection import connection
from paya_app.providers.outcome import Rejected, Retryable, Unknown


@dataclass(frozen=True, slots=True)
class FundingSource:
    """An account at Dwolla: `type` is `bank` or `balance`, `status` (un)verified, `kind` as in `add_bank`."""

    id: str
    type: str
    status: str
    bank_name: str
    removed: bool
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Transfer:
    """One ACH movement.

    Attributes:
        status: `pending`, `processed`, `failed` or `cancelled`.
        amount_cents: US cents.
        correlation_id: what we called it when we made it, or "".
        funded_id: the second leg that this one pays for (from Dwolla to the bank that gets it), or "".
        funding_id: the first leg that pays for this one (out of the bank that gives it), or "".
    """

    id: str
    status: str
    amount_cents: int
    correlation_id: str
    funded_id: str
    funding_id: str


async def create_customer(*, first_name: str, last_name: str, email: str, correlation_id: str, key: str) -> str:
    """The id of the unverified customer with this e-mail address, made when there is none."""
    body = {
        "firstName": first_name,
        "lastName": last_name,
        "email": email,
        "type": "unverified",
        "correlationId": correlation_id,
    }
    try:
        return _made(await connection().post("customers", body, key=key))
    except Rejected as refusal:
        if refusal.code == "Duplicate" and refusal.about:
            return _id(refusal.about)
        raise


async def add_bank(customer_id: str, *, routing: str, account: str, kind: str, name: str, key: str) -> str:
    """The id of this bank account as the customer's funding source, made when there is none."""
    body = {"routingNumber": routing, "accountNumber": account, "bankAccountType": kind, "name": name}
    try:
        return _made(await connection().post(f"customers/{customer_id}/funding-sources", body, key=key))
    except Rejected as refusal:
        if refusal.code == "DuplicateResource" and refusal.about:
            return _id(refusal.about)
        raise


async def add_bank_from_plaid(customer_id: str, *, token: str, kind: str, name: str, key: str) -> str:
    """The id of the account that a Plaid processor token stands for, verified; or, unchanged, the one there was."""
    body = {"plaidToken": token, "bankAccountType": kind, "name": name}
    try:
        return _made(await connection().post(f"customers/{customer_id}/funding-sources", body, key=key))
    except Rejected as refusal:
        if refusal.code == "DuplicateResource" and refusal.about:
            return _id(refusal.about)
        raise


async def remove_bank(source_id: str) -> None:
    """Have Dwolla forget a bank, for good. Doing it again is refused."""
    await connection().post(f"funding-sources/{source_id}", {"removed": True})


async def funding_source(source_id: str) -> FundingSource:
    """The bank account as Dwolla knows it."""
    return await connection().get(f"funding-sources/{source_id}", read_as=partial(_funding_source, source_id))


async def start_micro_deposits(source_id: str) -> None:
    """Have two small deposits sent to the account; done already is done."""
    try:
        await connection().post(f"funding-sources/{source_id}/micro-deposits", {}, key=f"micro-deposits-{source_id}")
    except Rejected as refusal:
        if refusal.code == "MaxNumberOfResources" or "already verified" in refusal.detail:
            return
        raise


async def verify_micro_deposits(source_id: str, first_cents: int, second_cents: int) -> None:
    """Tell the two amounts.

    Raises:
        Rejected: `Invalid` for wrong amounts (three tries in all), `InvalidResourceState` when there are no
            tries left, `NotFound` when the deposits were not sent.
    """
    body = {"amount1": _money(first_cents), "amount2": _money(second_cents)}
    try:
        await connection().post(f"funding-sources/{source_id}/micro-deposits", body)
    except Rejected as refusal:
        if "already verified" not in refusal.detail:
            raise


async def create_transfer(
    *, source_id: str, destination_id: str, amount_cents: int, correlation_id: str, key: str
) -> str:
    """Start an ACH transfer between two funding sources and return its id.

    The same `key` within 24 hours returns the first transfer's id.
    """
    the = connection()
    body = {
        "_links": {
            "source": {"href": f"{the.api_url}/funding-sources/{source_id}"},
            "destination": {"href": f"{the.api_url}/funding-sources/{destination_id}"},
        },
        "amount": _money(amount_cents),
        "correlationId": correlation_id,
    }
    return _made(await the.post("transfers", body, key=key))


async def transfer(transfer_id: str) -> Transfer:
    """The transfer as it stands."""
    return await connection().get(f"transfers/{transfer_id}", read_as=read_transfer)


async def find_transfer(customer_id: str, correlation_id: str, *, is_payout: bool = False) -> Transfer | None:
    """The customer's transfer that we called so, or None: the leg at their bank, out of it or (`is_payout`) into it."""
    matching = await connection().get(
        f"customers/{customer_id}/transfers", {"correlationId": correlation_id}, read_as=_transfers
    )
    found_legs = [each for each in matching if each.correlation_id == correlation_id]
    return next((each for each in found_legs if not (each.funded_id if is_payout else each.funding_id)), None)


async def cancel_transfer(transfer_id: str) -> bool:
    """Stop a transfer that the banks have not begun with; False when it is too late. Again: the same."""
    try:
        await connection().post(f"transfers/{transfer_id}", {"status": "cancelled"})
    except Rejected as refusal:
        if refusal.code == "NotAllowed":
            return False
        raise
    return True


async def return_code(transfer_id: str) -> str:
    """Why a transfer failed: the ACH return code, e.g. `R01`."""
    return await connection().get(f"transfers/{transfer_id}/failure", read_as=lambda body: _text(body, "code"))


async def ensure_subscription(url: str, secret: str) -> None:
    """Have webhooks sent to `url`, signed with `secret`; one that is paused is resumed."""
    for each in await connection().get("webhook-subscriptions", read_as=_listed("webhook-subscriptions")):
        if each.get("url") == url:
            if each.get("paused") is True:
                await connection().post(f"webhook-subscriptions/{each['id']}", {"paused": False})
            return
    await connection().post("webhook-subscriptions", {"url": url, "secret": secret})


async def ping() -> None:
    """Ask for the least there is, to see whether anybody answers."""
    await connection().get("/", read_as=lambda body: _text(body["_links"]["account"], "href"))


def _funding_source(source_id: str, body: Mapping[str, Any]) -> FundingSource:
    return FundingSource(
        id=source_id,
        type=_text(body, "type"),
        status=_text(body, "status"),
        bank_name=str(body.get("bankName") or ""),
        removed=body.get("removed") is True,
        kind=str(body.get("bankAccountType") or ""),
    )


def _listed(name: str) -> Callable[[Mapping[str, Any]], list[dict[str, Any]]]:
    """Reads a list, which is there even when it is empty: without it nobody knows what there is."""

    def read(body: Mapping[str, Any]) -> list[dict[str, Any]]:
        return list(body["_embedded"][name])

    return read


def _transfers(body: Mapping[str, Any]) -> list[Transfer]:
    return [read_transfer(each) for each in _listed("transfers")(body)]


def read_transfer(body: Mapping[str, Any]) -> Transfer:
    """A transfer from its document."""
    links = body.get("_links", {})
    if _text(body["amount"], "currency") != "USD":
        raise Retryable("malformed_answer:currency")
    whole, _, cents = _text(body["amount"], "value").partition(".")
    return Transfer(
        id=_text(body, "id"),
        status=_text(body, "status"),
        amount_cents=int(whole or 0) * 100 + int((cents + "00")[:2]),
        correlation_id=body.get("correlationId") or "",
        funded_id=_id(links.get("funded-transfer", {}).get("href", "")),
        funding_id=_id(links.get("funding-transfer", {}).get("href", "")),
    )


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise Retryable(f"malformed_answer:{name}")
    return value


def _made(new_id: str) -> str:
    if parse_id(new_id) is None:
        raise Unknown("malformed_answer:location")
    return new_id


def _id(href: str) -> str:
    return href.rsplit("/", 1)[-1]


def _money(cents: int) -> dict[str, str]:
    return {"value": f"{cents // 100}.{cents % 100:02d}", "currency": "USD"}
