"""The library's client with our address, a token kept until it runs out, and errors sorted into three.

The library is synchronous and heavy to import, so it is loaded on the first call and runs in threads. Its
sessions are not made for sharing, so each thread has its own.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from paya_app.core.config import settings
from paya_app.providers.breaker import guarded
from paya_app.providers.outcome import ProviderFailure, Rejected, Retryable, Unknown, wait_told

VENDOR = "dwolla"
TIMEOUT_S = (2.0, 10.0)  # to connect, to answer
TOKEN_MARGIN_S = 60

# what reading an answer of another shape than promised ends in
_WRONG_SHAPE = (KeyError, TypeError, ValueError, AttributeError, IndexError)
_TOO_MANY, _CONFLICT, _TIMED_OUT, _BAD_REQUEST, _UNAUTHORIZED, _SERVER = 429, 409, 408, 400, 401, 500

Read = TypeVar("Read")


class Connection:
    """One set of credentials at one address."""

    def __init__(self, *, base_url: str, environment: str, key: str, secret: str) -> None:
        import dwollav2

        class Client(dwollav2.Client):
            ENVIRONMENTS = dwollav2.Client.ENVIRONMENTS | {
                "local": {"auth_url": f"{base_url}/auth", "token_url": f"{base_url}/token", "api_url": base_url}
            }

        self._client = Client(
            key=key,
            secret=secret,
            environment="local" if base_url else environment,
            requests={"timeout": TIMEOUT_S},
        )
        self._lock = threading.Lock()
        self._token_text = ""
        self._token_until_s = 0.0
        self._thread = threading.local()
        self._tokens: list[Any] = []

    @property
    def api_url(self) -> str:
        """Where the API is; addresses of resources begin with it."""
        return self._client.api_url

    async def get(
        self, path: str, params: Mapping[str, Any] | None = None, *, read_as: Callable[[dict[str, Any]], Read]
    ) -> Read:
        """What `read_as` makes of a resource's body. A read that fails can always be made again: never `Unknown`."""

        def read(token: Any) -> Read:
            body = token.get(path, dict(params or {})).body
            if not isinstance(body, dict):
                raise Retryable("malformed_answer")
            try:
                return read_as(body)
            except _WRONG_SHAPE as error:
                raise Retryable("malformed_answer") from error

        try:
            return await self._run(read)
        except Unknown as unknown:
            raise Retryable(unknown.reason, is_outage=unknown.is_outage) from unknown

    async def post(self, path: str, body: Mapping[str, Any], *, key: str = "") -> str:
        """Make something and return its id ("" when the vendor names none); `key` makes it happen once."""
        headers = {"Idempotency-Key": key} if key else {}
        response = await self._run(lambda token: token.post(path, dict(body), headers))
        location = response.headers.get("location", "")
        return location.rsplit("/", 1)[-1]

    async def _run(self, work: Callable[[Any], Any]) -> Any:
        return await guarded(VENDOR, lambda: asyncio.to_thread(self._call, work))

    def _call(self, work: Callable[[Any], Any]) -> Any:
        for last in (False, True):
            try:
                return work(self._token())
            except ProviderFailure:
                raise
            except Exception as error:
                failure = sort(error)
                if failure is None:
                    raise
                if not last and isinstance(failure, _TokenRefused):
                    self._forget_token()
                    continue
                raise failure from error
        raise AssertionError

    def _token(self) -> Any:
        with self._lock:
            if time.monotonic() >= self._token_until_s:
                self._token_text, expires_s = self._granted()
                self._token_until_s = time.monotonic() + max(expires_s - TOKEN_MARGIN_S, 0)
            text = self._token_text
        held = getattr(self._thread, "token", None)
        if held is None or held.access_token != text:
            if held is not None:
                held._session.close()  # noqa: SLF001 - as in close()
            held = self._thread.token = self._client.Token(access_token=text)
            with self._lock:
                self._tokens.append(held)
        return held

    def _granted(self) -> tuple[str, int]:
        """A fresh token and for how many seconds it is good. Without one nothing was asked for: never `Unknown`."""
        try:
            granted = self._client.Auth.client()
            return str(granted.access_token), int(granted.expires_in or 0)
        except Exception as error:
            failure = sort(error)
            if isinstance(failure, Unknown):
                raise Retryable(failure.reason, is_outage=failure.is_outage) from error
            if failure is None and isinstance(error, _WRONG_SHAPE):
                raise Retryable("malformed_answer:token") from error
            raise

    def close(self) -> None:
        """Hang up every kept-alive connection; only when no call is under way."""
        for holder in (self._client, *self._tokens):
            holder._session.close()  # noqa: SLF001 - the library opens sessions and offers no way to close them

    def _forget_token(self) -> None:
        with self._lock:
            self._token_until_s = 0.0


class _TokenRefused(Retryable):
    """The vendor does not take our token (any more), so it did nothing."""


def sort(error: Exception) -> ProviderFailure | None:
    """Which of the three a library's exception is, or None when it is no failure of the vendor."""
    import dwollav2
    import requests
    import urllib3

    if isinstance(error, dwollav2.Error):
        return _by_status(error)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return Retryable("unreachable")
    if isinstance(error, requests.exceptions.ConnectionError):
        reason = error.args[0] if error.args else None
        cause = getattr(reason, "reason", None)
        never_sent = isinstance(cause, (urllib3.exceptions.NewConnectionError, urllib3.exceptions.NameResolutionError))
        return Retryable("unreachable") if never_sent else Unknown("connection_lost")
    if isinstance(error, requests.exceptions.Timeout):
        return Unknown("no_answer_in_time")
    if isinstance(error, requests.exceptions.RequestException):
        return Unknown(type(error).__name__)
    return None


def _by_status(error: Any) -> ProviderFailure:
    body = error.body if isinstance(error.body, dict) else {}
    status = getattr(error, "status", _SERVER)
    # as OAuth writes; under any other status somebody between us may have said it, of what was done all the same
    if "error" in body and "code" not in body and status in (_BAD_REQUEST, _UNAUTHORIZED):
        return Retryable(f"credentials:{body['error']}", is_outage=False)
    if status == _UNAUTHORIZED:
        return _TokenRefused(f"credentials:{body.get('code', status)}", is_outage=False)
    if status == _TOO_MANY:
        after = error.headers.get("retry-after", "") if hasattr(error, "headers") else ""
        return Retryable("too_many_requests", retry_after_s=wait_told(after), is_outage=False)
    if status in (_TIMED_OUT, _CONFLICT) or status >= _SERVER or not isinstance(error.body, dict):
        return Unknown(f"status_{status}", is_outage=status >= _SERVER)
    return _refusal(body, status)


def _refusal(body: dict[str, Any], status: int) -> ProviderFailure:
    """Dwolla's "no", or `Unknown` for one not written as Dwolla writes: somebody between us may have said it."""
    try:
        faults = body.get("_embedded", {}).get("errors") or [body]
        fault = faults[0]
        about = fault.get("_links", {}).get("about", {}).get("href", "")
        code = fault.get("code", body.get("code"))
    except _WRONG_SHAPE:
        fault, about, code = {}, "", None
    if not isinstance(code, str) or not code:
        return Unknown(f"status_{status}", is_outage=False)
    return Rejected(
        code,
        str(fault.get("message", "")),
        path=str(fault.get("path", "")),
        about=str(about),
    )


_connections: dict[tuple[str, str, str, str], Connection] = {}


def close() -> None:
    """Hang up on the vendor (on shutdown, and between tests)."""
    while _connections:
        _connections.popitem()[1].close()


def connection() -> Connection:
    """The connection that the settings describe."""
    the = settings()
    described = (
        the.dwolla_base_url.rstrip("/"),
        the.dwolla_environment,
        the.dwolla_key,
        the.dwolla_secret.get_secret_value(),
    )
    found = _connections.get(described)
    if found is None:
        base_url, environment, key, secret = described
        found = Connection(base_url=base_url, environment=environment, key=key, secret=secret)
        _connections[described] = found
    return found
