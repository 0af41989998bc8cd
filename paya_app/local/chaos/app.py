"""The routes of the chaos page, which only an embedded PaYa has."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from paya_app.core.config import settings
from paya_app.local.chaos.mischief import Mischief, Mischiefs
from paya_app.local.chaos.page import BASE, page
from paya_app.local.own_names import for_us

CALLED = "The chaos page"
BODY_BYTES_MAX = 2000
_ASSETS = Path(__file__).with_name("assets")
_NO_STORE = {"cache-control": "no-store"}


def create_chaos(database_url: str | None = None) -> Starlette:
    """The ASGI app that answers under `/local/chaos`; mount it at the root of the one origin, embedded only.

    Args:
        database_url: of the role that owns schema `vendor_chaos`; the settings' by default.
    """
    mischiefs = Mischiefs(database_url or settings().paya_local_vendors_database_url)

    async def document(_: Request) -> Response:
        return HTMLResponse(page(await mischiefs.all()), headers=_NO_STORE)

    async def listed(_: Request) -> Response:
        """What each stand-in does wrong, as JSON."""
        found = {each.vendor: asdict(each) for each in await mischiefs.all()}
        return JSONResponse({"mischiefs": found}, headers=_NO_STORE)

    async def change(request: Request) -> Response:
        """Set one stand-in's `answers`, `webhooks` or both; what is not named stays."""
        raw = await _read(request)
        fields = {name: values[-1] for name, values in parse_qs(raw.decode("ascii", "replace")).items()}
        known = {each.vendor: each for each in await mischiefs.all()}
        before = known.get(fields.get("vendor", ""), Mischief(""))
        try:
            await mischiefs.set(
                Mischief(before.vendor, fields.get("answers", before.answers), fields.get("webhooks", before.webhooks))
            )
        except ValueError:
            return PlainTextResponse("There is no such vendor or mischief. Nothing was changed.", 422)
        return RedirectResponse(f"{BASE}/#{before.vendor}", 303)

    async def asset(_: Request) -> Response:
        return Response((_ASSETS / "chaos.css").read_bytes(), media_type="text/css")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await mischiefs.aclose()

    routes = [
        Route("/", for_us(document, called=CALLED), methods=["GET"]),
        Route("/", for_us(change, called=CALLED), methods=["POST"]),
        Route("/mischiefs", for_us(listed, called=CALLED), methods=["GET"]),
        Route("/chaos.css", asset, methods=["GET"]),
    ]
    app = Starlette(routes=[Mount(BASE, routes=routes)], lifespan=lifespan)
    app.state.close = mischiefs.aclose
    return app


async def _read(request: Request) -> bytes:
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > BODY_BYTES_MAX:
            return b""
    return raw
