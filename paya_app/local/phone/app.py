"""The routes of the stand-in phone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route

from paya_app.core.clock import now
from paya_app.core.config import settings
from paya_app.local.own_names import for_us
from paya_app.local.phone.inbox import Inbox, Text
from paya_app.local.phone.page import BASE, inbox, page

CALLED = "The stand-in phone"
_ASSETS = Path(__file__).with_name("assets")
_NO_STORE = {"cache-control": "no-store"}


def create_phone(database_url: str | None = None) -> Starlette:
    """The ASGI app that answers under `/local/phone`; mount it at the root of the one origin, embedded only.

    Args:
        database_url: of the role that owns schema `vendor_twilio`; the settings' by default.
    """
    texts = Inbox(database_url or settings().paya_local_vendors_database_url)

    async def chosen(request: Request) -> tuple[list, str, list[Text]]:
        phones = await texts.phones()
        number = _number(request) or (phones[0].number if phones else "")
        return phones, number, await texts.texts(number)

    async def document(request: Request) -> Response:
        return HTMLResponse(page(*await chosen(request), at=now()), headers=_NO_STORE)

    async def part(request: Request) -> Response:
        return HTMLResponse(inbox(*await chosen(request), at=now()), headers=_NO_STORE)

    async def messages(request: Request) -> Response:
        """The texts to one number as JSON, the newest first."""
        found = [
            {
                "sid": text.sid,
                "from": text.sender,
                "to": text.recipient,
                "body": text.body,
                "code": text.code,
                "at": text.at.isoformat(),
            }
            for text in await texts.texts(_number(request))
        ]
        return JSONResponse({"messages": found}, headers=_NO_STORE)

    async def asset(request: Request) -> Response:
        name = request.url.path.rpartition("/")[2]
        kind = {"phone.css": "text/css", "phone.js": "text/javascript"}[name]
        return Response((_ASSETS / name).read_bytes(), media_type=kind)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await texts.close()

    routes = {
        "/": document,
        "/inbox": part,
        "/messages": messages,
        "/phone.css": asset,
        "/phone.js": asset,
    }
    app = Starlette(
        routes=[Mount(BASE, routes=[Route(path, for_us(handler, called=CALLED)) for path, handler in routes.items()])],
        lifespan=lifespan,
    )
    app.state.close = texts.close
    return app


def _number(request: Request) -> str:
    """The `to` of the query; a plus that was sent bare arrives as a space."""
    text = request.query_params.get("to", "")[:32]
    return "+" + text[1:] if text.startswith(" ") else text
