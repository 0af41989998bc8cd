"""The page of the stand-in phone, as HTML text; everything that was sent is escaped."""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from urllib.parse import urlencode

from paya_app.local.phone.inbox import Phone, Text

BASE = "/local/phone"
_MINUTE_S = 60
_HOUR_S = 3600
_DAY_S = 86400


def page(phones: Sequence[Phone], number: str, texts: Sequence[Text], *, at: datetime) -> str:
    """The whole document."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>Text messages · PaYa</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{BASE}/phone.css">
<script src="{BASE}/phone.js" defer></script>
<noscript><meta http-equiv="refresh" content="3"></noscript>
</head>
<body>
<header><a class="mark" href="/">PaYa</a>
<div><h1>Text messages</h1>
<p class="s m">This server's stand-in for a phone. Every text it sends arrives here, and nowhere else.</p>
</div></header>
<div id="inbox">{inbox(phones, number, texts, at=at)}</div>
<p id="said" class="said" role="status" aria-live="polite"></p>
</body>
</html>
"""


def inbox(phones: Sequence[Phone], number: str, texts: Sequence[Text], *, at: datetime) -> str:
    """The part that is fetched again and again: phones on the left, texts on the right."""
    if not phones:
        return (
            '<main class="card empty"><h2>No texts yet</h2>'
            '<p class="m">Sign in with a number like <span class="num">(202) 555-0123</span>, '
            "and its code appears here by itself.</p>"
            '<a class="pri" href="/welcome/">Sign in</a></main>'
        )
    rows = "".join(_phone_row(phone, phone.number == number, at) for phone in phones)
    cards = "".join(_text_card(text, index == 0, at) for index, text in enumerate(texts))
    heading = f'<h2 class="num">{escape(written(number))}</h2>'
    shown = cards or '<p class="m">No texts to this number.</p>'
    return f'<nav class="card phones" aria-label="Phones"><ul>{rows}</ul></nav><main>{heading}{shown}</main>'


def written(number: str) -> str:
    """`(212) 555-0123` for a US number in E.164, anything else as it is."""
    digits = number.removeprefix("+1")
    if number.startswith("+1") and len(digits) == 10 and digits.isdigit():  # noqa: PLR2004
        return f"({digits[:3]}) {digits[3:6]}-{digits[6:]}"
    return number


def _phone_row(phone: Phone, chosen: bool, at: datetime) -> str:  # noqa: FBT001 - one caller above
    href = f"{BASE}/?{urlencode({'to': phone.number})}"
    count = "1 text" if phone.texts == 1 else f"{phone.texts} texts"
    current = ' aria-current="true" class="on"' if chosen else ""
    return (
        f'<li><a href="{escape(href)}"{current}><b class="num">{escape(written(phone.number))}</b>'
        f'<span class="s m">{count} · {_ago(phone.last_at, at)}</span></a></li>'
    )


def _text_card(text: Text, newest: bool, at: datetime) -> str:  # noqa: FBT001 - one caller above
    code = ""
    if text.code:
        spaced = f"{text.code[:3]} {text.code[3:]}"
        code = (
            f'<p class="code num" aria-label="Code {" ".join(text.code)}">{spaced}</p>'
            f'<button type="button" class="copy" data-copy="{text.code}">Copy code</button>'
        )
    return (
        f'<article class="card text{" new" if newest else ""}" data-sid="{escape(text.sid)}">{code}'
        f'<p class="bubble">{escape(text.body)}</p>'
        f'<p class="s m">From {escape(written(text.sender))} · '
        f'<time datetime="{text.at.astimezone(UTC).isoformat()}">{_ago(text.at, at)}</time></p></article>'
    )


def _ago(then: datetime, at: datetime) -> str:
    seconds = (at - then).total_seconds()
    if seconds < _MINUTE_S:
        return "just now"
    if seconds < _HOUR_S:
        return f"{int(seconds // _MINUTE_S)} min ago"
    if seconds < _DAY_S:
        return f"{int(seconds // _HOUR_S)} h ago"
    utc = then.astimezone(UTC)
    return f"{utc:%b} {utc.day}, {utc:%H:%M} UTC"
