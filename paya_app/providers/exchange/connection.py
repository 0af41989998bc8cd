"""ccxt's client with our address and keys, one call after the other, and errors sorted into three.

The library is synchronous and heavy to import (0.5 s, 48 MB), so it is loaded with the first call. Kraken numbers
requests: a number below one that it has seen is refused. So signed calls go through one thread, and those of the
market, which need no number, through another; no call ever holds one of the threads that everybody shares.

Kraken's own verbs are called, not ccxt's common ones: those reckon in floats, and leave out what an order cost.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from paya_app.core.config import settings
from paya_app.providers.breaker import guarded
from paya_app.providers.exchange.outcomes import WRONG_SHAPE, sort
from paya_app.providers.outcome import ProviderFailure, Retryable, Unknown

VENDOR = "kraken"
URL = "https://api.kraken.com"
TIMEOUT_S = (2.0, 10.0)  # to connect, to answer

Read = TypeVar("Read")


class Connection:
    """One key at one address."""

    def __init__(self, *, base_url: str, key: str, secret: str) -> None:
        described = {"base_url": base_url, "key": key, "secret": secret}
        self._market, self._account = _Line(**described), _Line(**described)

    async def market(self, verb: str, params: Mapping[str, str], *, read_as: Callable[[Any], Read]) -> Read:
        """What `read_as` makes of a public verb's result. It can always be asked again: never `Unknown`."""
        return await self._read(self._market, f"public_get_{verb.lower()}", params, read_as)

    async def ask(self, verb: str, params: Mapping[str, str], *, read_as: Callable[[Any], Read]) -> Read:
        """What `read_as` makes of a private verb's result, of one that changes nothing: never `Unknown`."""
        return await self._read(self._account, f"private_post_{verb.lower()}", params, read_as)

    async def make(
        self, verb: str, params: Mapping[str, str], *, read_as: Callable[[Any], Read], within_s: float | None = None
    ) -> Read:
        """The same of a verb that does something; not sent at all when its turn does not come in `within_s` seconds.

        Raises:
            Retryable: it was not done.
            Rejected: it was refused.
            Unknown: nobody knows; look before it is done again.
        """
        not_after = None if within_s is None else time.monotonic() + within_s
        return await self._call(self._account, f"private_post_{verb.lower()}", params, read_as, not_after)

    async def _read(self, line: "_Line", verb: str, params: Mapping[str, str], read_as: Callable[[Any], Read]) -> Read:
        try:
            return await self._call(line, verb, params, read_as)
        except Unknown as unknown:
            raise Retryable(unknown.reason, is_outage=unknown.is_outage) from unknown

    async def _call(
        self,
        line: "_Line",
        verb: str,
        params: Mapping[str, str],
        read_as: Callable[[Any], Read],
        not_after: float | None = None,
    ) -> Read:
        async def work() -> Read:
            answer = await line.call(verb, params, not_after)
            try:
                return read_as(answer["result"])
            except WRONG_SHAPE as error:
                raise Unknown("malformed_answer") from error

        return await guarded(VENDOR, work)

    def close(self) -> None:
        """Hang up; only when no call is under way."""
        self._market.close()
        self._account.close()


class _Line:
    """Calls one after the other, in a thread and over a client of their own."""

    def __init__(self, **described: str) -> None:
        self._described = described
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=VENDOR)
        self._client: Any = None

    async def call(self, verb: str, params: Mapping[str, str], not_after: float | None = None) -> Any:
        """The whole answer of one of Kraken's verbs."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._call, verb, dict(params), not_after)

    def _call(self, verb: str, params: dict[str, str], not_after: float | None) -> Any:
        if self._client is None:
            self._client = _client(**self._described)
        if not_after is not None and time.monotonic() > not_after:
            raise Retryable("waited_too_long", is_outage=False)
        ask = getattr(self._client, verb)
        try:
            return ask(params)
        except Exception as error:
            failure: ProviderFailure | None = sort(error)
            if failure is None and isinstance(error, WRONG_SHAPE):
                failure = Unknown("malformed_answer")
            if failure is None:
                raise
            raise failure from error

    def close(self) -> None:
        """End the thread and hang up."""
        self._thread.shutdown()
        if self._client is not None:
            self._client.session.close()


def _client(*, base_url: str, key: str, secret: str) -> Any:
    import ccxt
    import requests

    class Session(requests.Session):
        def request(self, *args: Any, **kwargs: Any) -> requests.Response:
            # ccxt knows of one time-out, and would follow a redirect with our signature
            return super().request(*args, **kwargs | {"timeout": TIMEOUT_S, "allow_redirects": False})

    class Client(ccxt.kraken):
        _last_nonce = 0

        def nonce(self) -> int:
            # ccxt's milliseconds may be equal in two processes, and in two calls
            self._last_nonce = max(time.time_ns() // 1000, self._last_nonce + 1)
            return self._last_nonce

    # at its lowest level it writes signatures down
    logging.getLogger("ccxt.base.exchange").setLevel(logging.WARNING)
    return Client(
        {
            "apiKey": key,
            "secret": secret,
            "session": Session(),
            "enableRateLimit": False,  # it would sleep in the thread; Kraken says when it is too much
            "urls": {"api": {"public": base_url, "private": base_url}},
        }
    )


_connections: dict[tuple[str, str, str], Connection] = {}


def close() -> None:
    """Hang up on the vendor (on shutdown, and between tests)."""
    while _connections:
        _connections.popitem()[1].close()


def connection() -> Connection:
    """The connection that the settings describe."""
    the = settings()
    described = (the.kraken_base_url.rstrip("/") or URL, the.kraken_key, the.kraken_secret.get_secret_value())
    if described not in _connections:
        _connections[described] = Connection(base_url=described[0], key=described[1], secret=described[2])
    return _connections[described]
