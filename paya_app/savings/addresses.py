"""The addresses that somebody may send their bitcoin to: adding one, which then waits, and removing it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.errors import NoteInvalid, SignedOut
from paya_app.core.text import clean_note
from paya_app.providers.bitcoin_address import mistake_in
from paya_app.savings.withdrawal_errors import AddressInvalid, AddressLabelInvalid

LABEL_CHARACTERS_MAX = 40
_URI = "bitcoin:"


@dataclass(frozen=True, slots=True)
class Address:
    """An address of somebody's own; `usable_at`: from when on bitcoin can be sent there."""

    id: UUID
    label: str
    address: str
    created_at: datetime
    usable_at: datetime
    is_usable: bool

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Address":
        """From the database's `address_json`."""
        return cls(
            id=UUID(value["id"]),
            label=value["label"],
            address=value["address"],
            created_at=datetime.fromisoformat(value["created_at"]),
            usable_at=datetime.fromisoformat(value["usable_at"]),
            is_usable=value["is_usable"],
        )


async def add_address(actor: Actor, *, address_id: UUID, label: str, address: str) -> Address:
    """Add an address of the actor's; its owner is told by every way there is. Again with the same id changes nothing.

    Raises:
        AddressInvalid: no address of bitcoin's main network, and what it is instead.
        AddressLabelInvalid: empty, too long, or with what nobody sees.
        AddressKnown: it was added before.
        AddressesLimit: there are too many.
        TooManyTries: too many were added in a day, removed ones too.
        AddressKeyReused: `address_id` was used for another one.
        SignedOut: nobody is signed in.
    """
    _require_signed_in(actor)
    rows = await db.query(
        actor,
        "select savings.add_address(:id, :label, :address)",
        {"id": address_id, "label": _label(label), "address": checked_address(address)},
    )
    return Address.from_json(rows[0][0])


async def remove_address(actor: Actor, address_id: UUID) -> None:
    """Remove an address of the actor's: nothing that was not sent there yet will be. Again changes nothing.

    Raises:
        NotFound: no such address, or somebody else's.
        SignedOut: nobody is signed in.
    """
    _require_signed_in(actor)
    await db.query(actor, "select savings.remove_address(:id)", {"id": address_id})


async def addresses(actor: Actor) -> list[Address]:
    """The actor's addresses, the oldest first. Raises `SignedOut`."""
    _require_signed_in(actor)
    return [Address.from_json(row[0]) for row in await db.query(actor, "select a from savings.my_addresses() a")]


def checked_address(text: str) -> str:
    """The address in `text` as it is kept: without spaces around it, the `bitcoin:` of a link and what follows there.

    Raises:
        AddressInvalid: what it is instead.
    """
    written = text.strip()
    if written.lower().startswith(_URI):
        written = written[len(_URI) :].partition("?")[0]
    if written.upper().startswith("BC1") and written == written.upper():
        written = written.lower()  # as codes of dots carry it; it is the same address
    mistake = mistake_in(written)
    if mistake:
        raise AddressInvalid(mistake=mistake)
    return written


def in_fours(address: str) -> str:
    """`bc1q ar0s rrr7 …`: as people compare it."""
    return " ".join(address[at : at + 4] for at in range(0, len(address), 4))


def _label(text: str) -> str:
    try:
        label = clean_note(text)
    except NoteInvalid:
        raise AddressLabelInvalid from None
    if not 1 <= len(label) <= LABEL_CHARACTERS_MAX:
        raise AddressLabelInvalid
    return label


def _require_signed_in(actor: Actor) -> None:
    if actor.role != "authenticated":
        raise SignedOut
