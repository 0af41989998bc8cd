"""Signing in and out over plain HTML forms, and the realtime token.

Pages post these forms natively, so that the cookie is set by an HTTP answer and page scripts never see it.
Every POST needs our exact Origin. Errors go back to the page as `?error=<code>`; the phone number waits in a
sealed, HttpOnly cookie of ten minutes, never in an address.
"""

import json
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from paya_app import identity
from paya_app.api.callers import address_of
from paya_app.api.cookies import PHONE, SESSION, drop_cookie, read_cookie, set_cookie
from paya_app.core.bodies import parse_form, read_limited
from paya_app.core.clock import now
from paya_app.core.config import settings
from paya_app.core.crypto import Unsealable, seal, unseal
from paya_app.core.errors import Forbidden, PayaError, SignedOut, TextsUnavailable
from paya_app.core.paths import local_path
from paya_app.identity.acting import access_token_for_secret
from paya_app.identity.phones import format_phone
from paya_app.identity.sessions import realtime_token, sign_out_secret, why_ended

START_PAGE = "/welcome/"
CODE_PAGE = "/verify/"
NEW_PERSON_PAGE = "/verify/"  # it shows the handle step to whoever is signed in without one
HOME_PAGE = "/"

PENDING_TTL_S = 600
# longer than any session, so that the cookie of one that is over can still tell why it is
COOKIE_TTL_S = 30 * 24 * 3600
_PURPOSE = "sign-in in progress"
_NO_STORE = {"cache-control": "no-store"}
_FAREWELLS = {
    "ended_elsewhere": "You were signed out: this session was ended from another device.",
    "expired": "You were signed out, because you had not been here for 7 days.",
    "refresh_refused": "You were signed out, to be safe: this session could not be confirmed any more.",
    "unreadable": "You were signed out, to be safe: this session could not be confirmed any more.",
}

router = APIRouter(prefix="/session", include_in_schema=False)


class SignInExpired(PayaError):
    """The code page was used without a phone number waiting."""

    code = "sign_in_expired"
    status = 403

    def sentence(self, facts: dict[str, object]) -> str:
        """Says what to do."""
        return "That took longer than ten minutes. Write your phone number again to get a new code."


@router.post("/start")
async def start(request: Request) -> Response:
    """Text a code; the same answer whether or not the number has an account.

    A form without a `phone` asks for another code for the number that waits already.
    """
    form = await _form(request)
    again = "phone" not in form
    waiting = _pending(request)
    if again and waiting is None:
        return _back(START_PAGE, SignInExpired(), None)
    written, onward = waiting if again and waiting else (form.get("phone", ""), local_path(form.get("next")))
    try:
        phone = identity.normalize_phone(written)
        response = await _texted(phone, address_of(request), again=again)
    except PayaError as error:
        return _back(CODE_PAGE if again else START_PAGE, error, None if again else onward)
    pending = json.dumps({"phone": phone, "next": onward, "until": int(now().timestamp()) + PENDING_TTL_S})
    set_cookie(response, PHONE, _sealed(pending), ttl_s=PENDING_TTL_S)
    return response


async def _texted(phone: str, address: str, *, again: bool) -> Response:
    try:
        await identity.start_sign_in(phone, address=address)
    except TextsUnavailable as error:
        return _back(CODE_PAGE, error, None)  # whoever gets a text all the same needs a place for its code
    return _see(f"{CODE_PAGE}?sent=again" if again else CODE_PAGE)


@router.post("/verify")
async def verify(request: Request) -> Response:
    """Check the code. A right one makes a new session, whatever cookie the browser came with."""
    form = await _form(request)
    pending = _pending(request)
    if pending is None:
        return _back(START_PAGE, SignInExpired(), None)
    phone, onward = pending
    try:
        signed_in = await identity.finish_sign_in(
            phone,
            form.get("code", ""),
            user_agent=request.headers.get("user-agent", ""),
            address=address_of(request),
        )
    except PayaError as error:
        return _back(CODE_PAGE, error, None)
    await sign_out_secret(read_cookie(request, SESSION))
    response = _see(_with_next(NEW_PERSON_PAGE, onward) if signed_in.is_new else onward or HOME_PAGE)
    set_cookie(response, SESSION, signed_in.secret, ttl_s=COOKIE_TTL_S)
    drop_cookie(response, PHONE)
    return response


@router.get("/pending")
async def pending(request: Request) -> Response:
    """The number that a code was just texted to, for the page that asks for the code; null when there is none."""
    waiting = _pending(request)
    return JSONResponse({"phone": format_phone(waiting[0]) if waiting else None}, headers=_NO_STORE)


@router.post("/end")
async def end(request: Request) -> Response:
    """Sign out: the session is over before the answer leaves."""
    await _form(request)
    await sign_out_secret(read_cookie(request, SESSION))
    response = _see(HOME_PAGE)
    drop_cookie(response, SESSION)
    drop_cookie(response, PHONE)
    return response


@router.get("/farewell")
async def farewell(request: Request) -> Response:
    """Why this browser's session is over, said once; null for whoever signed out, is signed in, or never was."""
    sentence = _FAREWELLS.get(await why_ended(read_cookie(request, SESSION)) or "")
    response = JSONResponse({"sentence": sentence}, headers=_NO_STORE)
    if sentence:
        drop_cookie(response, SESSION)
    return response


@router.get("/realtime-token")
async def token(request: Request) -> Response:
    """A five-minute token for the person's own realtime topic. Asking for it keeps the cookie alive."""
    secret = read_cookie(request, SESSION)
    actor = await identity.actor_for_secret(secret)
    if actor is None:
        raise SignedOut
    made = realtime_token(actor)
    response = JSONResponse(
        {"token": made.token, "topic": made.topic, "expires_at": int(made.expires_at.timestamp())},
        headers=_NO_STORE,
    )
    set_cookie(response, SESSION, secret, ttl_s=COOKIE_TTL_S)
    return response


@router.post("/access-token")
async def access_token(request: Request) -> Response:
    """The person's own token for their programs, to read and copy: a page without scripts, so that none sees it."""
    await _form(request)
    made = await access_token_for_secret(read_cookie(request, SESSION))
    if made is None:
        raise SignedOut
    home = settings().public_url
    return PlainTextResponse(
        f"Your access token, good until {made.expires_at:%H:%M:%S} UTC and while you are signed in here:\n\n"
        f"{made.text}\n\n"
        "Whoever has it can do what you can until then: show it to nobody. For example:\n\n"
        f'curl -H "Authorization: Bearer {made.text}" {home}/v1/savings-plans\n\n'
        f"What else there is: {home}/v1/docs\n",
        headers=_NO_STORE,
    )


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form posted from one of our own pages.

    Raises:
        Forbidden: another Origin, or none.
        BodyTooLarge, RequestInvalid: no form of ours.
    """
    if request.headers.get("origin") != settings().public_url:
        raise Forbidden
    return parse_form(await read_limited(request.stream(), request.headers))


def _pending(request: Request) -> tuple[str, str | None] | None:
    """The phone that a code was texted to and where to go on, while it is fresh."""
    try:
        kept = json.loads(unseal(bytes.fromhex(read_cookie(request, PHONE)), purpose=_PURPOSE))
    except (Unsealable, ValueError):
        return None
    return (kept["phone"], kept["next"]) if kept["until"] > now().timestamp() else None


def _sealed(text: str) -> str:
    return seal(text.encode(), purpose=_PURPOSE).hex()


def _back(page: str, error: PayaError, onward: str | None) -> Response:
    """To the page, with the error's code; the page makes the sentence of it."""
    query = {"error": error.code}
    if wait_s := error.facts.get("retry_after_s"):
        query["retry_after_s"] = str(int(wait_s))
    if onward:
        query["next"] = onward
    return _see(f"{page}?{urlencode(query)}")


def _with_next(page: str, onward: str | None) -> str:
    return f"{page}?{urlencode({'next': onward})}" if onward else page


def _see(path: str) -> Response:
    return RedirectResponse(path, 303, headers=_NO_STORE)
