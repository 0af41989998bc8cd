"""Refusals of charges: what happened, where the money is, what to do next."""

from typing import Any

from paya_app.core.errors import PayaError

NOTHING_MOVED = "Nothing was moved."


class CardNotATestCard(PayaError):
    """The card is not one of test mode. What was sent is neither stored nor logged."""

    code = "card_not_a_test_card"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says which to use."""
        return (
            "This is no test card, and only those work in test mode. The number was not kept. "
            f"{NOTHING_MOVED} Use 4242 4242 4242 4242, or another one of the list in the documentation."
        )


class CardNumberInText(PayaError):
    """A text of the request holds what is a card's number by its check digit. `param` names it."""

    code = "card_number_in_text"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says where."""
        return (
            f"`{facts.get('param', 'metadata')}` holds what looks like a card's number. It was not kept. "
            f"{NOTHING_MOVED} Send it without."
        )


class CurrencyUnknown(PayaError):
    """There are no charges in this currency. `known` lists those there are."""

    code = "currency_unknown"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Lists the currencies."""
        return f"Charge in one of {', '.join(facts.get('known') or ['USD'])}, in capitals. {NOTHING_MOVED}"


class ChargeFieldInvalid(PayaError):
    """A part of the request is missing, unknown, or not of its form. `param` names it."""

    code = "charge_field_invalid"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Names the part, and what it may be when that is a list."""
        known = f" It knows {', '.join(facts['known'])}." if facts.get("known") else ""
        return f"`{facts.get('param', 'request')}` is missing, unknown or malformed.{known} {NOTHING_MOVED}"


class ChargeAmountInvalid(PayaError):
    """An amount is no whole number of minor units from 1 to the most that can be charged."""

    code = "charge_amount_invalid"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says the bounds."""
        most = facts.get("max_minor", 99_999_999)
        return f"`{facts.get('param', 'amount_minor')}` is a whole number of minor units, 1 to {most}. {NOTHING_MOVED}"


class ChargeAmountExceeds(PayaError):
    """More was asked for than is left. `left_minor` is what is."""

    code = "charge_amount_exceeds"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what is left."""
        return f"Only {facts.get('left_minor', 0)} minor units are left for this. {NOTHING_MOVED} Ask for less."


class ChargeStateInvalid(PayaError):
    """What was asked cannot be done in this state. `state`, `next_states` and `operations` say what there is."""

    code = "charge_state_invalid"
    status = 409
    is_final = True

    def sentence(self, facts: dict[str, Any]) -> str:
        """Names the state, the next ones, and what can be done."""
        states = ", ".join(facts.get("next_states") or []) or "nothing else"
        operations = ", ".join(facts.get("operations") or []) or "nothing"
        return (
            f"The {facts.get('object', 'charge')} is {facts.get('state', 'in another state')}, so "
            f"{facts.get('operation', 'this')} is not possible. It may become {states}; possible now: {operations}. "
            f"{NOTHING_MOVED}"
        )


class ClockInvalid(PayaError):
    """A clock goes forward only, at most a year at a time. `now` is what it shows."""

    code = "clock_invalid"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says the rule."""
        return f"An account's clock goes forward only, at most 366 days at a time. {NOTHING_MOVED} It stays as it was."


class OperationUnknown(PayaError):
    """Charges know no operation of this name: a fault of ours."""

    code = "operation_unknown"
    status = 500
