"""What all pages have whose press is confirmed on a review.

What is confirmed comes back with the press, as the page showed it; where that is not what was reviewed here,
nothing moves.
"""

from dataclasses import asdict
from typing import Any, Protocol, TypeGuard, TypeVar

import reflex as rx

from paya_app.core.errors import PayaError
from paya_app.web.forms import read_flag


class Reviewed(Protocol):
    """What was understood and waits for the press; `review` is the dataclass that the page shows of it."""

    def review(self) -> Any:
        """What the press brings back, every field of it a text."""
        ...


R = TypeVar("R", bound=Reviewed)


def is_confirmed(order: R | None, shown: object) -> TypeGuard[R]:
    """Whether the press is about this order: `shown` has every text of its review, and nothing else."""
    return order is not None and shown == asdict(order.review())


class Reviewing(rx.State, mixin=True):
    """`settled` changes with every answer to a press, `fault` says what was refused."""

    fault: str = ""
    reviewing: bool = False
    settled: int = 0

    @rx.event
    def set_reviewing(self, wanted: bool) -> None:  # noqa: FBT001 - an event's argument
        """Put the review away. It is opened by `ask_review` alone."""
        try:
            if not read_flag(wanted):
                self.reviewing = False
        except PayaError as error:
            self.fault = error.message

    def _refuse(self, sentence: str) -> None:
        """Say why not, in place of the review."""
        self.reviewing, self.fault = False, sentence
