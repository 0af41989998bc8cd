"""Verification of one receipt, from the receipt and the public head alone."""

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from paya_app.proof.content import Seal, side_hash, text_of
from paya_app.proof.errors import ReceiptRefused
from paya_app.proof.merkle import leaf_hash, root_from_path

Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# what every reader of JSON keeps exactly
Number = Annotated[int, Field(ge=0, le=2**53 - 1)]
_Parsed = TypeVar("_Parsed", bound=BaseModel)


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class OpenSide(_Shape):
    """The side of the receipt's owner."""

    account: Number
    seq: Number | None
    salt: Hex


class ClosedSide(_Shape):
    """The other side, which only its own owner can open."""

    hash: Hex


class ReceiptTransfer(_Shape):
    """The transfer that the receipt is about; `amount` in the asset's smallest unit."""

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    at_us: Number
    effective_at_us: Number
    sender: Annotated[OpenSide | ClosedSide, Field(alias="from")]
    recipient: Annotated[OpenSide | ClosedSide, Field(alias="to")]
    amount: Annotated[int, Field(ge=1, le=2**53 - 1)]
    kind: str
    ref: str | None


class ReceiptSeal(_Shape):
    """The seal that covers it."""

    n: Annotated[int, Field(ge=1, le=2**53 - 1)]
    era: Number
    xid_from: Number
    xid_upto: Number
    transfer_count: Number
    event_count: Number
    transfer_total: Number
    event_total: Number
    root: Hex
    previous: Hex
    at_us: Number


class Head(_Shape):
    """The public head of the log of seals."""

    version: Annotated[str, Field(pattern=r"^paya\.head\.1$")]
    size: Number
    log_root: Hex
    seal_hash: Hex
    sealed_at: str | None
    transfer_count: Number
    event_count: Number


class Receipt(_Shape):
    """A receipt as it is downloaded."""

    version: Annotated[str, Field(pattern=r"^paya\.receipt\.1$")]
    transfer: ReceiptTransfer
    salt: Hex
    index: Number
    path: Annotated[list[Hex], Field(max_length=64)]
    seal: ReceiptSeal
    log_path: Annotated[list[Hex], Field(max_length=64)]
    head: Head


def parse_receipt(text: str | bytes) -> Receipt:
    """The receipt in a file.

    Raises:
        ReceiptRefused: it is none; the message names the first part that is wrong.
    """
    return _parsed(Receipt, text, "receipt")


def parse_head(text: str | bytes) -> Head:
    """A head in a file or an answer.

    Raises:
        ReceiptRefused: it is none.
    """
    return _parsed(Head, text, "head")


def check_receipt(receipt: Receipt, head: Head) -> None:
    """Prove that the log with this head holds the receipt's transfer, exactly as the receipt says.

    Raises:
        ReceiptRefused: it does not follow; the message says at which step.
    """
    if receipt.head.size != head.size:
        raise ReceiptRefused(
            f"The receipt was made for the head of size {receipt.head.size}, this is the head of size {head.size}. "
            f"Ask for the head of that size: /v1/proof/head?size={receipt.head.size}"
        )
    if receipt.head != head:
        raise ReceiptRefused("The receipt carries another head than the public one of this size.")
    seal = receipt.seal
    if receipt.index >= seal.transfer_count:
        raise ReceiptRefused("The receipt points to a place of its seal where no transfer is.")
    found = root_from_path(
        _leaf(receipt),
        index=receipt.index,
        size=seal.transfer_count + seal.event_count,
        path=[bytes.fromhex(node) for node in receipt.path],
    )
    if found is None or found.hex() != seal.root:
        raise ReceiptRefused(f"The transfer, as the receipt tells it, is not what seal {seal.n} covers.")
    seal_hash = _seal_hash(seal)
    found = root_from_path(
        seal_hash, index=seal.n - 1, size=head.size, path=[bytes.fromhex(node) for node in receipt.log_path]
    )
    if found is None or found.hex() != head.log_root:
        raise ReceiptRefused(f"Seal {seal.n}, as the receipt tells it, is not in the log of the head.")
    if seal.n == head.size and seal_hash.hex() != head.seal_hash:
        raise ReceiptRefused("The head names another newest seal than its own log does.")


def _leaf(receipt: Receipt) -> bytes:
    transfer = receipt.transfer
    text = text_of(
        "paya.transfer.1",
        transfer.id,
        transfer.at_us,
        transfer.effective_at_us,
        _side(transfer.sender).hex(),
        _side(transfer.recipient).hex(),
        transfer.amount,
        transfer.kind,
        transfer.ref,
    )
    return leaf_hash(bytes.fromhex(receipt.salt) + text)


def _side(side: OpenSide | ClosedSide) -> bytes:
    if isinstance(side, ClosedSide):
        return bytes.fromhex(side.hash)
    return side_hash(bytes.fromhex(side.salt), side.account, side.seq)


def _seal_hash(seal: ReceiptSeal) -> bytes:
    fields = seal.model_dump()
    return Seal(**{**fields, "root": bytes.fromhex(seal.root), "previous": bytes.fromhex(seal.previous)}).hash()


def _parsed(shape: type[_Parsed], text: str | bytes, what: str) -> _Parsed:
    try:
        return shape.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ReceiptRefused(f"This is no {what} of PaYa. {where}: {first['msg']}.") from None
