"""A bank account and its two small deposits, as people write them."""

from paya_app.banking.errors import DepositsWrong
from paya_app.core.errors import AmountInvalid
from paya_app.core.money import parse_cents
from paya_app.web.forms import Form, Text


class BankForm(Form):
    """A bank account as people write it."""

    holder: Text = ""
    routing: Text = ""
    account: Text = ""
    kind: Text = "checking"


class AmountsForm(Form):
    """The two small deposits."""

    first: Text = ""
    second: Text = ""

    def cents(self) -> tuple[int, int]:
        """Both, US cents.

        Raises:
            DepositsWrong: one of them is no amount.
        """
        try:
            return parse_cents(self.first), parse_cents(self.second)
        except AmountInvalid:
            raise DepositsWrong(malformed=True) from None
