"""Links in mails: `/notices/confirm` and `/notices/unsubscribe`.

Opening a link changes nothing, because mail servers open links to look at them; a button on the page does, and for
unsubscribing also the one POST that mail programs make themselves (RFC 8058), which comes from anywhere and holds
no cookie: the signed token is all it needs.
"""

from html import escape

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from paya_app import notifications
from paya_app.core.errors import PayaError

router = APIRouter(prefix="/notices", include_in_schema=False)

_NO_STORE = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
_CHANNELS = {"email": "e-mail", "sms": "text", "push": "push"}
_DOCUMENT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{title} · PaYa</title>
<link rel="icon" href="/favicon.ico">
<link rel="stylesheet" href="/notices.css">
</head>
<body>
<main>
<a class="mark" href="/">PaYa</a>
<h1>{title}</h1>
<p>{sentence}</p>
{action}
</main>
</body>
</html>
"""
_FORM = '<form method="post"><button type="submit">{label}</button></form>'
_SETTINGS = '<p><a href="/settings/notifications/">All your notices</a></p>'


@router.get("/confirm")
async def ask_confirm(token: str = "") -> HTMLResponse:
    """The page whose button confirms an address. Whether the link is good is said when it is pressed."""
    if not token:
        return _refused(notifications.LinkInvalid())
    return _document("Confirm your address", "Notices about your plans will be sent to you here.", label="Confirm")


@router.post("/confirm")
async def confirm(token: str = "") -> HTMLResponse:
    """The address is its owner's."""
    try:
        address = await notifications.confirm_email(token)
    except PayaError as error:
        return _refused(error)
    return _document("Confirmed", f"Notices are sent to {address} from now on.")


@router.get("/unsubscribe")
async def ask_unsubscribe(token: str = "") -> HTMLResponse:
    """The page whose button ends a kind of notice."""
    try:
        _, kind, channel = notifications.read_unsubscribe(token)
    except PayaError as error:
        return _refused(error)
    return _document("No more of these?", f"{_about(kind, channel)} will not be sent any more.", label="Stop them")


@router.post("/unsubscribe")
async def unsubscribe(token: str = "") -> HTMLResponse:
    """End a kind of notice: by the page's button, or by a mail program's one click."""
    try:
        kind, channel = await notifications.unsubscribe(token)
    except PayaError as error:
        return _refused(error)
    return _document("Stopped", f"{_about(kind, channel)} are not sent any more. Your plans go on as they were.")


def _about(kind: str, channel: str) -> str:
    return f"“{notifications.LABELS.get(kind, kind)}” notices by {_CHANNELS.get(channel, channel)}"


def _refused(error: PayaError) -> HTMLResponse:
    return _document("This link does not work", error.message, status=error.status)


def _document(title: str, sentence: str, *, label: str = "", status: int = 200) -> HTMLResponse:
    action = _FORM.format(label=escape(label)) if label else _SETTINGS
    page = _DOCUMENT.format(title=escape(title), sentence=escape(sentence), action=action)
    return HTMLResponse(page, status, headers=_NO_STORE)
