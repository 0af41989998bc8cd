"""The library's client with our address and keys, and errors sorted into three.

The library is synchronous and heavy to import, so it is loaded on the first call and runs in threads; its pool of
connections is made for sharing. Its answers are typed: one of another shape is raised, never handed on.
"""

import asyncio
import json
from importlib import import_module
from typing import Any

from paya_app.core.config import settings
from paya_app.providers.breaker import guarded
from paya_app.providers.outcome import ProviderFailure, Rejected, Retryable, Unknown, wait_told

VENDOR = "plaid"
TIMEOUT_S = (2.0, 10.0)  # to connect, to answer

# what reading an answer of another shape than promised ends in
_WRONG_SHAPE = (KeyError, TypeError, ValueError, AttributeError, IndexError)
_TOO_MANY, _SERVER = 429, 500
# what is wrong with our account at the vendor, and with nothing that a person did
_CREDENTIALS = {"INVALID_API_KEYS", "UNAUTHORIZED_ENVIRONMENT", "INVALID_CLIENT_ID", "PRODUCT_NOT_ENABLED"}


class Connection:
    """One set of keys at one address."""

    def __init__(self, *, host: str, client_id: str, secret: str) -> None:
        import plaid
        from plaid.api import plaid_api

        described: Any = plaid.Configuration(host=host, api_key={"clientId": client_id, "secret": secret})
        described.retries = 0  # we decide what is tried again
        self._client: Any = plaid.ApiClient(described)
        self._api = plaid_api.PlaidApi(self._client)

    async def call(self, verb: str, body: dict[str, Any], *, makes: bool) -> dict[str, Any]:
        """The one way to the vendor: the answer of the verb `verb`, as plain JSON values.

        Args:
            verb: the library's name of an endpoint, like `accounts_get`.
            body: the request, as Plaid's reference writes it.
            makes: whether it changes something there. What only reads is never `Unknown`.

        Raises:
            Retryable, Rejected, Unknown: there is no answer.
        """
        try:
            return await guarded(VENDOR, lambda: asyncio.to_thread(self._call, verb, body))
        except Unknown as unknown:
            if makes:
                raise
            raise Retryable(unknown.reason, is_outage=unknown.is_outage) from unknown

    def _call(self, verb: str, body: dict[str, Any]) -> dict[str, Any]:
        import plaid

        model = getattr(import_module(f"plaid.model.{verb}_request"), _class_name(verb))
        # what cannot be read as the request that it is, is a fault of ours and no answer of the vendor's
        how = {"_spec_property_naming": True, "_configuration": self._client.configuration}
        request = model._from_openapi_data(**body, **how)  # noqa: SLF001 - the one that reads nested plain values
        try:
            return getattr(self._api, verb)(request, _request_timeout=TIMEOUT_S).to_dict()
        except Exception as error:
            failure = sort(error)
            if failure is None and isinstance(error, (plaid.OpenApiException, *_WRONG_SHAPE)):
                failure = Unknown("malformed_answer")
            if failure is None:
                raise
            # what the library raises holds the whole answer, tokens included: it goes no further
            raise failure from None

    def close(self) -> None:
        """Hang up; only when no call is under way."""
        self._client.rest_client.pool_manager.clear()
        self._client.close()


def _class_name(verb: str) -> str:
    return "".join(part.capitalize() for part in verb.split("_")) + "Request"


def sort(error: Exception) -> ProviderFailure | None:
    """Which of the three a library's exception is, or None when it is no failure of the vendor."""
    import plaid
    import urllib3.exceptions as trouble

    if isinstance(error, plaid.ApiException):
        return _by_answer(error)
    if isinstance(error, trouble.MaxRetryError):
        error = error.reason or error
    if isinstance(error, (trouble.NewConnectionError, trouble.ConnectTimeoutError, trouble.NameResolutionError)):
        return Retryable("unreachable")
    if isinstance(error, trouble.TimeoutError):
        return Unknown("no_answer_in_time")
    if isinstance(error, trouble.HTTPError):
        return Unknown("connection_lost")
    return None


def _by_answer(error: Any) -> ProviderFailure:
    status = error.status or 0
    try:
        body = json.loads(error.body)
        kind, code = str(body["error_type"]), str(body["error_code"])
    except (ValueError, TypeError, KeyError):
        return Unknown(f"status_{status}", is_outage=status >= _SERVER)
    if status == _TOO_MANY or kind == "RATE_LIMIT_EXCEEDED":
        after = (error.headers or {}).get("retry-after", "")
        return Retryable("too_many_requests", retry_after_s=wait_told(after), is_outage=False)
    if status >= _SERVER or kind == "API_ERROR":
        return Unknown(f"status_{status}:{code}")
    if code in _CREDENTIALS:
        return Retryable(f"credentials:{code}", is_outage=False)
    if kind == "INSTITUTION_ERROR":
        return Retryable(code, is_outage=False)
    return Rejected(code, str(body.get("error_message") or ""))


_connections: dict[tuple[str, str, str], Connection] = {}


def close() -> None:
    """Hang up on the vendor (on shutdown, and between tests)."""
    while _connections:
        _connections.popitem()[1].close()


def connection() -> Connection:
    """The connection that the settings describe."""
    the = settings()
    host = the.plaid_base_url.rstrip("/") or f"https://{the.plaid_environment}.plaid.com"
    described = (host, the.plaid_client_id, the.plaid_secret.get_secret_value())
    if described not in _connections:
        _connections[described] = Connection(host=host, client_id=described[1], secret=described[2])
    return _connections[described]
