"""The banks of a person that pages offer to choose from."""

from dataclasses import dataclass
from uuid import UUID

from paya_app import banking
from paya_app.core.actor import Actor


@dataclass
class BankChoice:
    """A bank to choose from; `state` is as its source's, or `closed`."""

    id: str
    name: str
    state: str = "verified"


async def confirmed_banks(actor: Actor) -> list[BankChoice]:
    """The actor's banks that money may come from and go to."""
    sources = [bank.source for bank in await banking.banks(actor)]
    return [BankChoice(str(one.id), source_name(one)) for one in sources if one.state == "verified"]


def source_name(source: banking.Source) -> str:
    """`First Platypus Bank ··0000`."""
    return f"{source.bank_name}\u00a0··{source.last4}"


def name_in(banks: list[BankChoice], source_id: UUID | None) -> str:
    """What the bank with this id is called; empty when it is none of these."""
    return next((bank.name for bank in banks if bank.id == str(source_id)), "")
