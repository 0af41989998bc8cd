"""Which sites' pages may call with a key: those of `PAYA_API_ORIGINS`, and none by default.

A key in a page is a key in everybody's hands: this is for pages of one's own on a machine of one's own. No cookie is
ever let in from elsewhere.
"""

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paya_app.api.v1.keyed import KeyedRoute
from paya_app.core.config import settings

ASKED_WITH = "authorization, content-type, idempotency-key, x-idempotency-key, paya-version"
TOLD_WITH = "request-id, idempotent-replayed, paya-version, ratelimit, ratelimit-policy, retry-after, location"
REMEMBERED_S = 600
METHODS = ("GET", "POST")


class KeyedCors:
    """Lets pages of listed sites read what routes with a key answer."""

    def __init__(self, app: ASGIApp, *, routers: Sequence[APIRouter]) -> None:
        self.app = app
        self.routes = [route for router in routers for route in router.routes]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what browsers ask beforehand; mark the answers of keyed routes; pass everything else on."""
        origin = Headers(scope=scope).get("origin") if scope["type"] == "http" else None
        if origin is None or origin not in settings().paya_api_origins.split():
            await self.app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS" and (methods := self._methods_at(scope)):
            headers = {
                "access-control-allow-origin": origin,
                "access-control-allow-methods": ", ".join(methods),
                "access-control-allow-headers": ASKED_WITH,
                "access-control-max-age": str(REMEMBERED_S),
                "vary": "Origin",
            }
            await Response(status_code=204, headers=headers)(scope, receive, send)
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start" and isinstance(scope.get("route"), KeyedRoute):
                headers = MutableHeaders(scope=message)
                headers["access-control-allow-origin"] = origin
                headers["access-control-expose-headers"] = TOLD_WITH
                headers.add_vary_header("Origin")
            await send(message)

        await self.app(scope, receive, marked)

    def _methods_at(self, scope: Scope) -> list[str]:
        scopes = {method: {**scope, "method": method} for method in METHODS}
        return [
            method
            for method, asked in scopes.items()
            if any(route.matches(asked)[0] is Match.FULL for route in self.routes)
        ]
