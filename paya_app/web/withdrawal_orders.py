"""What is written and confirmed on the page of withdrawals: an address, an amount, and the review of both."""

from dataclasses import dataclass
from uuid import UUID

from paya_app import savings
from paya_app.core.money import format_amount, format_sats
from paya_app.web.forms import Form, Text


@dataclass
class WithdrawalShown:
    """What is about to be sent, as the server understood it; the press that confirms brings it back."""

    withdrawal_id: str = ""
    address_id: str = ""
    amount: str = ""
    arrives: str = ""
    fee: str = ""
    fours: str = ""


class NewAddress(Form):
    """An address as it was typed."""

    label: Text = ""
    address: Text = ""


class AmountForm(Form):
    """An amount as it was typed."""

    amount: Text = ""


@dataclass(frozen=True)
class WithdrawalOrder:
    """What was understood: so much, to this address, for this fee."""

    withdrawal_id: UUID
    address: savings.Address
    quantity_sats: int
    fee_sats: int

    def review(self) -> WithdrawalShown:
        """As the page shows it."""
        return WithdrawalShown(
            str(self.withdrawal_id),
            str(self.address.id),
            format_amount(self.quantity_sats, "BTC"),
            format_amount(self.quantity_sats - self.fee_sats, "BTC"),
            format_sats(self.fee_sats),
            savings.in_fours(self.address.address),
        )
