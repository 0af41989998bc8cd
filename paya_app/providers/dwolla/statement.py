"""Dwolla's own books: what it holds for us, and every transfer it made, to compare ours with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any, Literal

from paya_app.providers.dwolla.connection import connection
from paya_app.providers.dwolla.verbs import Transfer, read_transfer
from paya_app.providers.outcome import Retryable

PAGE = 200  # the most that Dwolla lists at once
PAGES_MAX = 5000

Direction = Literal["in", "out", "within"]


@dataclass(frozen=True, slots=True)
class Balance:
    """What one of our accounts holds: `type` is `bank` or `balance` (at Dwolla itself); `as_of` is the bank's time."""

    source_id: str
    type: str
    cents: int
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Listed:
    """A transfer as it is listed: `in` from a customer, `out` to one, or `within` our own accounts."""

    transfer: Transfer
    direction: Direction


async def our_balances(reserve_source: str) -> list[Balance]:
    """What our bank account (`reserve_source`) holds, and what is at Dwolla itself.

    Raises:
        Rejected: Dwolla does not tell the balance of this bank.
        Retryable: it does not answer.
    """
    account = await _account()
    held = await connection().get(f"accounts/{account}/funding-sources", {"removed": "false"}, read_as=_sources)
    wanted = {reserve_source: held.get(reserve_source, "bank")} | {i: t for i, t in held.items() if t == "balance"}
    return [
        await connection().get(f"funding-sources/{each}/balance", read_as=partial(_balance, each, kind))
        for each, kind in wanted.items()
    ]


async def list_transfers(since: date | None = None, *, status: str = "") -> list[Listed]:
    """All transfers of our account made on or after a day (UTC), or those of one status; each once.

    Dwolla lists the newest first. One that is made while pages are read shifts the others to later pages, so that
    some are seen twice and none is missed.
    """
    params = {"startDate": since.isoformat()} if since else {}
    params |= {"status": status} if status else {}
    account = await _account()
    found: dict[str, Listed] = {}
    for page in range(PAGES_MAX):
        listed = await connection().get(
            f"accounts/{account}/transfers", params | {"limit": PAGE, "offset": page * PAGE}, read_as=_listed
        )
        found |= {each.transfer.id: each for each in listed}
        if len(listed) < PAGE:
            return list(found.values())
    raise Retryable("too_many_pages", is_outage=False)


async def _account() -> str:
    return await connection().get("/", read_as=lambda body: _last(body["_links"]["account"]["href"]))


def _sources(body: Mapping[str, Any]) -> dict[str, str]:
    return {str(each["id"]): str(each["type"]) for each in body["_embedded"]["funding-sources"]}


def _balance(source_id: str, kind: str, body: Mapping[str, Any]) -> Balance:
    # a bank's is what is booked there; what is available there may lag or include a credit line
    told = body["balance"] if "balance" in body else body["closing"]
    if told["currency"] != "USD":
        raise Retryable("malformed_answer:currency")
    return Balance(source_id, kind, _cents(told["value"]), datetime.fromisoformat(body["lastUpdated"]))


def _listed(body: Mapping[str, Any]) -> list[Listed]:
    return [Listed(read_transfer(each), _direction(each["_links"])) for each in body["_embedded"]["transfers"]]


def _direction(links: Mapping[str, Any]) -> Direction:
    if "/customers/" in links["source"]["href"]:
        return "in"
    return "out" if "/customers/" in links["destination"]["href"] else "within"


def _cents(text: str) -> int:
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    whole, _, cents = digits.partition(".")
    return sign * (int(whole or 0) * 100 + int((cents + "00")[:2]))


def _last(href: str) -> str:
    return href.rsplit("/", 1)[-1]
