"""The one ASGI application: pages, API, and in embedded mode the stand-ins, behind guard and headers.

Imports stay inside the functions: building the pages imports the application, and needs none of this.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

COMPRESSED_BYTES_MIN = 1000

Application = Callable[..., Awaitable[None]]


def compose(pages: Application) -> Application:
    """Everything around Reflex's application, which serves the pages and their event socket.

    Outermost first: response headers, redirects that stay with us, realtime (embedded), the socket guard, the
    first paint, our routes.
    """
    from starlette.middleware.gzip import GZipMiddleware

    from paya_app.api.app import create_api
    from paya_app.api.cookies import SESSION, cookie_name
    from paya_app.core.config import settings
    from paya_app.server.faults import FAULTS, hush
    from paya_app.server.first_paint import SignedInFirstPaint
    from paya_app.server.guard import SocketGuard
    from paya_app.server.headers import SecurityHeaders, content_security_policy, inline_script_hashes
    from paya_app.server.launcher import require_configured
    from paya_app.server.origins import CanonicalHost, OwnRedirects, is_secure, own_origin, realtime_origin
    from paya_app.server.well_known import well_known_routes

    require_configured()
    hush(FAULTS)
    chosen = settings()
    cookie, secure = cookie_name(SESSION), is_secure(chosen)
    api = create_api()
    api.router.routes.extend(well_known_routes())
    if chosen.embedded:
        from paya_app.server.standins import mount_standins

        mount_standins(api)
    # answers of ours are compressed here; the pages' files are compressed already, by the build
    api.add_middleware(GZipMiddleware, minimum_size=COMPRESSED_BYTES_MIN)
    api.mount("", SignedInFirstPaint(pages, cookie=cookie))
    guarded: Application = SocketGuard(
        api,
        origin=own_origin(chosen),
        cookie=cookie,
        key=chosen.paya_secret.get_secret_value(),
        session_of=_session_of,
        ended_among=_ended_among,
    )
    if chosen.embedded:
        from paya_app.server.standins import realtime

        guarded = CanonicalHost(realtime().wrap(guarded), chosen)
    client = Path(os.environ["REFLEX_WEB_WORKDIR"]) / "build" / "client"
    policy = content_security_policy(
        inline_script_hashes(client), realtime_origin=realtime_origin(chosen), secure=secure
    )
    return SecurityHeaders(OwnRedirects(guarded), policy=policy, secure=secure)


@asynccontextmanager
async def lifespan() -> AsyncIterator[None]:
    """What runs beside the application in embedded mode; payments that wait are made before the pools close."""
    from paya_app import wallet
    from paya_app.core import db
    from paya_app.core.config import settings

    async with AsyncExitStack() as stack:
        stack.push_async_callback(db.dispose)
        stack.push_async_callback(wallet.drain)
        if settings().embedded:
            from paya_app.server.standins import running

            await stack.enter_async_context(running())
        yield


async def _session_of(secret: str) -> Any:
    from paya_app import identity

    actor = await identity.actor_for_secret(secret)
    return actor.session_id if actor else None


async def _ended_among(ids: Any) -> Any:
    from paya_app import identity

    return await identity.ended_among(ids)
