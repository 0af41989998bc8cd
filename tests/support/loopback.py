"""Tests reach nothing but this machine: every other address is refused before a packet leaves."""

import ipaddress
import sys
from typing import Any

_NAMES = {"localhost", "", None}


class LeavesTheMachine(RuntimeError):
    """A test tried to reach another machine."""


def refuse_other_machines() -> None:
    """Refuse, from here to the end of this process, sockets to and look-ups of other machines."""
    sys.addaudithook(_check)


def _check(event: str, arguments: tuple[Any, ...]) -> None:
    match event:
        case "socket.connect" | "socket.sendto" | "socket.sendmsg":
            address = arguments[1]
            # a text or bytes address is a Unix socket
            if isinstance(address, tuple) and not _is_here(address[0]):
                raise LeavesTheMachine(f"a test tried to reach {address}")
        case "socket.getaddrinfo" | "socket.gethostbyname":
            if not _is_here(arguments[0]):
                raise LeavesTheMachine(f"a test tried to look up {arguments[0]!r}")
        case _:
            pass


def _is_here(host: Any) -> bool:
    if isinstance(host, bytes):
        host = host.decode()
    if host in _NAMES or str(host).endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return False
