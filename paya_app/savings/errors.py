"""Refusals of savings: what happened, where the money is, what to do next."""

from typing import Any

from paya_app.core.errors import PayaError
from paya_app.core.money import format_cents

NOTHING_BOUGHT = "Nothing was bought, and your money is where it was."
NOTHING_CHANGED = "Nothing was changed."

_SCHEDULE_RULES = {
    "frequency": "Choose hourly, daily, weekdays, weekly, every two weeks or monthly.",
    "zone": "That is no time zone. Write one like America/New_York.",
    "minute_of_day": "Choose a time of the day, from 00:00 to 23:59; for every hour, a minute from 0 to 59.",
    "weekdays": "Choose the days of the week, Monday (1) to Sunday (7); for every two weeks, one of them.",
    "month_day": "Choose a day of the month from 1 to 31, or the last (-1).",
    "starts_on": "Write the first day like 2026-11-30, at most five years from now.",
    "ends_on": "The last day comes after the first, and is written like 2027-11-30.",
}
_CONDITION_RULES = {
    "buy_below_cents": "Bitcoin will not cost that little: choose a higher price to buy below.",
    "dip": "For a dip, say by how much the price falls and how much more to buy then.",
    "dip_bps": "The price will not fall that much in a day: choose a smaller dip.",
    "dip_extra_cents": "What is bought on a dip, with the extra, is more than one buy may be.",
    "cap_cents": "The cap leaves no room for another buy: choose one of at least what is spent and one buy more.",
}
_FUNDING_RULES = {
    "funding": "Choose wallet or bank.",
    "source_id": "Choose the bank that it is paid from, or pay from your wallet.",
    "lead_bank_days": "Money from a bank needs 1 to 10 business days of lead; from your wallet it needs none.",
    "frequency": "A bank cannot be asked every hour: pay hourly plans from your wallet.",
    "on_shortfall": "When there is too little money: choose skip or retry, or for a bank also use_wallet.",
    "catch_up": "After an outage of ours: choose one (one buy for all that were missed) or skip.",
}


class PlanNameInvalid(PayaError):
    """The plan's name is empty, too long, or holds what nobody sees."""

    code = "plan_name_invalid"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says the rule."""
        return f"Not saved. A plan's name has 1 to 40 characters. {NOTHING_BOUGHT}"


class BuyAmountInvalid(PayaError):
    """One buy is below the least or above the most."""

    code = "buy_amount_invalid"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says both bounds."""
        least, most = format_cents(facts.get("min_cents") or 500), format_cents(facts.get("max_cents") or 100_000)
        return f"Not saved. One buy is {least} at least and {most} at most. {NOTHING_BOUGHT}"


class ScheduleInvalid(PayaError):
    """A part of the schedule is none. `field` names it."""

    code = "schedule_invalid"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says the rule of that part."""
        rule = _SCHEDULE_RULES.get(facts.get("field", ""), "The schedule is not complete.")
        return f"Not saved. {rule} {NOTHING_BOUGHT}"


class ScheduleNever(PayaError):
    """The schedule has no due time any more."""

    code = "schedule_never"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return (
            "Not saved. No buy falls between now and the last day. "
            f"Choose a later last day, or end the plan. {NOTHING_BOUGHT}"
        )


class PlanConditionInvalid(PayaError):
    """A condition can never hold, so that nothing would ever be bought. `field` names it."""

    code = "plan_condition_invalid"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says which, and what could hold."""
        rule = _CONDITION_RULES.get(facts.get("field", ""), "A condition of this plan can never hold.")
        return f"Not saved. {rule} {NOTHING_BOUGHT}"


class PlanFundingInvalid(PayaError):
    """Where the money comes from is not said, or does not fit. `field` names what."""

    code = "plan_funding_invalid"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says the rule."""
        rule = _FUNDING_RULES.get(facts.get("field", ""), "Say where the money comes from.")
        return f"Not saved. {rule} {NOTHING_BOUGHT}"


class PlanBankUnconfirmed(PayaError):
    """The bank that is to pay was not shown to be the person's own yet."""

    code = "plan_bank_unconfirmed"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return f"Not saved. Confirm the two small deposits from this bank first. {NOTHING_BOUGHT}"


class PlansLimit(PayaError):
    """Too many plans that go on."""

    code = "plans_limit"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says how many, and what to do."""
        return f"Not saved. You have {facts.get('max', 20)} plans, which is the most. End one first. {NOTHING_BOUGHT}"


class PlanKeyReused(PayaError):
    """The id of a plan or of a change was used for something else."""

    code = "plan_key_reused"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return (
            "Not saved. This page has already saved something else, which stands. Nothing more was changed."
            " Open Save again to go on."
        )


class PlanEnded(PayaError):
    """The plan has ended, and ended plans do not change."""

    code = "plan_ended"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return f"This plan has ended. {NOTHING_CHANGED} What it bought is yours. Make a new plan to go on."


class NothingToSkip(PayaError):
    """No buy is ahead: the plan is paused, or its schedule is over. With `max`: that many are skipped already."""

    code = "nothing_to_skip"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says so."""
        if facts.get("max"):
            return (
                f"Not skipped: {facts['max']} buys ahead are skipped already. Pause the plan instead. {NOTHING_CHANGED}"
            )
        return f"Nothing to skip: this plan has no buy ahead. {NOTHING_CHANGED}"


class SkipTooLate(PayaError):
    """The buy that was to be skipped has begun, or is over."""

    code = "skip_too_late"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says that it goes on, and that no other was skipped in its place."""
        return "Not skipped: this buy has begun or is over. The buys after it happen as planned."


class PlanAccountUnavailable(PayaError):
    """The wallet cannot give money."""

    code = "plan_account_unavailable"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says so."""
        if facts.get("state") in ("restricted", "frozen"):
            return f"Not saved. Your account is {facts['state']}. {NOTHING_BOUGHT} Home says why, and what to do."
        return f"Not saved. Your wallet cannot buy bitcoin right now. {NOTHING_BOUGHT}"


class DueTimesStale(PayaError):
    """The due times that came along are not ahead, or not in order: a moment passed between counting and saving."""

    code = "due_times_stale"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says that trying again is safe."""
        return f"Not saved: a buy fell due at this very moment. {NOTHING_BOUGHT} Try again."
