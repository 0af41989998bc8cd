"""What a browser calls itself, in words that people recognise in a list of sessions."""

import re

USER_AGENT_CHARACTERS_MAX = 300

# the first that matches wins: most browsers also name the ones they descend from
_BROWSERS = (
    (r"Edg(e|A|iOS)?/", "Edge"),
    (r"OPR/|Opera", "Opera"),
    (r"SamsungBrowser/", "Samsung Internet"),
    (r"Firefox/|FxiOS/", "Firefox"),
    (r"HeadlessChrome/|Chrome/|CriOS/|Chromium/", "Chrome"),
    (r"Safari/", "Safari"),
)
_SYSTEMS = (
    (r"iPhone|iPod", "iPhone"),
    (r"iPad", "iPad"),
    (r"Android", "Android"),
    (r"Windows", "Windows"),
    (r"Mac OS X|Macintosh", "Mac"),
    (r"CrOS", "Chromebook"),
    (r"Linux|X11", "Linux"),
)


def clean_user_agent(text: str) -> str:
    """The header as it is kept: printable ASCII, at most 300 characters."""
    return re.sub(r"[^\x20-\x7e]", "", text)[:USER_AGENT_CHARACTERS_MAX]


def device_name(user_agent: str) -> str:
    """`Firefox on Windows`, or `Unknown device`."""
    browser = next((name for pattern, name in _BROWSERS if re.search(pattern, user_agent)), "")
    system = next((name for pattern, name in _SYSTEMS if re.search(pattern, user_agent)), "")
    return " on ".join(word for word in (browser, system) if word) or "Unknown device"
