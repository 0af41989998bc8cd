"""Linking a bank account, and proving that one sees into it.

Account and routing numbers pass through to the vendor and are never stored, logged or queued here: the call
is made while the person waits, between two transactions.
"""

import re
from uuid import UUID

import structlog

from paya_app.banking.errors import BankDetailsInvalid, BankUnreachable, DepositsClosed, DepositsWrong
from paya_app.banking.models import Kind, Source
from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.as_service import as_service
from paya_app.core.config import settings
from paya_app.core.errors import NameInvalid, NotFound, SignedOut
from paya_app.core.text import clean_name
from paya_app.providers import dwolla
from paya_app.providers.outcome import Rejected, Retryable, Unknown

DEPOSIT_CENTS_MAX = 99
WRONG, CLOSED = "Invalid", "InvalidResourceState"  # the vendor's words for deposits that it refuses
MAIL_DOMAIN_LOCAL = "people.paya.example"

_ROUTING = re.compile(r"(0[1-9]|1[0-2]|2[1-9]|3[0-2])[0-9]{7}", re.ASCII)
_ACCOUNT = re.compile(r"[0-9]{4,17}", re.ASCII)

log = structlog.get_logger()


async def sources(actor: Actor) -> list[Source]:
    """The actor's banks, confirmed or waiting for it: the one that they made the default, then as they were linked."""
    if actor.role != "authenticated":
        return []
    rows = await db.query(actor, "select banking.my_sources()")
    return [Source.from_json(row[0]) for row in rows]


async def source(actor: Actor, source_id: UUID) -> Source | None:
    """One of the actor's banks, or None."""
    return next((each for each in await sources(actor) if each.id == source_id), None)


async def add_source(
    actor: Actor, *, source_id: UUID, holder_name: str, routing: str, account: str, kind: Kind
) -> Source:
    """Link a bank account and have two small deposits sent to it.

    Linking again with the same `source_id` goes on where it stopped; so does an account whose linking was never
    answered, under the id that it had. An account linked before is that bank.

    Raises:
        BankDetailsInvalid: names the field.
        BankLimit: five banks are linked, or ten were tried today.
        BankKeyReused: `source_id` was used for another account.
        BankUnreachable: the vendor does not answer; trying again is safe, and under another id too.
        AccountUnavailable: the actor has no wallet yet.
        SignedOut: nobody is signed in.
    """
    if actor.role != "authenticated":
        raise SignedOut
    first_name, last_name = _names(holder_name)
    routing, account = _digits(routing), _digits(account)
    if not routing_is_valid(routing):
        raise BankDetailsInvalid(field="routing")
    if not _ACCOUNT.fullmatch(account):
        raise BankDetailsInvalid(field="account")
    if kind not in ("checking", "savings"):
        raise BankDetailsInvalid(field="kind")
    rows = await db.query(
        actor,
        "select banking.begin_source(:id, :kind, :last4)",
        {"id": source_id, "kind": kind, "last4": account[-4:]},
    )
    begun = rows[0][0]
    source_id = UUID(begun["id"])
    if begun["state"] in ("unverified", "verified"):
        return Source.from_json(begun)
    try:
        customer_id = begun["customer_vendor_id"]
        if customer_id is None:
            customer_id = await dwolla.create_customer(
                first_name=first_name,
                last_name=last_name,
                email=f"{actor.user_id}@{mail_domain()}",
                correlation_id=str(actor.user_id),
                key=f"customer-{actor.user_id}",
            )
            await as_service("select banking.book_customer(:id, :vendor)", id=source_id, vendor=customer_id)
        vendor_id = await dwolla.add_bank(
            customer_id,
            routing=routing,
            account=account,
            kind=kind,
            name=f"{first_name} {last_name}",
            key=f"source-{source_id}",
        )
        known = await dwolla.funding_source(vendor_id)
        if known.status != "verified":
            await dwolla.start_micro_deposits(vendor_id)
    except Rejected as refusal:
        await as_service("select banking.fail_source(:id)", id=source_id)
        log.info("a bank was refused", code=refusal.code, path=refusal.path)
        raise BankDetailsInvalid(field=_field(refusal.path)) from refusal
    except Retryable as failure:
        # Nothing is under way, so it counts as no bank. What an earlier call made, another try finds: the vendor
        # has one account of a customer once, whatever the key.
        await as_service("select banking.fail_source(:id)", id=source_id)
        log.warning("a bank could not be linked", reason=failure.reason)
        raise BankUnreachable(is_unsent=True) from failure
    except Unknown as failure:
        log.warning("nobody knows whether a bank was linked", reason=failure.reason)
        raise BankUnreachable(is_unsent=False) from failure
    booked = await as_service(
        "select banking.book_source(:id, :vendor, :name, :verified)",
        id=source_id,
        vendor=vendor_id,
        name=known.bank_name,
        verified=known.status == "verified",
    )
    return Source.from_json(booked)


async def confirm_source(actor: Actor, source_id: UUID, amounts: tuple[int, int]) -> Source:
    """Prove that the actor sees into the bank, by the two deposits' `amounts` in cents, in any order.

    Raises:
        NotFound: no such bank, or somebody else's.
        DepositsWrong: not those amounts; says how many tries are left.
        DepositsClosed: no tries left.
        BankUnreachable: the vendor does not answer; trying again is safe.
    """
    if actor.role != "authenticated":
        raise SignedOut
    rows = await db.query(actor, "select banking.my_source(:id)", {"id": source_id})
    found = rows[0][0]
    if found is None:
        raise NotFound(what="bank")
    known = Source.from_json(found)
    if known.state == "verified":
        return known
    if known.is_closed:
        raise DepositsClosed
    if len(amounts) != 2 or not all(isinstance(cents, int) and 0 < cents <= DEPOSIT_CENTS_MAX for cents in amounts):  # noqa: PLR2004 - there are two
        raise DepositsWrong(malformed=True)
    try:
        await dwolla.verify_micro_deposits(found["vendor_id"], *amounts)
    except Rejected as refusal:
        log.info("deposits were refused", code=refusal.code)
        if refusal.code not in (WRONG, CLOSED):
            raise BankUnreachable(is_confirming=True, is_unsent=False) from refusal
        left = await as_service(
            "select banking.book_wrong_deposits(:id, :is_closed)", id=source_id, is_closed=refusal.code == CLOSED
        )
        raise (DepositsWrong(tries_left=left) if left else DepositsClosed()) from refusal
    except (Retryable, Unknown) as failure:
        raise BankUnreachable(is_confirming=True, is_unsent=isinstance(failure, Retryable)) from failure
    await as_service("select banking.book_source_state(:vendor, 'verified')", vendor=found["vendor_id"])
    return Source.from_json(found | {"state": "verified"})


def routing_is_valid(routing: str) -> bool:
    """Whether this is a US routing number: nine digits, a known district, the checksum over 3, 7, 1 right."""
    if not _ROUTING.fullmatch(routing):
        return False
    return sum(int(digit) * weight for digit, weight in zip(routing, (3, 7, 1) * 3, strict=True)) % 10 == 0


def _names(holder_name: object) -> tuple[str, str]:
    try:
        first, _, last = clean_name(holder_name, is_shown=False).partition(" ")
    except NameInvalid:
        first = last = ""
    if not first or not last:
        raise BankDetailsInvalid(field="holder_name")
    return first, last


def _digits(text: object) -> str:
    """What a person typed, without the spaces and dashes that people put between digits."""
    return re.sub(r"[ -]", "", text) if isinstance(text, str) and len(text) <= 40 else ""  # noqa: PLR2004 - far above any number


def _field(path: str) -> str:
    return {"/routingNumber": "routing", "/accountNumber": "account", "/bankAccountType": "kind"}.get(path, "")


def mail_domain() -> str:
    """People give no e-mail address and the vendor wants one: theirs is an alias at our domain, read by us."""
    host = settings().public_url.partition("://")[2].partition("/")[0].partition(":")[0]
    return f"people.{host}" if "." in host and not host.replace(".", "").isdigit() else MAIL_DOMAIN_LOCAL
