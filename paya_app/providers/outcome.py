"""What can become of a call to a vendor, besides an answer."""


class ProviderFailure(Exception):
    """A call that gave no answer to go on with; always one of the three below.

    `is_outage`: the connection or the vendor itself failed (5xx), which its breaker counts. What the vendor answers
    with a 4xx, "too many requests" too, shows that it is there.
    """

    is_outage = False


class Retryable(ProviderFailure):
    """It did not happen, and the same call may be made again later."""

    def __init__(self, reason: str, *, retry_after_s: float | None = None, is_outage: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_s = retry_after_s
        self.is_outage = is_outage


class Rejected(ProviderFailure):
    """The vendor refused: it did not happen, and the same call would be refused again.

    Attributes:
        code: the vendor's own word for why, e.g. `Duplicate` or `InvalidResourceState`.
        path: which part of the request, as the vendor writes it, or "".
        detail: the vendor's sentence, for logs; people read ours.
        about: the address of what stood in the way, where the vendor names it.
    """

    def __init__(self, code: str, detail: str = "", *, path: str = "", about: str = "") -> None:
        super().__init__(f"{code} {path} {detail}".strip())
        self.code = code
        self.path = path
        self.detail = detail
        self.about = about


class Unknown(ProviderFailure):
    """Nobody knows whether it happened. Never repeat it blindly: ask, or use the same idempotency key."""

    def __init__(self, reason: str, *, is_outage: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_outage = is_outage


def wait_told(retry_after: str) -> float | None:
    """`Retry-After` in seconds, as far as it says so; a date is as good as nothing, for clocks differ."""
    told = retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 6  # noqa: PLR2004 - a day has 5 digits
    return float(retry_after) if told else None
