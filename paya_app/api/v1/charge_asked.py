"""What is asked of charges, field by field. Names carry units; on the founding paths they are the founding ones."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AliasChoices, BeforeValidator, Field, StringConstraints

from paya_app.api.v1.asked import Asked, whole
from paya_app.api.v1.plan_models import Moment
from paya_app.core.ids import parse_id

AMOUNT_MINOR_MAX = 99_999_999
CLOCK_SECONDS_MAX = 366 * 24 * 3600
YEARS = (2000, 2200)
NO_NUL = r"^[^\x00]*$"

Currency = Literal["USD", "EUR", "GBP", "CAD"]
Minor = Annotated[
    int,
    Field(ge=1, le=AMOUNT_MINOR_MAX, description="In the currency's smallest unit: 1250 is 12.50 dollars."),
    BeforeValidator(whole),
]
Card = Annotated[
    str,
    Field(
        description="The number of a test card, like 4242424242424242. Any other is refused, and never kept.",
        min_length=1,
        max_length=30,
        pattern=NO_NUL,
    ),
]
Partial = Annotated[bool, Field(description="Take part of the amount where the card has no more.")]
Metadata = Annotated[
    dict[
        Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=NO_NUL)],
        Annotated[str, StringConstraints(max_length=500, pattern=NO_NUL)],
    ],
    Field(description="Texts of yours, by name: 50 at most. A card's number among them is refused.", max_length=50),
]


def utc_text(moment: datetime) -> str | None:
    """The moment in UTC, as the database reads it; None for one that no account's clock can show."""
    return moment.astimezone(UTC).isoformat() if YEARS[0] <= moment.year < YEARS[1] else None


Id = Annotated[UUID, BeforeValidator(lambda value: parse_id(value) or value)]
RefundReason = Literal["duplicate", "fraudulent", "requested_by_customer"]
DisputeReason = Literal["fraudulent", "duplicate", "product_not_received", "credit_not_processed", "general"]

_BOTH = "In the currency's smallest unit: 1250 is 12.50 dollars. `amount_minor` is another name for it."
_NAMES = AliasChoices("amount", "amount_minor")


class NewCharge(Asked):
    """A charge to authorize."""

    card: Card
    amount_minor: Minor
    currency: Currency
    allow_partial: Partial = False
    metadata: Metadata = Field(default_factory=dict)


class AuthorizeAsked(Asked):
    """A charge to authorize, in the words of the founding contract."""

    card: Card
    amount_minor: Minor = Field(validation_alias=_NAMES, description=_BOTH)
    currency: Currency = "USD"
    allow_partial: Partial = False
    metadata: Metadata = Field(default_factory=dict)


class CaptureAsked(Asked):
    """What to capture of an authorization, in the words of the founding contract."""

    auth_id: Annotated[Id, Field(description="`auth_id` of an authorization.")]
    amount_minor: Minor | None = Field(
        default=None, validation_alias=_NAMES, description=f"{_BOTH} Left out: all that is left."
    )
    final: bool = Field(default=True, description="Whether the rest is released.")


class RefundAsked(Asked):
    """What to refund of a capture, in the words of the founding contract."""

    transaction_id: Annotated[Id, Field(description="`transaction_id` of a capture.")]
    amount_minor: Minor | None = Field(
        default=None, validation_alias=_NAMES, description=f"{_BOTH} Left out: all that is left."
    )
    reason: RefundReason | None = None


class CaptureOf(Asked):
    """What to capture of a charge."""

    amount_minor: Minor | None = Field(default=None, description="Left out: all that is left.")
    final: bool = Field(default=True, description="Whether the rest is released.")


class IncrementOf(Asked):
    """How much more to authorize."""

    amount_minor: Minor


class RefundOf(Asked):
    """What to refund of a charge."""

    amount_minor: Minor | None = Field(default=None, description="Left out: all that is left.")
    reason: RefundReason | None = None


class DisputeOf(Asked):
    """What of a charge its cardholder disputes."""

    amount_minor: Minor | None = Field(default=None, description="Left out: all that is left.")
    reason: DisputeReason = "fraudulent"


class Evidence(Asked):
    """What is said to a dispute."""

    evidence: str = Field(
        min_length=1,
        max_length=2000,
        pattern=NO_NUL,
        description="`losing_evidence` loses, all other words win.",
    )


class Nothing(Asked):
    """No field: everything is said by the address."""


class Advance(Asked):
    """How far to turn the clock."""

    seconds: Annotated[int, Field(ge=1, le=CLOCK_SECONDS_MAX, description="86400 is a day."), BeforeValidator(whole)]


class Freeze(Asked):
    """Where to stop the clock."""

    at: Moment = Field(description="A moment, like 2027-01-31T09:00:00Z.")


class Settle(Asked):
    """What to settle."""

    everything: bool = Field(default=False, description="Whether captures whose day has not come are settled, too.")
