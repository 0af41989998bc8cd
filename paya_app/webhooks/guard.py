"""A way to an address that cannot be turned aside: resolve once, check, connect to exactly what was checked.

A name may mean a public address when it is checked and a private one when it is connected to. So the transport looks it
up itself, refuses it when any of its addresses is not public, and connects to the address, with the name left in the
Host header and in the TLS handshake, where the certificate is checked against it.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial

import httpx

from paya_app.webhooks.targets import may_reach, may_use_port, port_of

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]

ADDRESSES_MAX = 3
LOOK_UPS_AT_ONCE = 32


class TargetBlocked(Exception):
    """The target is none that we send to; its text says why."""


async def by_system(host: str, port: int) -> Sequence[str]:
    """The addresses that this machine's resolver gives for `host`, in its order of preference.

    Raises:
        OSError: there are none.
    """
    look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(_look_ups(), look_up)
    return list(dict.fromkeys(str(address[4][0]) for address in found))


class CheckedTransport(httpx.AsyncBaseTransport):
    """Sends to addresses that were checked, over a connection of its own for each request.

    A pool would hand a connection made for one name to another name at the same address, past its certificate.
    """

    def __init__(self, *, resolve: Resolver, loopback_allowed: bool, tls: ssl.SSLContext | None = None) -> None:
        self._resolve = resolve
        self._loopback_allowed = loopback_allowed
        self._tls = tls or _tls()
        self._inner: list[httpx.AsyncHTTPTransport] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer of the first of the target's addresses that takes a connection.

        Raises:
            TargetBlocked: the port, or any address of the name, is none that we send to.
            httpx.ConnectError: the name has no address, or none answers.
        """
        host = request.url.raw_host.decode().strip("[]")  # xn--, as resolvers and certificates have it
        addresses = await self._checked(host, port_of(request.url))
        refused: httpx.TransportError | None = None
        for address in addresses[:ADDRESSES_MAX]:
            directed = httpx.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,  # Host is there already, with the name
                stream=request.stream,
                extensions=request.extensions | ({} if host == address else {"sni_hostname": host}),
            )
            inner = httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False, retries=0)
            self._inner.append(inner)
            try:
                return await inner.handle_async_request(directed)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                refused = error
        raise refused or httpx.ConnectError(f"{host} has no address", request=request)

    async def aclose(self) -> None:
        """Close every connection that was made."""
        while self._inner:
            await self._inner.pop().aclose()

    async def _checked(self, host: str, port: int) -> Sequence[str]:
        if not may_use_port(port):
            raise TargetBlocked(f"We do not send to port {port}.")
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise httpx.ConnectError(f"{host} has no address") from None
        for address in addresses:
            # one is enough: nobody needs a name that is public and private at once
            if not may_reach(address, loopback_allowed=self._loopback_allowed):
                raise TargetBlocked(f"{host} leads to {address}, which is not on the public internet.")
        return addresses


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """Reading the list of authorities takes longer than most deliveries: once for all."""
    return httpx.create_ssl_context(trust_env=False)


@lru_cache(maxsize=1)
def _look_ups() -> ThreadPoolExecutor:
    """Threads of their own: one that waits for a slow name server outlives our patience and holds up nobody."""
    return ThreadPoolExecutor(LOOK_UPS_AT_ONCE, thread_name_prefix="webhook names")
