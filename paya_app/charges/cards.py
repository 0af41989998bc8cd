"""The cards there are in test mode. A number is read here and goes no further: the database knows cards by name."""

from dataclasses import dataclass

from paya_app.charges.errors import CardNotATestCard


@dataclass(frozen=True, slots=True)
class TestCard:
    """A card of the sandbox: its name is what `charges.authorize` takes, `does` says what it is for."""

    __test__ = False  # no test, whatever pytest reads in the name

    number: str
    name: str
    does: str


TEST_CARDS = (
    TestCard("4242424242424242", "visa", "is approved"),
    TestCard("4000056655665556", "visa_debit", "is approved"),
    TestCard("5555555555554444", "mastercard", "is approved"),
    TestCard("378282246310005", "amex", "is approved"),
    TestCard("4000000000000002", "declined", "is declined: card_declined"),
    TestCard("4000000000009995", "insufficient_funds", "is declined: insufficient_funds"),
    TestCard("4000000000009987", "lost", "is declined: lost_card"),
    TestCard("4000000000009979", "stolen", "is declined: stolen_card"),
    TestCard("4000000000000069", "expired", "is declined: expired_card"),
    TestCard("4000000000000127", "incorrect_cvc", "is declined: incorrect_cvc"),
    TestCard("4000000000000119", "processing_error", "is declined: processing_error"),
    TestCard("4000000000000259", "disputed", "is approved; what is captured is disputed at once"),
    TestCard("4000000000000515", "partial", "is approved for half of the amount, with allow_partial; else declined"),
    TestCard("4000000000005126", "refund_fails", "is approved; refunds do not arrive"),
)
_BY_NUMBER = {card.number: card for card in TEST_CARDS}


def read_card(number: object) -> TestCard:
    """The test card of this number, spaces and hyphens aside.

    Raises:
        CardNotATestCard: it is none; the refusal does not hold what was asked, so that no log does.
    """
    digits = number.replace(" ", "").replace("-", "") if isinstance(number, str) else ""
    card = _BY_NUMBER.get(digits)
    if card is None:
        raise CardNotATestCard
    return card
