"""`/@handle`: somebody's public page as a link that previews well.

The pages are built ahead, so their head tags are the same for everybody; programs that preview links read
this document instead, and people are led on to the page.
"""

from html import escape

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from paya_app import identity
from paya_app.core.actor import Actor
from paya_app.core.config import settings
from paya_app.core.errors import HandleInvalid

router = APIRouter(include_in_schema=False)

_DOCUMENT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<meta name="description" content="{description}">
<link rel="canonical" href="{address}">
<link rel="icon" href="/favicon.ico">
<meta property="og:type" content="profile">
<meta property="og:site_name" content="PaYa">
<meta property="og:title" content="{title}">
<meta property="og:description" content="{description}">
<meta property="og:url" content="{address}">
<meta property="og:image" content="{image}">
<meta name="twitter:card" content="summary">
<meta http-equiv="refresh" content="0; url={path}">
</head>
<body><p><a href="{path}">{title}</a></p></body>
</html>
"""


@router.get("/@{handle}")
@router.get("/@{handle}/")
async def preview(handle: str) -> HTMLResponse:
    """The head tags of a person's page. Whatever the database or the address says is escaped."""
    person = await identity.person(Actor.visitor(), handle)
    if person is None:
        return _document("Nobody here has that handle", "PaYa: money between people.", _page_of(handle), 404)
    return _document(
        f"{person.name} (@{person.handle}) on PaYa",
        f"Pay {person.name} with PaYa, in under a second.",
        _page_of(person.handle),
        200,
    )


def _page_of(text: str) -> str:
    """The page about this handle, or about nobody's when it could be no handle (`-` never is one)."""
    try:
        return f"/u/{identity.normalize_handle(text)}/"
    except HandleInvalid:
        return "/u/-/"


def _document(title: str, description: str, path: str, status: int) -> HTMLResponse:
    texts = {
        "title": title,
        "description": description,
        "path": path,
        "address": f"{settings().public_url}{path}",
        "image": f"{settings().public_url}/icons/paya-512.png",
    }
    return HTMLResponse(_DOCUMENT.format(**{name: escape(text) for name, text in texts.items()}), status)
