"""The cards there are in test mode. A number is read here and goes no further: the database knows cards by name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from paya_app.charges.errors import CardNotATestCard, CardNumberInText

_RUN = re.compile(r"[0-9](?:[ -]?[0-9]){12,}")
_LENGTH_MAX = 19


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


def has_card_number(words: str) -> bool:
    """Whether 13 to 19 digits in a text are a card's number by their check digit; as `charges.has_card_number`."""
    runs = (re.sub(r"[ -]", "", run) for run in _RUN.findall(words))
    return any(len(run) <= _LENGTH_MAX and run[0] in "23456" and _checks(run) for run in runs)


def refuse_card_numbers(request: Mapping[str, Any]) -> None:
    """Look through the texts that people write, before the request goes anywhere.

    Raises:
        CardNumberInText: one holds a card's number; `param` names which, and the number is not said.
    """
    evidence, metadata = request.get("evidence"), request.get("metadata")
    if isinstance(evidence, str) and has_card_number(evidence):
        raise CardNumberInText(param="evidence")
    if isinstance(metadata, Mapping):
        for name, value in metadata.items():
            if has_card_number(f"{name}") or (isinstance(value, str) and has_card_number(value)):
                raise CardNumberInText(param="metadata")


def _checks(digits: str) -> bool:
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(number // 10 + number % 10 for number in doubled) % 10 == 0
