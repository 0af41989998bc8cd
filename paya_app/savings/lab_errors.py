"""Refusals of the lab: what cannot be tried, and what can."""

from typing import Any

from paya_app.core.errors import PayaError

NOTHING_TRIED = "Nothing was tried, and no money is involved."


class LabPeriodInvalid(PayaError):
    """How far to look back or ahead is no whole number of days within the bounds. `field` names which."""

    code = "lab_period_invalid"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says the bounds."""
        where = "ahead" if facts.get("field") == "ahead_days" else "back"
        return f"The lab looks {where} by {facts.get('min', 30)} to {facts.get('max', 1830)} days. {NOTHING_TRIED}"


class LabTooMany(PayaError):
    """So many buys fall into that time that the lab does not count them."""

    code = "lab_too_many"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return f"That is more buys than the lab counts. Choose a shorter time, or buy less often. {NOTHING_TRIED}"


class LabNoPrices(PayaError):
    """Too few daily prices are kept. With `days`: how many there are."""

    code = "lab_no_prices"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says that they come by themselves."""
        kept = f"only {facts['days']} days of prices" if facts.get("days") else "no daily prices yet"
        return f"There are {kept}. They come from the exchange by themselves: try again in a minute. {NOTHING_TRIED}"


class LabNothingDue(PayaError):
    """The schedule has no time within what was asked for."""

    code = "lab_nothing_due"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return f"No buy falls into that time. Choose a longer time, or buy more often. {NOTHING_TRIED}"


class LabBusy(PayaError):
    """A trial of the same person's goes on."""

    code = "lab_busy"
    status = 429

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return f"Another trial of yours is being counted. {NOTHING_TRIED} Try this one in a few seconds."
