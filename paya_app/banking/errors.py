"""Refusals of banking: what happened, where the money is, what to do next."""

from typing import Any

from paya_app.core.errors import PayaError, again
from paya_app.core.money import format_cents

NOTHING_MOVED = "No money was moved."
STILL_HERE = "Nothing left your wallet."


class LoadAmountInvalid(PayaError):
    """The amount of a load is not a positive number of cents, or too small."""

    code = "load_amount_invalid"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says the least."""
        return f"Not added. Add {format_cents(facts.get('min_cents') or 100)} or more, in dollars and cents."


class LoadLimit(PayaError):
    """A limit of loading was reached."""

    code = "load_limit"
    status = 429

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says which limit, how much is left and when there is more."""
        maximum, used = facts.get("max", 0), facts.get("used", 0)
        left = max(0, maximum - used)
        more = f" You can add {format_cents(left)} now." if left else ""
        resets = again("There is room again", facts)
        match facts.get("limit"):
            case "load_single_cents":
                return f"Not added. One transfer can be {format_cents(maximum)} at most. {NOTHING_MOVED}"
            case "load_first_week_cents":
                return f"Not added. In your first 7 days you can add {format_cents(maximum)} in all.{more}{resets}"
            case _:
                return f"Not added. You can add {format_cents(maximum)} in 7 days.{more}{resets}"


class LoadKeyReused(PayaError):
    """The load's id was used for another load."""

    code = "load_key_reused"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return (
            "Not added. This page has already asked your bank for another transfer: that one stands, and you find it"
            " in Activity. Nothing more left your bank. Open Add again for a new transfer."
        )


class LoadAccountUnavailable(PayaError):
    """The wallet cannot take money in."""

    code = "load_account_unavailable"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says so."""
        if facts.get("state") in ("restricted", "frozen"):
            return f"Not added. Your account is {facts['state']}. {NOTHING_MOVED} Home says why, and what to do."
        return f"Not added. Your wallet cannot take part in transfers right now. {NOTHING_MOVED}"


class NothingToRepayWith(PayaError):
    """Nothing is owed, or there is nothing in the wallet to pay it back with."""

    code = "nothing_to_repay_with"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says which."""
        if facts.get("is_owed"):
            return "Nothing was paid back. Your wallet is empty: add money from a bank, and what arrives pays it back."
        return "Nothing was paid back. You owe nothing, and your money is where it was."


class Disputed(PayaError):
    """The vendor has what it was not asked for: people must look, and no repetition changes it."""

    code = "transfer_disputed"
    status = 500
    is_final = True


class LoadSentTwice(Disputed):
    """The vendor has two transfers for one load: people must look."""

    code = "load_sent_twice"


class TransferMismatch(Disputed):
    """The vendor moves another amount than was asked for, or what ended here before it was sent: people must look."""

    code = "transfer_mismatch"


class RedemptionAmountInvalid(PayaError):
    """The amount of a redemption is not a positive number of cents, or too small."""

    code = "redemption_amount_invalid"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says the least."""
        least = format_cents(facts.get("min_cents") or 100)
        return f"Not cashed out. Cash out {least} or more, or all that you have, in dollars and cents."


class RedemptionLimit(PayaError):
    """A limit of redeeming was reached."""

    code = "redemption_limit"
    status = 429

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says which limit, how much is left and when there is more."""
        maximum, used = facts.get("max", 0), facts.get("used", 0)
        left = max(0, maximum - used)
        match facts.get("limit"):
            case "redeem_account_days":
                opens = again("You can", facts)
                return f"Not cashed out. New accounts wait before they cash out.{opens} Your money is in your wallet."
            case "redeem_single_cents":
                return f"Not cashed out. One transfer can be {format_cents(maximum)} at most. {STILL_HERE}"
            case _:
                more = f" You can cash out {format_cents(left)} now." if left else ""
                resets = again("There is room again", facts)
                return f"Not cashed out. You can cash out {format_cents(maximum)} in 7 days.{more}{resets} {STILL_HERE}"


class RedemptionUncovered(PayaError):
    """The wallet holds less than the redemption."""

    code = "redemption_uncovered"
    status = 402

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what is available."""
        return f"Not cashed out. You have {format_cents(facts.get('available_cents', 0))} available. {STILL_HERE}"


class RedemptionKeyReused(PayaError):
    """The redemption's id was used for another transfer."""

    code = "redemption_key_reused"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return (
            "Not cashed out again. This page has already started another transfer: that one stands, and you find it"
            " in Activity. Nothing more left your wallet. Open Cash out again for a new transfer."
        )


class RedemptionAccountUnavailable(PayaError):
    """The wallet cannot give money."""

    code = "redemption_account_unavailable"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says so."""
        if facts.get("state") in ("restricted", "frozen"):
            return f"Not cashed out. Your account is {facts['state']}. {STILL_HERE} Home says why, and what to do."
        return f"Not cashed out. Your wallet cannot take part in transfers right now. {STILL_HERE}"


class RedemptionBankUnconfirmed(PayaError):
    """The bank was not shown to be the person's own yet."""

    code = "redemption_bank_unconfirmed"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return f"Not cashed out. This bank is not confirmed as yours yet: confirm it first. {STILL_HERE}"


class RedemptionSentTwice(Disputed):
    """The vendor has two transfers for one redemption: people must look."""

    code = "redemption_sent_twice"


class CancelTooLate(PayaError):
    """The banks have begun with a transfer, or it is over."""

    code = "cancel_too_late"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what goes on."""
        if facts.get("state") in ("failed", "returned"):
            return "Not canceled: this transfer had ended already. The page says where the money is."
        return "Not canceled: the banks had begun with it, so it goes on. Nothing else was changed."


class BankDetailsInvalid(PayaError):
    """A field of a bank account cannot be right. `field` is holder_name, routing, account or kind."""

    code = "bank_details_invalid"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says which field and its form."""
        match facts.get("field"):
            case "holder_name":
                return "Write first and last name as your bank has them, 50 characters at most."
            case "routing":
                return "That is no routing number. It has nine digits and is printed at the bottom of a check."
            case "account":
                return "An account number has 4 to 17 digits."
            case "kind":
                return "Choose checking or savings."
            case _:
                return "Your bank's details were not accepted. Check name, routing and account number."


class BankLimit(PayaError):
    """Too many banks at once, or in a day."""

    code = "bank_limit"
    status = 429

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says which."""
        if facts.get("limit") == "held":
            return f"You have linked {facts.get('max', 5)} banks, which is the most. Unlink one in Settings first."
        return "Those were many banks for one day. Try again tomorrow."


class BankKeyReused(PayaError):
    """The bank's id was used for another account."""

    code = "bank_key_reused"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return (
            "Not linked. This page has already linked another bank, which stays linked. No money was moved."
            " Open Add again to link one more."
        )


class BankUnconfirmed(PayaError):
    """The account's owner has not told the two deposits yet."""

    code = "bank_unconfirmed"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        done = "Not chosen" if facts.get("is_choosing") else "Not added"
        return f"{done}. Confirm the two small deposits from this bank first. {NOTHING_MOVED}"


class DepositsWrong(PayaError):
    """The two amounts are not those that were sent."""

    code = "deposits_wrong"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says the form, or that they do not fit."""
        if facts.get("malformed"):
            return "Write both amounts in dollars and cents, like 0.03 and 0.09."
        left = f" {tries_left(facts['tries_left'])}" if "tries_left" in facts else ""
        return f"Those are not the two amounts. Look them up in your bank's list.{left}"


def tries_left(count: int) -> str:
    """How many, in a sentence."""
    return {1: "One try is left.", 2: "Two tries are left."}.get(count, f"{count} tries are left.")


class DepositsClosed(PayaError):
    """There are no tries left for the deposits."""

    code = "deposits_closed"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return (
            f"This account cannot be confirmed any more, after three wrong tries. {NOTHING_MOVED} Link another account."
        )


class BankUnreachable(PayaError):
    """The bank transfers' vendor does not answer."""

    code = "bank_unreachable"
    status = 503

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what was sent, and that trying again is safe."""
        if facts.get("is_confirming"):
            sent = "Nothing was sent." if facts.get("is_unsent") else "We cannot tell yet whether the amounts arrived."
            return f"Not confirmed: the bank service did not answer. {sent} {NOTHING_MOVED} Try again in a minute."
        if facts.get("is_unsent"):
            return (
                f"Not linked: the bank service did not answer. Nothing was sent. {NOTHING_MOVED} Try again in a minute."
            )
        return (
            "Not linked yet: the bank service did not answer, and we cannot tell whether it has your account."
            f" {NOTHING_MOVED} Try again in a minute: the account is linked once."
        )


class LinkingUnavailable(PayaError):
    """The vendor of the bank picker does not answer."""

    code = "linking_unavailable"
    status = 503

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says that nothing was linked, and that there is another way."""
        return (
            "Linking a bank is not possible right now. Nothing was linked, and your linked banks go on as before."
            " Try again in a minute, or type your account number instead."
        )


class BankBusy(PayaError):
    """A transfer with the bank is under way."""

    code = "bank_busy"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to wait for."""
        return (
            "Not unlinked: a transfer with this bank is under way, and without the bank it could not end where it"
            " should. Activity shows it. Unlink the bank when it is over."
        )
