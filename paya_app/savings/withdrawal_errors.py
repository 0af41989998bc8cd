"""Refusals of addresses and withdrawals: what happened, where the bitcoin is, what to do next."""

from typing import Any

from paya_app.core.clock import now
from paya_app.core.errors import PayaError, again
from paya_app.core.money import format_amount
from paya_app.core.spans import moment, span_in_words

STAYS = "Nothing was sent: your bitcoin is where it was."
NOT_ADDED = "Nothing was added."

# the exchange does not know an address by its name, or knows another by it
UNREGISTERED = ("EFunding:Unknown withdraw key", "EFunding:Invalid withdrawal address")
_MISTAKES = {
    "empty": "Paste the address that your bitcoin is to go to.",
    "test_network": "This address is of a test network, where bitcoin is play money. Use one of the main network.",
    "ethereum": "This is an Ethereum address. Bitcoin sent there would be lost. Use one that begins with bc1, 1 or 3.",
    "lightning": "This is for Lightning payments, which we do not make. Use an address that begins with bc1, 1 or 3.",
    "other_network": "This address is of another currency. Bitcoin sent there would be lost. Use a bitcoin address.",
    "mistyped": "This address has a wrong or missing letter. Copy it again, whole, from your own wallet.",
    "unreadable": "This is no bitcoin address. It begins with bc1, 1 or 3 and has no spaces in it.",
}


class AddressInvalid(PayaError):
    """Not an address that bitcoin can be sent to. `mistake` says what it is instead, where that can be told."""

    code = "address_invalid"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what is wrong with it."""
        return f"{_MISTAKES.get(facts.get('mistake', ''), _MISTAKES['unreadable'])} {NOT_ADDED}"


class AddressLabelInvalid(PayaError):
    """What the address is to be called is empty, too long, or holds what nobody sees."""

    code = "address_label_invalid"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says the rule."""
        return f"Name this address in 1 to 40 characters. {NOT_ADDED}"


class AddressKnown(PayaError):
    """The person has added this address already."""

    code = "address_known"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says where it is."""
        return f"You have added this address already: it is in your list. {NOT_ADDED}"


class AddressKeyReused(PayaError):
    """The id of an address was used for another one."""

    code = "address_key_reused"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return "This page has already added another address, which stands. Nothing more was added. Open it again."


class AddressesLimit(PayaError):
    """Too many addresses."""

    code = "addresses_limit"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says how many, and what to do."""
        return f"You have {facts.get('max', 10)} addresses, which is the most. Remove one first. {NOT_ADDED}"


class AddressWaits(PayaError):
    """A new address cannot be used yet."""

    code = "address_waits"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says for how long."""
        until = ""
        if facts.get("usable_at"):
            left = moment(facts["usable_at"]) - (moment(facts["now"]) if facts.get("now") else now())
            until = f" in {span_in_words(left)}"
        return f"This address is new, and can be used{until or ' when it has waited'}. {STAYS}"


class WithdrawalAmountInvalid(PayaError):
    """Less than the least that is sent, or not more than the network takes of it."""

    code = "withdrawal_amount_invalid"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says the least."""
        least = format_amount(facts.get("min_sats") or 20_000, "BTC")
        return f"Write an amount of bitcoin of at least {least}, with at most 8 decimals. {STAYS}"


class WithdrawalUncovered(PayaError):
    """More than the person has."""

    code = "withdrawal_uncovered"
    status = 402

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what they have."""
        return f"You have {format_amount(facts.get('available_sats') or 0, 'BTC')}. {STAYS} Withdraw less."


class WithdrawalLimit(PayaError):
    """A limit of the day is reached."""

    code = "withdrawal_limit"
    status = 429

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says which, what is left, and from when on there is more."""
        maximum, used = facts.get("max") or 0, facts.get("used") or 0
        more = again("There is room again", facts)
        if facts.get("limit") == "withdrawal_day_count":
            return f"{STAYS} The limit is {maximum} withdrawals in 24 hours.{more}"
        left = format_amount(max(maximum - used, 0), "BTC")
        return (
            f"{STAYS} You can withdraw {left} more now; the limit is {format_amount(maximum, 'BTC')} in 24 hours.{more}"
        )


class WithdrawalUnderWay(PayaError):
    """Another withdrawal to this address is not known at the exchange yet."""

    code = "withdrawal_under_way"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return f"One withdrawal to this address is being handed over. {STAYS} Ask for the next in a minute."


class WithdrawalAccountUnavailable(PayaError):
    """The account cannot give bitcoin."""

    code = "withdrawal_account_unavailable"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says so."""
        if facts.get("state") in ("restricted", "frozen"):
            return f"Your account is {facts['state']}. {STAYS} Home says why, and what to do."
        return f"Your account cannot send bitcoin right now. {STAYS}"


class WithdrawalKeyReused(PayaError):
    """The id of a withdrawal was used for another one."""

    code = "withdrawal_key_reused"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return "This page has already asked for another withdrawal, which stands. Nothing more was sent. Open it again."


class AddressUnregistered(PayaError):
    """The exchange does not know the address yet."""

    code = "address_unregistered"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says that somebody is at it."""
        return (
            f"The exchange does not know this address yet; we have been told to register it. {STAYS} Try again later."
        )


class ExchangeUnavailable(PayaError):
    """The exchange does not say what the network takes."""

    code = "exchange_unavailable"
    status = 503

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says that trying again is safe."""
        return f"The exchange does not answer right now, so the network's fee is not known. {STAYS} Try again later."


class WithdrawalSentTwice(PayaError):
    """The exchange has a withdrawal that we have otherwise: another id of it, or one that was given up."""

    code = "withdrawal_sent_twice"
    status = 500
    is_final = True


class WithdrawalMalformed(PayaError):
    """What the exchange says of a withdrawal does not add up to what was asked for."""

    code = "withdrawal_malformed"
    status = 500
    is_final = True
