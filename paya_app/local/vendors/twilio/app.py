"""The routes of the stand-in for Twilio."""

import asyncio
import base64
import binascii
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import psycopg
import psycopg_pool
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from paya_app.core.bodies import BodyTooLarge, parse_form, read_limited
from paya_app.core.errors import PayaError
from paya_app.local.vendors.twilio.errors import TwilioRefusal, not_found, unauthenticated
from paya_app.local.vendors.twilio.messages import API_VERSION, Messages, shown
from paya_app.local.vendors.twilio.rules import check_message

PAGE_SIZE = 50
PAGE_SIZE_MAX = 1000
PAGE_NUMBER_MAX = 10**6
FAULT_COUNT_MAX = 1000
SLOW_S = 8.0
FAULTS = ("blocked", "broken", "busy", "down", "malformed", "slow")

Handler = Callable[[Request], Awaitable[Response]]


class Twilio:
    """The handlers, for one account."""

    def __init__(self, database_url: str, account_sid: str, auth_token: str, slow_s: float) -> None:
        self._account_sid = account_sid
        self._auth_token = auth_token
        self._slow_s = slow_s
        self.messages = Messages(database_url)

    async def create(self, request: Request) -> Response:
        """POST Messages.json."""
        sender, to, body = check_message(await self._form(request))
        fault = await self.messages.take_fault()
        match fault:
            case "blocked":
                raise TwilioRefusal(400, 21610, "Attempt to send to unsubscribed recipient")
            case "down":
                raise TwilioRefusal(503, 20503, "Service unavailable")
            case "busy":
                raise TwilioRefusal(429, 20429, "Too Many Requests")
            case "broken":
                raise TwilioRefusal(500, 20500, "An internal server error has occurred")
            case _:
                row = await self.messages.add(sender, to, body)
        if fault == "slow":  # the text is taken, the answer comes too late
            await asyncio.sleep(self._slow_s)
        if fault == "malformed":
            return PlainTextResponse("<html>Bad gateway", 201)
        return JSONResponse(shown(row, self._account_sid, taken_now=True), 201)

    async def fetch(self, request: Request) -> Response:
        """GET Messages/{sid}.json."""
        row = await self.messages.by_sid(request.path_params["sid"])
        if row is None:
            raise not_found(request.url.path)
        return JSONResponse(shown(row, self._account_sid))

    async def page(self, request: Request) -> Response:
        """GET Messages.json?To=&From=&PageSize=&Page=."""
        query = request.query_params
        size, number = (
            _between(query, "PageSize", PAGE_SIZE, 1, PAGE_SIZE_MAX),
            _between(query, "Page", 0, 0, PAGE_NUMBER_MAX),
        )
        filters = {name: query[name].replace("\x00", "") for name in ("To", "From") if query.get(name)}
        rows = await self.messages.page(
            to=filters.get("To", ""), sender=filters.get("From", ""), size=size, number=number
        )
        path = f"/{API_VERSION}/Accounts/{self._account_sid}/Messages.json"

        def uri(page: int) -> str:
            return f"{path}?{urlencode({**filters, 'PageSize': size, 'Page': page})}"

        found = rows[:size]
        return JSONResponse(
            {
                "first_page_uri": uri(0),
                "next_page_uri": uri(number + 1) if len(rows) > size else None,
                "previous_page_uri": uri(number - 1) if number else None,
                "page": number,
                "page_size": size,
                "start": number * size,
                "end": number * size + max(0, len(found) - 1),
                "uri": uri(number),
                "messages": [shown(row, self._account_sid) for row in found],
            }
        )

    async def fault(self, request: Request) -> Response:
        """POST /local/faults: show a fault for the next messages. Ours, not Twilio's."""
        form = await self._form(request)
        kind, count = form.get("kind", ""), form.get("count", "1")
        if kind not in FAULTS or not count.isascii() or not count.isdigit() or int(count) > FAULT_COUNT_MAX:
            raise TwilioRefusal(400, 20001, f"kind is one of {', '.join(FAULTS)}; count a number")
        await self.messages.plan_fault(kind, int(count))
        return JSONResponse({"kind": kind, "count": int(count)})

    def route(self, handler: Handler) -> Handler:
        """`handler`, with credentials checked and every refusal in Twilio's shape."""

        async def answer(request: Request) -> Response:
            try:
                self._authenticate(request)
                return await handler(request)
            except TwilioRefusal as refusal:
                return refusal.response()
            except BodyTooLarge:
                return TwilioRefusal(413, 20413, "Request entity too large").response()
            except PayaError:
                return TwilioRefusal(400, 20001, "The request body cannot be read").response()
            except (psycopg.OperationalError, psycopg_pool.PoolTimeout):
                return TwilioRefusal(503, 20503, "Service unavailable").response()

        return answer

    def _authenticate(self, request: Request) -> None:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            given = base64.b64decode(encoded, validate=True) if scheme.lower() == "basic" else b""
        except binascii.Error:
            raise unauthenticated() from None
        if not hmac.compare_digest(given, f"{self._account_sid}:{self._auth_token}".encode()):
            raise unauthenticated()
        if request.path_params.get("account_sid", self._account_sid) != self._account_sid:
            raise unauthenticated()

    async def _form(self, request: Request) -> dict[str, str]:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/x-www-form-urlencoded":
            raise TwilioRefusal(415, 20415, f"Content type {media_type[:80]!r} is not supported")
        return parse_form(await read_limited(request.stream(), request.headers))


def _between(query: QueryParams, name: str, default: int, least: int, most: int) -> int:
    text = query.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not least <= int(text[:9]) <= most:
        raise TwilioRefusal(400, 20001, f"{name} is a number from {least} to {most}")
    return int(text)


def create_twilio(database_url: str, *, account_sid: str, auth_token: str, slow_s: float = SLOW_S) -> Starlette:
    """The stand-in as an ASGI application.

    Args:
        database_url: of the role that owns schema `vendor_twilio`.
        account_sid: the only account (`AC…`).
        auth_token: its token.
        slow_s: how long the fault `slow` keeps an answer back.
    """
    twilio = Twilio(database_url, account_sid, auth_token, slow_s)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await twilio.messages.open()
        yield
        await twilio.messages.close()

    async def missing(request: Request, _: Exception) -> Response:
        return not_found(request.url.path).response()

    base = f"/{API_VERSION}/Accounts/{{account_sid}}"
    return Starlette(
        routes=[
            Route(f"{base}/Messages.json", twilio.route(twilio.create), methods=["POST"]),
            Route(f"{base}/Messages.json", twilio.route(twilio.page), methods=["GET"]),
            Route(f"{base}/Messages/{{sid}}.json", twilio.route(twilio.fetch), methods=["GET"]),
            Route("/local/faults", twilio.route(twilio.fault), methods=["POST"]),
        ],
        exception_handlers={404: missing},
        lifespan=lifespan,
    )
