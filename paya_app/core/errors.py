"""Refusals that people can read.

A refusal is a fact (`InsufficientFunds`), has a stable `code`, an HTTP `status`, and one sentence that says
what happened, where the money is, and what to do. The database refuses with SQLSTATE PA000, the code as its
message and the facts as JSON in its detail (`private.refuse`); `from_database` makes the same class of it.
"""

import json
from datetime import datetime, timedelta
from typing import Any, ClassVar

from paya_app.core.clock import now
from paya_app.core.money import format_amount, format_cents
from paya_app.core.spans import moment, span_in_words

SQLSTATE = "PA000"

# Constraints whose breach is a fact about the request, not a fault of ours.
BY_CONSTRAINT = {
    "transfer_pkey": "ask_again",
    "payments_pkey": "ask_again",
    "hold_pkey": "ask_again",
    "chunk_pkey": "ask_again",
    "capture_pkey": "ask_again",
    "refund_pkey": "ask_again",
    "dispute_pkey": "ask_again",
    "operation_pkey": "ask_again",
    "balance_covers_spending": "insufficient_funds",
}


class PayaError(Exception):
    """A refusal with a code. Subclasses set `code`, `status`, `sentence`; `is_final` when repeating changes nothing."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    is_final: ClassVar[bool] = False
    by_code: ClassVar[dict[str, type["PayaError"]]] = {}

    def __init__(self, **facts: Any) -> None:
        self.facts = facts
        self.message = self.sentence(facts)
        super().__init__(self.message)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        PayaError.by_code[cls.code] = cls

    @property
    def retry_at(self) -> datetime | None:
        """From when on trying again is worth it, for machines; people read how long that is."""
        span = wait(self.facts)
        return None if span is None else now() + span

    def sentence(self, facts: dict[str, Any]) -> str:
        """What people read."""
        return "Something went wrong on our side. Trying again is safe: nothing happens twice."


def kept(facts: dict[str, Any]) -> str:
    """Where the money is. The amount is named only when the wallet was seen to hold it (`is_covered`)."""
    cents = facts.get("amount_cents")
    if facts.get("is_covered") and isinstance(cents, int):
        return f"Not sent. Your {format_cents(cents)} is still here."
    return "Not sent. Nothing left your wallet."


def wait(facts: dict[str, Any]) -> timedelta | None:
    """How long until it is worth trying again, when the facts say so.

    `resets_at` is counted from the database's `now`, whose clock the limits run on, where it came along.
    """
    if facts.get("resets_at"):
        return moment(facts["resets_at"]) - (moment(facts["now"]) if facts.get("now") else now())
    return timedelta(seconds=int(facts["retry_after_s"])) if facts.get("retry_after_s") else None


def again(before: str, facts: dict[str, Any]) -> str:
    """` You can send again in 9 minutes.`, or nothing when the facts name no time."""
    span = wait(facts)
    return "" if span is None else f" {before} in {span_in_words(span)}."


class InsufficientFunds(PayaError):
    """The wallet holds less than the amount."""

    code = "insufficient_funds"
    status = 402

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what is available."""
        amount = facts.get("available", facts.get("available_cents", 0))
        available = format_amount(amount, facts.get("asset", "USD"))
        return f"Not sent. You have {available} available. Add money or send less."


class LimitExceeded(PayaError):
    """A limit of the risk rules was reached."""

    code = "limit_exceeded"
    status = 429

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says which limit, what is left and when it resets."""
        maximum, name = facts.get("max", 0), facts.get("limit", "")
        resets = again("You can send again", facts)
        match name:
            case "send_single_cents":
                return f"{kept(facts)} One payment can be {format_cents(maximum)} at most."
            case "send_hour_count":
                return f"{kept(facts)} The limit is {maximum} payments an hour.{resets}"
            case "send_day_count":
                return (
                    f"{kept(facts)} You have sent {maximum} payments in the last 24 hours, which is the limit.{resets}"
                )
            case "send_day_recipients_count":
                return (
                    f"{kept(facts)} You have paid {maximum} different people in the last 24 hours, which is the limit."
                    " People you paid today can still be paid." + again("Somebody new can be paid", facts)
                )
            case "phone_lookup_hour_count":
                return "You have looked up many phone numbers in the last hour. Use a @handle, or try again later."
            case _:
                return facts.get("sentence") or f"{kept(facts)} A limit was reached.{resets}"


class PersonNotFound(PayaError):
    """Nobody has this handle or phone number."""

    code = "person_not_found"
    status = 404

    def sentence(self, facts: dict[str, Any]) -> str:
        """Names whom we looked for."""
        return f"{kept(facts)} Nobody at PaYa is called {str(facts.get('to') or 'that')[:40]}. Check the spelling."


class SelfPayment(PayaError):
    """Sender and recipient are one."""

    code = "self_payment"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says so."""
        return f"{kept(facts)} That is you. Choose somebody else."


class KeyReused(PayaError):
    """The operation's id was used for something else."""

    code = "key_reused"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        if facts.get("what"):
            return f"Not done: this id was used for another {facts['what']}, which stands. Use a new id."
        return (
            "Not sent. This page has already made another payment: that one stands, and you find it in Activity."
            " Nothing more left your wallet. Open Pay again for a new payment."
        )


class AmountInvalid(PayaError):
    """The amount is not a positive number of cents."""

    code = "amount_invalid"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Shows the form of an amount."""
        return facts.get("sentence") or "Write the amount in dollars and cents, like 12.34."


class NoteInvalid(PayaError):
    """The note is too long or holds control characters."""

    code = "note_invalid"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says which."""
        if facts.get("empty"):
            return f"{kept(facts)} Say what it is for: a note is needed."
        return f"{kept(facts)} A note can have {facts.get('max', 280)} characters at most, without control characters."


class AudienceInvalid(PayaError):
    """The audience is neither private nor public."""

    code = "audience_invalid"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Names the choices."""
        return f"{kept(facts)} Choose who sees it: private or public."


class HandleInvalid(PayaError):
    """The handle breaks the rules of handles."""

    code = "handle_invalid"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says the rule."""
        return facts.get("sentence") or "A handle has 3 to 20 of a-z, 0-9 and _, and starts with a letter."


class HandleTaken(PayaError):
    """Somebody has this handle, it is reserved, or it looks like another's."""

    code = "handle_taken"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Names it."""
        return f"@{str(facts.get('handle', ''))[:20]} is not available. Try another."


class NameInvalid(PayaError):
    """The name is empty, too long, holds what nobody sees, or reads like PaYa's own."""

    code = "name_invalid"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says the rule."""
        return facts.get("sentence") or "Write your name as others should see it: 1 to 50 characters, all of them seen."


class PhoneInvalid(PayaError):
    """Not a US phone number that can get a text message."""

    code = "phone_invalid"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Shows the form."""
        return (
            facts.get("sentence") or "That is not a US phone number that can get texts. Write it like (202) 555-0123."
        )


class CodeInvalid(PayaError):
    """The one-time code is wrong, used, or too old."""

    code = "code_invalid"
    status = 403

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return "That code is wrong or too old. Check the newest text message, or ask for a new code."


class TooManyTries(PayaError):
    """Too many codes asked for or tried."""

    code = "too_many_tries"
    status = 429

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says when to go on."""
        return "Too many tries." + (again("Try again", facts) or " Try again in a minute.")


class CodeUsedUp(PayaError):
    """Five tries were made with one code; a new one has five of its own."""

    code = "code_used_up"
    status = 403

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return "Those were five tries, so this code is over. Ask for a new one: it works right away."


class SignedOut(PayaError):
    """No session, or one that has ended."""

    code = "signed_out"
    status = 401

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return "You are signed out. Nothing was sent. Sign in again to go on."


class NotFound(PayaError):
    """No such thing, or not yours."""

    code = "not_found"
    status = 404

    def sentence(self, facts: dict[str, Any]) -> str:
        """Names the kind of thing."""
        return f"There is no such {facts.get('what', 'page')} here, or it is not yours to see."


class Forbidden(PayaError):
    """Not allowed for this caller."""

    code = "forbidden"
    status = 403

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says so."""
        return "That is not allowed from here. Nothing was changed."


class AccountUnavailable(PayaError):
    """The wallet cannot take part: restricted, frozen, or not made yet."""

    code = "account_unavailable"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says whose wallet."""
        if facts.get("whose", "yours") != "yours":
            return f"{kept(facts)} Their wallet cannot take part in payments right now."
        match facts.get("state"):
            case "restricted":
                return (
                    f"{kept(facts)} Your account is restricted: it can be paid, but cannot pay."
                    " Home says why, and what to do."
                )
            case "frozen":
                return (
                    f"{kept(facts)} Your account is frozen: money neither leaves nor comes in."
                    " Home says why, and what to do."
                )
            case _:
                return f"{kept(facts)} Your wallet cannot take part in payments right now."


class ServiceUnavailable(PayaError):
    """The database or a part of us does not answer."""

    code = "service_unavailable"
    status = 503

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says that trying again is safe."""
        return "PaYa does not answer right now. Trying again is safe: nothing happens twice."


class TextsUnavailable(ServiceUnavailable):
    """Whether a text went out cannot be said: nobody who sends them has answered."""

    code = "texts_unavailable"

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do with a code that comes, and without one."""
        return (
            "We could not make sure that a text went out. If a code reaches you, it is good here; "
            "otherwise ask for a new one in a minute."
        )


class HandleKept(PayaError):
    """The person already has a handle."""

    code = "handle_kept"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says so."""
        return "You already have a handle. Nothing was changed."


class AskAgain(PayaError):
    """The same id was being booked by somebody else at this moment; asking again finds what became of it."""

    code = "ask_again"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says that asking again is safe."""
        return "This was just being done by another request. Try again: it happens once."


class AccountUnknown(PayaError):
    """No such account, or one of a kind that cannot take part in this."""

    code = "account_unknown"
    status = 404

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says that nothing moved."""
        return "One of the accounts does not exist, or cannot be used for this. No money moved. Check the accounts."


class AssetMismatch(PayaError):
    """The two accounts hold different assets."""

    code = "asset_mismatch"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Names both."""
        both = f" ({facts['from_asset']} and {facts['to_asset']})" if {"from_asset", "to_asset"} <= facts.keys() else ""
        return f"The two accounts hold different currencies{both}. No money moved. Convert it first."


class TransferMalformed(PayaError):
    """A transfer, hold or capture lacks a part, or goes from an account to itself."""

    code = "transfer_malformed"
    status = 400

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what is asked for."""
        return "This transfer is incomplete, or goes from an account to itself. No money moved. Send every part of it."


class LimitsUnknown(PayaError):
    """A limit that every payment is measured by has no value; nothing is paid until it has one."""

    code = "limits_unknown"
    status = 503

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says where the money is."""
        return f"{kept(facts)} PaYa cannot look up its limits right now. Try again later."


class PaymentMalformed(PayaError):
    """What is written of a payment breaks its form; only a fault of ours can write so."""

    code = "payment_malformed"
    status = 400

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says that nothing happened."""
        return "This payment is not of the form that payments have. No money moved and nothing was changed."


class BatchMalformed(PayaError):
    """A batch is empty, too long, or its lists differ in length."""

    code = "batch_malformed"
    status = 400

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what a batch is."""
        return "This batch is empty, too long, or its lists do not match one another. No money moved. Send it in parts."


class LinkedRefused(PayaError):
    """Another transfer of the same group was refused."""

    code = "linked_refused"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says that all or none of a group happens."""
        return "Another part of this operation was refused, so none of it happened. No money moved."


class WorkDone(PayaError):
    """Work with a time was finished by somebody else meanwhile: what was done of it here is undone."""

    code = "work_done"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says that it happened once."""
        return "This work was already done by another worker. Nothing was done twice. There is nothing left to do."


class HoldExpired(PayaError):
    """The time in which the held money could be captured is over."""

    code = "hold_expired"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says where the money is."""
        return "The time to take this held money is over. It goes back to its owner. Ask for a new hold."


class HoldClosed(PayaError):
    """The hold was captured or released before."""

    code = "hold_closed"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says how it ended."""
        ended = "was already taken" if facts.get("state") == "captured" else "has already ended"
        return f"This hold {ended}. Nothing was changed. Ask for a new hold."


class HoldNotExpired(PayaError):
    """A hold was to be closed as expired before its time."""

    code = "hold_not_expired"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do instead."""
        return "This hold has not run out yet. Nothing was changed. Release it to give the money back now."


class CaptureExceedsHold(PayaError):
    """More was to be captured than the hold has left."""

    code = "capture_exceeds_hold"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says where the money is."""
        return "That is more than this hold has left. No money moved; it is still held. Take less."


class IsolationUnsupported(PayaError):
    """Money was to move under another isolation level than READ COMMITTED: a fault of ours."""

    code = "isolation_unsupported"
    status = 500


class AccountMalformed(PayaError):
    """An account without what its kind needs: a fault of ours."""

    code = "account_malformed"
    status = 500


class AppendOnly(PayaError):
    """Something that happened was to be changed: a fault of ours, and refused."""

    code = "append_only"
    status = 500


class RequestInvalid(PayaError):
    """A request or event does not have the expected shape."""

    code = "request_invalid"
    status = 400

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says which part."""
        return facts.get("sentence") or "That request cannot be read. Nothing was changed."


def from_code(code: str, facts: dict[str, Any] | None = None) -> PayaError:
    """The refusal with this code; an unknown code becomes a plain PayaError."""
    return PayaError.by_code.get(code, PayaError)(**(facts or {}))


def from_database(error: BaseException) -> PayaError | None:
    """The refusal that `private.refuse` raised, found in a driver's exception, or None."""
    origin = getattr(error, "orig", None) or error
    diagnostic = getattr(origin, "diag", None)
    if diagnostic is None:
        return None
    if diagnostic.constraint_name in BY_CONSTRAINT:
        return from_code(BY_CONSTRAINT[diagnostic.constraint_name])
    if diagnostic.sqlstate != SQLSTATE:
        return None
    try:
        facts = json.loads(diagnostic.message_detail or "{}")
    except ValueError:
        facts = {}
    return from_code(diagnostic.message_primary or "", facts)
