"""Our cookies: HttpOnly, SameSite=Lax, bound to this host on https."""

from starlette.requests import Request
from starlette.responses import Response

from paya_app.core.config import settings

SESSION = "paya"
PHONE = "paya-phone"


def _secure() -> bool:
    return settings().public_url.startswith("https://")


def cookie_name(name: str) -> str:
    """`__Host-…` on https: no other host and no plain-http page can set it. On loopback http the plain name."""
    return f"__Host-{name}" if _secure() else name


def read_cookie(request: Request, name: str) -> str:
    """The cookie's value, "" when the browser sent none."""
    return request.cookies.get(cookie_name(name), "")


def set_cookie(response: Response, name: str, value: str, *, ttl_s: int) -> None:
    """Have the browser keep `value` for `ttl_s` seconds."""
    response.set_cookie(
        cookie_name(name), value, max_age=ttl_s, path="/", secure=_secure(), httponly=True, samesite="lax"
    )


def drop_cookie(response: Response, name: str) -> None:
    """Have the browser forget it."""
    response.delete_cookie(cookie_name(name), path="/", secure=_secure(), httponly=True, samesite="lax")
