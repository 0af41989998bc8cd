"""What is hashed of a row: a JSON array without spaces that begins with its form and version. docs/proof.md."""

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from paya_app.proof.merkle import leaf_hash


def text_of(*fields: Any) -> bytes:
    """The canonical text of these fields, in UTF-8."""
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()


def salt_of(key: bytes, what: str, row_id: UUID | int) -> bytes:
    """The salt of a row; `what` is transfer, event, from or to."""
    return sha256(key + f"{what}:{row_id}".encode()).digest()


def side_hash(salt: bytes, account: int, seq: int | None) -> bytes:
    """One side of a transfer by itself, so that a receipt can show one and keep the other."""
    return sha256(b"\x02" + salt + text_of(account, seq)).digest()


@dataclass(frozen=True, slots=True)
class Transfer:
    """What is sealed of a transfer. Times in microseconds since 1970, amount in the asset's smallest unit."""

    id: UUID
    at_us: int
    effective_at_us: int
    from_account: int
    from_seq: int | None
    to_account: int
    to_seq: int | None
    amount: int
    kind: str
    ref: str | None

    def leaf(self, key: bytes) -> bytes:
        """Its leaf, with the salts that `key` gives."""
        giver = side_hash(salt_of(key, "from", self.id), self.from_account, self.from_seq)
        taker = side_hash(salt_of(key, "to", self.id), self.to_account, self.to_seq)
        text = text_of(
            "paya.transfer.1",
            str(self.id),
            self.at_us,
            self.effective_at_us,
            giver.hex(),
            taker.hex(),
            self.amount,
            self.kind,
            self.ref,
        )
        return leaf_hash(salt_of(key, "transfer", self.id) + text)


@dataclass(frozen=True, slots=True)
class Event:
    """What is sealed of an event. `payload` is the text of the column as PostgreSQL prints it."""

    id: int
    at_us: int
    actor: UUID | None
    kind: str
    subject: UUID
    version: int
    payload: str

    def leaf(self, key: bytes) -> bytes:
        """Its leaf, with the salt that `key` gives."""
        actor = None if self.actor is None else str(self.actor)
        digest = sha256(self.payload.encode()).hexdigest()
        text = text_of("paya.event.1", self.id, self.at_us, actor, self.kind, str(self.subject), self.version, digest)
        return leaf_hash(salt_of(key, "event", self.id) + text)


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal without its own hash, which is its leaf in the log."""

    n: int
    era: int
    xid_from: int
    xid_upto: int
    transfer_count: int
    event_count: int
    transfer_total: int
    event_total: int
    root: bytes
    previous: bytes
    at_us: int

    def hash(self) -> bytes:
        """Its leaf in the log of seals."""
        return leaf_hash(
            text_of(
                "paya.seal.1",
                self.n,
                self.era,
                self.xid_from,
                self.xid_upto,
                self.transfer_count,
                self.event_count,
                self.transfer_total,
                self.event_total,
                self.root.hex(),
                self.previous.hex(),
                self.at_us,
            )
        )
