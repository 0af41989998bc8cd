"""The chaos page, as HTML text: a card for each stand-in, a button for each thing that it may do wrong."""

from collections.abc import Mapping, Sequence
from html import escape

from paya_app.local.chaos.mischief import ANSWERS, VENDORS, WEBHOOKS, WELL, WITHOUT_WEBHOOKS, Mischief

BASE = "/local/chaos"
_IN_WORDS = {
    WELL: "answers as it should",
    "down": "hangs up on every call; nothing is done",
    "slow": "does what it is asked, and answers after everybody has stopped waiting",
    "busy": "refuses every call for now: 429, try again in five seconds",
    "shape": "does what it is asked, and answers with JSON of another shape",
    "truncated": "does what it is asked, and answers with half of what it means",
    "html": "does what it is asked, and answers with an HTML page",
    "lost": "does what it is asked, and hangs up instead of answering",
}
_WEBHOOKS_IN_WORDS = {
    WELL: "",
    "twice": "Its webhooks come twice.",
    "reordered": "Its webhooks come in any order.",
    "late": "Its webhooks come six seconds late.",
}
_NEEDS = {
    "dwolla": "Money to and from banks",
    "plaid": "Linking a bank",
    "kraken": "Buying bitcoin, and sending it on",
    "twilio": "Text messages",
}


def page(mischiefs: Sequence[Mischief]) -> str:
    """The whole document."""
    cards = "".join(_card(each) for each in mischiefs)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>Chaos · PaYa</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/local/phone/phone.css">
<link rel="stylesheet" href="{BASE}/chaos.css">
</head>
<body>
<header><a class="mark" href="/">PaYa</a>
<div><h1>Chaos</h1>
<p class="s m">What this server's stand-ins for vendors do wrong, on purpose. Nothing leaves this machine.</p>
</div></header>
<main>{cards}</main>
</body>
</html>
"""


def _card(the: Mischief) -> str:
    name = VENDORS[the.vendor]
    state = f"{name} {_IN_WORDS[the.answers]}. {_WEBHOOKS_IN_WORDS[the.webhooks]}".strip()
    well = " well" if the == Mischief(the.vendor) else ""
    webhooks = "" if the.vendor in WITHOUT_WEBHOOKS else _choices("webhooks", "Webhooks", WEBHOOKS, the.webhooks)
    return (
        f'<form class="card vendor{well}" id="{the.vendor}" method="post" action="{BASE}/" aria-label="{escape(name)}">'
        f'<input type="hidden" name="vendor" value="{the.vendor}">'
        f'<h2>{escape(name)}</h2><p class="s m">{escape(_NEEDS[the.vendor])}</p>'
        f'<p class="state" role="status">{escape(state)}</p>'
        f"{_choices('answers', 'Answers', ANSWERS, the.answers)}{webhooks}</form>"
    )


def _choices(field: str, title: str, choices: Mapping[str, str], chosen: str) -> str:
    buttons = "".join(
        f'<button type="submit" name="{field}" value="{value}" aria-pressed="{str(value == chosen).lower()}">'
        f"{escape(words)}</button>"
        for value, words in choices.items()
    )
    return f'<div class="choices" role="group" aria-label="{title}"><span class="s m">{title}</span>{buttons}</div>'
