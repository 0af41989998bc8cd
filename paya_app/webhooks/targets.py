"""Which addresses may be sent to: by how they are written, and by where they lead.

Developers name the addresses, so any of them may lead into our own network, by number, by a name, or by a name whose
meaning changes between two look-ups. What is written is checked when it is saved; where it leads is checked at each
connection (`guard.py`), on the very address that is then connected to.
"""

import ipaddress
import re
from urllib.parse import urlsplit

import httpx

from paya_app.webhooks.errors import WebhookUrlInvalid

URL_CHARACTERS_MAX = 2000
PORTS_BELOW_1024 = frozenset({80, 443})
PORT_FREE_FROM = 1024

# what RFC 3986 knows, without brackets but around a host
_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?")
_NAME_CHARACTERS_MAX = 253
# the last part of a name is never a number: what looks like one is an IPv4 address in disguise (127.1, 0x7f.1)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LOCAL_NAME = re.compile(r"(.*\.)?(localhost|local|internal|localdomain|home\.arpa)\.?")
_PUBLIC_IPV6 = ipaddress.IPv6Network("2000::/3")
# public by their number, and led elsewhere by whoever routes them
_NEVER = tuple(
    map(
        ipaddress.ip_network,
        (
            "168.63.129.16/32",  # the metadata server of one cloud
            "192.0.0.0/24",
            "192.88.99.0/24",
            "2001::/23",
            "2001:db8::/32",
            "2002::/16",  # IPv4 within IPv6
            "3fff::/20",
        ),
    )
)


def checked_url(url: object, *, loopback_allowed: bool) -> str:
    """`url` as it is kept: https, or with `loopback_allowed` also http.

    Raises:
        WebhookUrlInvalid: says which rule it breaks.
    """
    if not isinstance(url, str) or not _CHARACTERS.fullmatch(url):
        raise WebhookUrlInvalid(why="form")
    if len(url) > URL_CHARACTERS_MAX:
        raise WebhookUrlInvalid(why="long")
    try:
        at, sent_to = urlsplit(url), httpx.URL(url)
        port, host = at.port, at.hostname or ""
    except (ValueError, httpx.InvalidURL):
        raise WebhookUrlInvalid(why="form") from None
    if at.scheme not in ({"https", "http"} if loopback_allowed else {"https"}):
        raise WebhookUrlInvalid(why="scheme" if at.scheme else "form")
    if "@" in at.netloc:
        raise WebhookUrlInvalid(why="credentials")
    if "#" in url:
        raise WebhookUrlInvalid(why="fragment")
    if why := _fault_of_host(host, loopback_allowed=loopback_allowed):
        raise WebhookUrlInvalid(why=why)
    if not may_use_port(port_of(sent_to)) or port == 0:
        raise WebhookUrlInvalid(why="port")
    if sent_to.raw_host.decode().strip("[]") != host:  # two readers that disagree: one of them was deceived
        raise WebhookUrlInvalid(why="form")
    return url


def port_of(url: httpx.URL) -> int:
    """The port that a request to `url` goes to."""
    return url.port or {"https": 443, "http": 80}[url.scheme]


def may_use_port(port: int) -> bool:
    """Whether we send to this port: below 1024 live mail servers, shells and the like."""
    return port in PORTS_BELOW_1024 or PORT_FREE_FROM <= port <= 65535  # noqa: PLR2004 - the last port


def may_reach(address: str, *, loopback_allowed: bool) -> bool:
    """Whether `address`, as a resolver gives it, is on the public internet, or, where that is allowed, this machine.

    Private, link-local, shared (RFC 6598), multicast and reserved addresses are not, nor is IPv4 wrapped into IPv6.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if loopback_allowed and ip.is_loopback:
        return True
    if not ip.is_global or ip.is_multicast or ip.is_reserved or any(ip in net for net in _NEVER):
        return False
    return isinstance(ip, ipaddress.IPv4Address) or ip in _PUBLIC_IPV6


def _fault_of_host(host: str, *, loopback_allowed: bool) -> str | None:
    """Which rule a host breaks, or None; a name may still lead anywhere."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return None if may_reach(host, loopback_allowed=loopback_allowed) else "address"
    if not _NAME.fullmatch(host) or len(host) > _NAME_CHARACTERS_MAX:
        return "form"
    if _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        return "host"
    if loopback_allowed and host.rstrip(".") == "localhost":
        return None
    return "host" if _LOCAL_NAME.fullmatch(host) or "." not in host.rstrip(".") else None
