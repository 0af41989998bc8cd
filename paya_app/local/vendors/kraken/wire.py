"""Kraken's way of asking, answering and refusing: signed and numbered forms, and everything with status 200."""

import base64
import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from paya_app.local.vendors.kraken.state import Connection, Kraken

BODY_BYTES_MAX = 100_000
_NONCE = re.compile(r"[0-9]{1,20}")


class Refused(Exception):
    """An error answer; raising it undoes what the request did. `error` is Kraken's text, e.g. `EAPI:Invalid key`."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


def invalid(argument: str) -> Refused:
    """A parameter is missing or holds what it cannot hold."""
    return Refused(f"EGeneral:Invalid arguments:{argument}")


def answered(result: Any) -> Response:
    """What was asked for."""
    return JSONResponse({"error": [], "result": result})


def refused(error: str) -> Response:
    """No."""
    return JSONResponse({"error": [error]})


def moment(at: datetime) -> float:
    """`1688665496.7808`."""
    return round(at.timestamp(), 4)


def btc(sats: int) -> str:
    """`0.00005000`."""
    return f"{sats // 10**8}.{sats % 10**8:08d}"


def usd(micros: int, decimals: int = 5) -> str:
    """`12.34567`; fewer decimals are cut off, not rounded."""
    cut = micros // 10 ** (6 - decimals)
    return f"{cut // 10**decimals}.{cut % 10**decimals:0{decimals}d}"


def dimes(price: int) -> str:
    """`64000.1`."""
    return f"{price // 10}.{price % 10}"


@dataclass(slots=True)
class Call:
    """A request that proved its key, with its form read; `at` is the exchange's clock."""

    kraken: Kraken
    connection: Connection
    form: dict[str, str]
    at: datetime

    @property
    def at_ms(self) -> int:
        """The exchange's clock as Unix time in ms."""
        return milliseconds(self.at)

    async def row(self, sql: Any, *params: Any) -> dict[str, Any] | None:
        """The first row of a statement, or None."""
        return await (await self.connection.execute(sql, params)).fetchone()

    async def rows(self, sql: Any, *params: Any) -> list[dict[str, Any]]:
        """All rows of a statement."""
        return await (await self.connection.execute(sql, params)).fetchall()

    async def run(self, sql: Any, *params: Any) -> None:
        """A statement without a result."""
        await self.connection.execute(sql, params)

    def is_set(self, name: str) -> bool:
        """Whether a flag of the form is on."""
        return self.form.get(name, "").lower() in ("true", "1")


Handler = Callable[[Call], Awaitable[Any]]


def milliseconds(at: datetime) -> int:
    """Unix time in ms, without going through a float."""
    return (at - datetime.fromtimestamp(0, at.tzinfo)) // timedelta(milliseconds=1)


async def now(connection: Connection) -> datetime:
    """The exchange's clock."""
    found = await connection.execute("select clock_timestamp() + clock_offset as at from vendor_kraken.switch")
    row = await found.fetchone()
    if row is None:
        message = "the Kraken stand-in has no switches"
        raise RuntimeError(message)
    return row["at"]


def private(kraken: Kraken, verb: str, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """`handler` behind the signature, the nonce, what was planned for this verb, and one transaction."""

    async def answer(request: Request) -> Response:
        try:
            form = form_of(raw := await read(request))
            _check_signature(kraken, request, raw, form.get("nonce", ""))
            # a nonce is spent, whatever becomes of the request
            async with kraken.transaction() as connection:
                await _spend(connection, kraken.key, int(form["nonce"]))
                fault = await _planned(connection, verb)
            if fault and not fault["is_after"]:
                return refused(fault["error"])
            async with kraken.transaction() as connection:
                # one thing after the other happens to the account
                await connection.execute("select pg_advisory_xact_lock(hashtext('vendor_kraken.account'))")
                given = await handler(Call(kraken, connection, form, await now(connection)))
        except Refused as refusal:
            return refused(refusal.error)
        return refused(fault["error"]) if fault else answered(given)

    return answer


async def read(request: Request) -> bytes:
    """The body.

    Raises:
        Refused: it is too long.
    """
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > BODY_BYTES_MAX:
            raise Refused("EGeneral:Invalid arguments")
    return raw


def form_of(raw: bytes) -> dict[str, str]:
    """The fields of a body.

    Raises:
        Refused: it is no form.
    """
    try:
        form = dict(parse_qsl(raw.decode(), keep_blank_values=True, strict_parsing=bool(raw)))
    except ValueError:
        raise Refused("EGeneral:Invalid arguments") from None
    if any("\x00" in text for pair in form.items() for text in pair):
        raise Refused("EGeneral:Invalid arguments")
    return form


def _check_signature(kraken: Kraken, request: Request, raw: bytes, nonce: str) -> None:
    if not hmac.compare_digest(request.headers.get("api-key", "").encode(), kraken.key.encode()):
        raise Refused("EAPI:Invalid key")
    if not _NONCE.fullmatch(nonce):
        raise Refused("EAPI:Invalid nonce")
    message = request.url.path.encode() + hashlib.sha256(nonce.encode() + raw).digest()
    wanted = base64.b64encode(hmac.new(base64.b64decode(kraken.secret), message, hashlib.sha512).digest())
    if not hmac.compare_digest(request.headers.get("api-sign", "").encode(), wanted):
        raise Refused("EAPI:Invalid signature")


async def _spend(connection: Connection, key: str, nonce: int) -> None:
    spent = await connection.execute(
        "insert into vendor_kraken.nonce as n (api_key, last) values (%(key)s, %(nonce)s)"
        " on conflict (api_key) do update set last = excluded.last where n.last < excluded.last returning 1",
        {"key": key, "nonce": nonce},
    )
    if await spent.fetchone() is None:
        raise Refused("EAPI:Invalid nonce")


async def _planned(connection: Connection, verb: str) -> dict[str, Any] | None:
    found = await connection.execute(
        "update vendor_kraken.fault set calls_left = calls_left - 1 where id = ("
        " select id from vendor_kraken.fault where verb = %s and calls_left > 0 order by id limit 1 for update)"
        " returning error, is_after",
        (verb,),
    )
    return await found.fetchone()
