"""The address that is us."""

from urllib.parse import urlsplit

from paya_app.core.config import Settings
from paya_app.server.guard import ASGIApp, Message, Receive, Scope, Send

_LOOPBACK = ("localhost", "127.0.0.1")


def own_origin(settings: Settings) -> str:
    """The exact origin that pages of ours have."""
    public = urlsplit(settings.public_url)
    return f"{public.scheme}://{public.netloc}"


def realtime_origin(settings: Settings) -> str:
    """`wss://…` of a realtime server on another origin than ours; empty when it is ours."""
    there, here = urlsplit(settings.auth_url), urlsplit(settings.public_url)
    if there.netloc == here.netloc:
        return ""
    return f"{'wss' if there.scheme == 'https' else 'ws'}://{there.netloc}"


def is_secure(settings: Settings) -> bool:
    """Whether people reach us over https."""
    return settings.public_url.startswith("https://")


class CanonicalHost:
    """ASGI middleware for a machine that people reach by two names: leads page views to the one that is us.

    Cookies, sockets and forms belong to one origin, so a page opened as 127.0.0.1 could not sign in at
    localhost. Only loopback names are led on, and only when a document is asked for.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._origin = own_origin(settings)
        public = urlsplit(settings.public_url)
        port = f":{public.port}" if public.port else ""
        self._others = (
            {f"{host}{port}".encode() for host in _LOOPBACK if host != public.hostname}
            if public.hostname in _LOOPBACK
            else set()
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Redirect, or pass on."""
        headers = dict(scope["headers"]) if scope["type"] == "http" and scope["method"] == "GET" else {}
        if headers.get(b"host") not in self._others or b"text/html" not in headers.get(b"accept", b""):
            await self._app(scope, receive, send)
            return
        query = scope["query_string"]
        target = self._origin.encode() + scope.get("raw_path", b"/") + (b"?" + query if query else b"")
        await send({"type": "http.response.start", "status": 307, "headers": [(b"location", target)]})
        await send({"type": "http.response.body", "body": b""})


class OwnRedirects:
    """ASGI middleware that keeps redirects to ourselves with us, whatever the Host header says.

    A framework makes `http://<Host header>/pay/` of `/pay`: a name that the caller chose, and the scheme of
    the last hop behind TLS. Such an address becomes a path. Redirects to other hosts are passed on.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with `Location` made relative."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        hosts = {value.lower() for name, value in scope["headers"] if name.lower() == b"host"}

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [
                    (name, _relative(value, hosts) if name.lower() == b"location" else value)
                    for name, value in message["headers"]
                ]
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, sending)


def _relative(location: bytes, hosts: set[bytes]) -> bytes:
    scheme, mark, rest = location.partition(b"://")
    if not mark or scheme.lower() not in (b"http", b"https"):
        return location
    end = min((at for at in map(rest.find, (b"/", b"?", b"#")) if at >= 0), default=len(rest))
    if rest[:end].lower() not in hosts:
        return location
    # a path of two slashes would name a host again
    return b"/" + rest[end:].lstrip(b"/\\")
