"""Response headers: what a page may load, how long things keep, how the browser guards us.

Scripts run from our own files, or when their hash is one of those that the built pages hold inline.
"""

import base64
import hashlib
import re
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path

from paya_app.server.guard import ASGIApp, Message, Receive, Scope, Send

HASHED_S = 365 * 24 * 3600
ASSET_S = 3600

_INLINE = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)
# For answers that are no page: opened by themselves they may load and run nothing.
_NOTHING = b"default-src 'none'; frame-ancestors 'none'"
# Written by the build with a hash of their content in the name.
_HASHED_PREFIX = "/assets/"
# What is asked again by, and in pieces, and for whom it differs: of no use where the name changes with the content and
# everybody gets the same, and 5 kB of a start page.
_NOT_FOR_FIXED = (b"etag", b"last-modified", b"accept-ranges", b"vary", b"cross-origin-resource-policy")
_FIXED_VARY = (b"vary", b"Accept-Encoding")
_KEPT_SUFFIXES = (".woff2", ".png", ".svg", ".ico", ".webmanifest")


def inline_script_hashes(client: Path) -> list[str]:
    """The CSP sources of every inline script in every prerendered page of a bundle."""
    hashes = set()
    for page in client.rglob("*.html"):
        for script in _INLINE.findall(page.read_text(encoding="utf-8")):
            digest = hashlib.sha256(script.encode()).digest()
            hashes.add(f"'sha256-{base64.b64encode(digest).decode()}'")
    return sorted(hashes)


def content_security_policy(script_hashes: Iterable[str], *, realtime_origin: str = "", secure: bool = False) -> str:
    """The policy of every page.

    Args:
        script_hashes: Sources of the inline scripts that the build wrote.
        realtime_origin: `wss://…` of a realtime server that is not us; empty when it is.
        secure: Served over https, so plain addresses in a page are raised to it.
    """
    connect = " ".join(filter(None, ["'self'", realtime_origin]))
    directives = [
        "default-src 'self'",
        f"script-src 'self' {' '.join(script_hashes)}".strip(),
        # React writes style attributes and emotion style elements while the page runs.
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self'",
        f"connect-src {connect}",
        "manifest-src 'self'",
        "worker-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
    return "; ".join(directives + (["upgrade-insecure-requests"] if secure else []))


class SecurityHeaders:
    """ASGI middleware that adds the headers to every HTTP response, replacing an inner one of the same name.

    What guards a document goes with documents alone: on every script and picture it would cost a start page
    30 kB. An inner `cache-control` stays: a route knows best what its answer is worth.
    """

    def __init__(self, app: ASGIApp, *, policy: str, secure: bool) -> None:
        self._app = app
        every = {
            b"x-content-type-options": b"nosniff",
            b"cross-origin-resource-policy": b"same-origin",
        }
        if secure:
            every[b"strict-transport-security"] = b"max-age=63072000; includeSubDomains"
        self._every = every
        self._plain = every | {b"content-security-policy": _NOTHING}
        self._documents = every | {
            b"content-security-policy": policy.encode(),
            b"x-frame-options": b"DENY",
            b"referrer-policy": b"strict-origin-when-cross-origin",
            b"permissions-policy": b"camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
            b"cross-origin-opener-policy": b"same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and add to the start of the response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": self._headers(scope["path"], message)}
            await send(message)

        await self._app(scope, receive, add)

    def _headers(self, path: str, message: Message) -> list[tuple[bytes, bytes]]:
        given: list[tuple[bytes, bytes]] = message.get("headers", [])
        kind = next((value for name, value in given if name.lower() == b"content-type"), b"")
        if message["status"] == HTTPStatus.NOT_MODIFIED:
            # it names no kind, and browsers put its headers over those of the page that they kept
            ours = self._every
        else:
            ours = self._documents if kind.startswith(b"text/html") else self._every if _is_part(kind) else self._plain
        is_fixed = path.startswith(_HASHED_PREFIX) and message["status"] == HTTPStatus.OK
        dropped = {*ours, *_NOT_FOR_FIXED} if is_fixed else ours
        kept = [(name, value) for name, value in given if name.lower() not in dropped]
        if is_fixed:
            ours = {name: value for name, value in ours.items() if name not in _NOT_FOR_FIXED}
            kept.append(_FIXED_VARY)
        if not any(name.lower() == b"cache-control" for name, _ in kept):
            kept.append((b"cache-control", cache_control(path, message["status"]).encode()))
        return kept + list(ours.items())


def _is_part(kind: bytes) -> bool:
    """Whether this is a part of a page: a script, style, font or picture (SVG is a document too)."""
    return kind.startswith((b"text/javascript", b"text/css", b"font/", b"image/")) and b"svg" not in kind


def cache_control(path: str, status: int) -> str:
    """How long an answer without an opinion of its own may be kept."""
    ok = status in (200, 206, 304)
    if ok and path.startswith(_HASHED_PREFIX):
        return f"public, max-age={HASHED_S}, immutable"
    if ok and path.endswith(_KEPT_SUFFIXES):
        return f"public, max-age={ASSET_S}"
    return "no-cache"
