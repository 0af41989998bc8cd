"""What robots and researchers look for: `/robots.txt` and `/.well-known/security.txt`."""

from datetime import timedelta
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from paya_app.core.clock import now
from paya_app.core.config import settings

_PRIVATE = (
    "/activity/",
    "/add/",
    "/link-bank/",
    "/notices/",
    "/cash-out/",
    "/pay/",
    "/session/",
    "/settings/",
    "/verify/",
    "/local/",
)
SECURITY_TXT_TTL = timedelta(days=180)


async def _robots(_: Request) -> PlainTextResponse:
    lines = ["User-agent: *", *[f"Disallow: {path}" for path in _PRIVATE], "Allow: /"]
    return PlainTextResponse("\n".join(lines) + "\n")


async def _security(_: Request) -> PlainTextResponse:
    url = settings().public_url
    lines = [
        f"Contact: mailto:security@{urlsplit(url).hostname}",
        f"Expires: {now() + SECURITY_TXT_TTL:%Y-%m-%dT%H:00:00Z}",
        "Preferred-Languages: en",
        f"Canonical: {url}/.well-known/security.txt",
    ]
    return PlainTextResponse("\n".join(lines) + "\n")


def well_known_routes() -> list[Route]:
    """The routes."""
    return [Route("/robots.txt", _robots), Route("/.well-known/security.txt", _security)]
