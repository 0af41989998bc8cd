"""The page of the stand-in mailbox, as HTML text; everything that was sent is escaped."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from urllib.parse import urlencode

from paya_app.core.config import settings
from paya_app.local.vendors.smtp.mails import Box, Mail

BASE = "/local/mail"
_ADDRESS = re.compile(r"https?://[^\s<>\"]+")


def page(boxes: Sequence[Box], address: str, mails: Sequence[Mail], *, at: datetime) -> str:
    """The whole document."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>Mails · PaYa</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/local/phone/phone.css">
<link rel="stylesheet" href="{BASE}/mail.css">
<script src="{BASE}/mail.js" defer></script>
<noscript><meta http-equiv="refresh" content="3"></noscript>
</head>
<body>
<header><a class="mark" href="/">PaYa</a>
<div><h1>Mails</h1>
<p class="s m">This server's stand-in for a mailbox. Every mail it sends arrives here, and nowhere else.</p>
</div></header>
<div id="inbox">{inbox(boxes, address, mails, at=at)}</div>
</body>
</html>
"""


def inbox(boxes: Sequence[Box], address: str, mails: Sequence[Mail], *, at: datetime) -> str:
    """The part that is fetched again and again: addresses on the left, mails on the right."""
    if not boxes:
        return (
            '<main class="card empty"><h2>No mails yet</h2>'
            '<p class="m">Write an address in Settings, Notifications, and the first mail appears here by itself.</p>'
            '<a class="pri" href="/settings/notifications/">Notifications</a></main>'
        )
    rows = "".join(_box_row(box, box.address == address, at) for box in boxes)
    shown = "".join(_mail_card(mail, at) for mail in mails) or '<p class="m">No mails to this address.</p>'
    return (
        f'<nav class="card phones" aria-label="Addresses"><ul>{rows}</ul></nav>'
        f'<main><h2 class="wrap">{escape(address)}</h2>{shown}</main>'
    )


def _box_row(box: Box, chosen: bool, at: datetime) -> str:  # noqa: FBT001 - one caller above
    href = f"{BASE}/?{urlencode({'to': box.address})}"
    count = "1 mail" if box.mails == 1 else f"{box.mails} mails"
    current = ' aria-current="true" class="on"' if chosen else ""
    return (
        f'<li><a href="{escape(href)}"{current}><b class="wrap">{escape(box.address)}</b>'
        f'<span class="s m">{count} · {_when(box.last_at, at)}</span></a></li>'
    )


def _mail_card(mail: Mail, at: datetime) -> str:
    return (
        f'<article class="card mail" data-id="{mail.id}"><h3>{escape(mail.subject)}</h3>'
        f'<p class="s m">From {escape(mail.headers.get("from", mail.sender))} · '
        f'<time datetime="{mail.at.astimezone(UTC).isoformat()}">{_when(mail.at, at)}</time></p>'
        f'<div class="words">{_linked(mail.body)}</div></article>'
    )


def _linked(text: str) -> str:
    """The text with addresses of this very server as links; no other can be followed from here."""
    parts, end = [], 0
    for found in _ADDRESS.finditer(text):
        parts.append(escape(text[end : found.start()]))
        address = escape(found[0])
        own = found[0].startswith(settings().public_url + "/")
        parts.append(f'<a href="{address}">{address}</a>' if own else address)
        end = found.end()
    return "".join([*parts, escape(text[end:])])


def _when(then: datetime, at: datetime) -> str:
    minutes = int((at - then).total_seconds() // 60)
    if minutes < 1:
        return "just now"
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes} min ago"
    utc = then.astimezone(UTC)
    return f"{utc:%b} {utc.day}, {utc:%H:%M} UTC"
