"""Plaid's test institutions, and the accounts that somebody has there."""

import hashlib
from dataclasses import dataclass
from typing import Any

ROUTING = "011401533"
INSTITUTIONS = {
    "ins_109508": "First Platypus Bank",
    "ins_109509": "First Gingham Credit Union",
    "ins_109510": "Tattersall Federal Credit Union",
    "ins_109511": "Tartan Bank",
    "ins_109512": "Houndstooth Bank",
    "ins_43": "Tartan-Dominion Bank of Canada",
}
OTHER_OWNER = "Alberta Bobbeth Charleson"


@dataclass(frozen=True, slots=True)
class Account:
    """One account at a bank. `balance_cents`: US cents."""

    id: str
    name: str
    official_name: str
    mask: str
    type: str
    subtype: str
    number: str
    balance_cents: int

    def document(self) -> dict[str, Any]:
        """As `/accounts/get` tells it."""
        dollars = self.balance_cents / 100
        return {
            "account_id": self.id,
            "balances": {
                "available": None if self.type == "credit" else dollars - 10,
                "current": dollars,
                "iso_currency_code": "USD",
                "limit": 2000.0 if self.type == "credit" else None,
                "unofficial_currency_code": None,
            },
            "mask": self.mask,
            "name": self.name,
            "official_name": self.official_name,
            "type": self.type,
            "subtype": self.subtype,
        }


def accounts(client_user_id: str, institution_id: str, username: str) -> list[Account]:
    """The accounts of whoever signs in so; the same each time."""
    made = []
    kinds = (
        ("Plaid Checking", "Plaid Gold Standard 0% Interest Checking", "0000", "depository", "checking", 11_000),
        ("Plaid Saving", "Plaid Silver Standard 0.1% Interest Saving", "1111", "depository", "savings", 21_000),
        ("Plaid Credit Card", "Plaid Diamond 12.5% APR Credit Card", "3333", "credit", "credit card", 41_000),
    )
    for name, official, mask, type_, subtype, cents in kinds:
        seed = hashlib.sha256(f"{client_user_id}/{institution_id}/{username}/{mask}".encode()).hexdigest()
        number = f"1111{int(seed[:12], 16) % 10**8:08d}{mask}"
        made.append(Account(f"{seed[:37]}", name, official, mask, type_, subtype, number, cents))
    return made
