"""The routes of the stand-in mailbox."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route

from paya_app.core.clock import now
from paya_app.core.config import settings
from paya_app.local.mail.page import BASE, inbox, page
from paya_app.local.own_names import for_us
from paya_app.local.vendors.smtp import Mail, Mails

CALLED = "The stand-in mailbox"
_ASSETS = Path(__file__).with_name("assets")
_NO_STORE = {"cache-control": "no-store"}


def create_mail(database_url: str | None = None) -> Starlette:
    """The ASGI app that answers under `/local/mail`; mount it at the root of the one origin, embedded only.

    Args:
        database_url: of the role that owns schema `vendor_smtp`; the settings' by default.
    """
    mails = Mails(database_url or settings().paya_local_vendors_database_url)

    async def chosen(request: Request) -> tuple[list, str, list[Mail]]:
        boxes = await mails.boxes()
        address = _address(request) or (boxes[0].address if boxes else "")
        return boxes, address, await mails.to(address)

    async def document(request: Request) -> Response:
        return HTMLResponse(page(*await chosen(request), at=now()), headers=_NO_STORE)

    async def part(request: Request) -> Response:
        return HTMLResponse(inbox(*await chosen(request), at=now()), headers=_NO_STORE)

    async def messages(request: Request) -> Response:
        """The mails to one address as JSON, the newest first."""
        found = [
            {
                "id": mail.id,
                "from": mail.sender,
                "to": mail.recipient,
                "subject": mail.subject,
                "body": mail.body,
                "headers": mail.headers,
                "at": mail.at.isoformat(),
            }
            for mail in await mails.to(_address(request))
        ]
        return JSONResponse({"messages": found}, headers=_NO_STORE)

    async def asset(request: Request) -> Response:
        name = request.url.path.rpartition("/")[2]
        kind = {"mail.css": "text/css", "mail.js": "text/javascript"}[name]
        return Response((_ASSETS / name).read_bytes(), media_type=kind)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await mails.close()

    routes = {"/": document, "/inbox": part, "/messages": messages, "/mail.css": asset, "/mail.js": asset}
    app = Starlette(
        routes=[Mount(BASE, routes=[Route(path, for_us(handler, called=CALLED)) for path, handler in routes.items()])],
        lifespan=lifespan,
    )
    app.state.close = mails.close
    return app


def _address(request: Request) -> str:
    """The `to` of the query; a plus that was sent bare arrives as a space."""
    return request.query_params.get("to", "")[:254].replace(" ", "+")
