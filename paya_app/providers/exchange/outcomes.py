"""Which of the three an exception of ccxt is. What is not known for a refusal is `Unknown`: an order costs money."""

import json
from collections.abc import Iterator
from typing import Any

from paya_app.providers.outcome import ProviderFailure, Rejected, Retryable, Unknown, wait_told

# what reading an answer of another shape than promised ends in
WRONG_SHAPE = (KeyError, TypeError, ValueError, AttributeError, IndexError)

_TOO_MANY, _SERVER = 429, 500
# how long Kraken's counter takes to fall by a call or two
SLOW_DOWN_S = 5.0

# As Kraken writes them, or what they begin with. Not done, and may be tried again:
_SLOW_DOWN = (
    "EAPI:Rate limit exceeded",
    "EOrder:Rate limit exceeded",
    "EOrder:Orders limit exceeded",
    "EGeneral:Too many requests",
    "EGeneral:Temporary lockout",
    "EService:Throttled",
    "EService: Throttled",
)
_MARKET_CLOSED = ("EService:Market in",)
_NONCE = ("EAPI:Invalid nonce",)
# what is wrong with our key, and with nothing that a person did
_CREDENTIALS = (
    "EAPI:Invalid key",
    "EAPI:Invalid signature",
    "EAPI:Feature disabled",
    "EGeneral:Permission denied",
    "ESession:",
    "EAuth:",
)
# These do not say that nothing was done:
_NOBODY_KNOWS = ("EService:", "EGeneral:Internal error", "EDatabase:", "EGeneral:Unknown error")


def sort(error: Exception) -> ProviderFailure | None:
    """What became of the call, or None when it is no failure of the vendor."""
    import ccxt

    if not isinstance(error, ccxt.BaseError):
        return None
    said = _said(error)
    return _by_what_it_said(said) if said else _by_connection(error)


def _said(error: Exception) -> list[str]:
    """Kraken's own errors, which ccxt puts whole into its message."""
    _, _, text = str(error).partition(" ")
    try:
        told = json.loads(text)["error"]
    except (*WRONG_SHAPE, RecursionError):
        return []
    return [each for each in told if isinstance(each, str)] if isinstance(told, list) else []


def _by_what_it_said(said: list[str]) -> ProviderFailure:
    errors = [each for each in said if each.startswith("E")]
    if not errors:
        # a warning: it was done, but ccxt keeps the answer to itself
        return Unknown(f"warned:{said[0]}", is_outage=False)
    first = errors[0]
    if first.startswith(_SLOW_DOWN):
        return Retryable("too_many_requests", retry_after_s=SLOW_DOWN_S, is_outage=False)
    if first.startswith(_MARKET_CLOSED):
        return Retryable("market_closed", is_outage=False)
    if first.startswith(_NONCE):
        return Retryable("nonce", is_outage=False)
    if first.startswith(_CREDENTIALS):
        return Retryable(f"credentials:{first}", is_outage=False)
    if first.startswith(_NOBODY_KNOWS):
        return Unknown(first)
    return Rejected(first, " ".join(errors[1:]))


def _by_connection(error: Exception) -> ProviderFailure:
    import requests
    import urllib3

    for cause in _causes(error):
        if isinstance(cause, requests.HTTPError) and cause.response is not None:
            return _by_status(cause.response)
        if isinstance(cause, requests.ConnectTimeout):
            return Retryable("unreachable")
        if isinstance(cause, requests.Timeout):
            return Unknown("no_answer_in_time")
        if isinstance(cause, requests.ConnectionError):
            reason = getattr(cause.args[0] if cause.args else None, "reason", None)
            never_sent = isinstance(
                reason, (urllib3.exceptions.NewConnectionError, urllib3.exceptions.NameResolutionError)
            )
            return Retryable("unreachable") if never_sent else Unknown("connection_lost")
        if isinstance(cause, requests.RequestException):
            return Unknown(type(cause).__name__)
    return Unknown(type(error).__name__, is_outage=False)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _by_status(response: Any) -> ProviderFailure:
    status = response.status_code
    if status == _TOO_MANY:
        return Retryable(
            "too_many_requests", retry_after_s=wait_told(response.headers.get("retry-after", "")), is_outage=False
        )
    # under any other status somebody between us may have said it, of what was done all the same
    return Unknown(f"status_{status}", is_outage=status >= _SERVER)
