"""A path is one line: what routers below take for the end of it stays encoded."""

import re

from starlette.types import ASGIApp, Receive, Scope, Send

# Starlette's mounts match with `.`, which stops at a line's end: they would not know such a path as theirs
_ENDS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


class OneLine:
    """Passes on every request; control characters and line ends in its path as they were written, like `%0A`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] in ("http", "websocket") and _ENDS.search(scope["path"]):
            scope = {**scope, "path": _ENDS.sub(_encoded, scope["path"])}
        await self._app(scope, receive, send)


def _encoded(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode())
