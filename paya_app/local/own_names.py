"""Pages of this machine that no web page elsewhere may read or use."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import psycopg
import psycopg_pool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from paya_app.core.config import settings

OWN_NAMES = {"localhost", "127.0.0.1", "::1"}

Handler = Callable[[Request], Awaitable[Response]]


def for_us(handler: Handler, *, called: str) -> Handler:
    """Refuse foreign host names and other origins: a page elsewhere that rebinds its name to us gets nothing.

    Args:
        handler: Answers what is ours; a database that does not answer is said.
        called: What refuses, at the beginning of a sentence.
    """

    async def answer(request: Request) -> Response:
        origin = request.headers.get("origin")
        is_foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
        if (request.url.hostname or "") not in OWN_NAMES | {urlsplit(settings().public_url).hostname} or is_foreign:
            return PlainTextResponse(f"{called} answers to this machine's own names only.", 403)
        try:
            return await handler(request)
        except (psycopg.OperationalError, psycopg_pool.PoolTimeout):
            return PlainTextResponse("The database does not answer right now.", 503)

    return answer
