"""Whether a text is an address that bitcoin can be sent to, and what it is if it is not."""

import re
from functools import lru_cache
from typing import Any, Literal

CHARACTERS_MAX = 90  # of the longest kind there is (BIP 350)

Mistake = Literal["empty", "test_network", "ethereum", "lightning", "other_network", "mistyped", "unreadable"]

_LIGHTNING = re.compile(r"(lightning:)?(lnbc|lntb|lnurl|lno1)[0-9a-z]*", re.IGNORECASE)
# Litecoin, Dogecoin, Bitcoin Cash, Solana and others by the beginnings of their addresses
_OTHERS = re.compile(
    r"(ltc1|[LM][1-9A-HJ-NP-Za-km-z]{33}$|D[1-9A-HJ-NP-Za-km-z]{33}$|bitcoincash:|[qp][02-9ac-hj-np-z]{41}$"
    r"|r[1-9A-HJ-NP-Za-km-z]{24,34}$|T[1-9A-HJ-NP-Za-km-z]{33}$|[1-9A-HJ-NP-Za-km-z]{43,44}$|addr1|cosmos1).*"
)
_LOOKS_RIGHT = re.compile(r"bc1[0-9a-z]{6,87}|BC1[0-9A-Z]{6,87}|[13][0-9A-Za-z]{20,40}", re.IGNORECASE)


def is_address(text: str) -> bool:
    """Whether `text` is an address of bitcoin's main network: of another network, or with a wrong letter, it is none.

    Spaces around it make it none, too: who asks cuts them off first and keeps what was checked.
    """
    return _is_of(text, "BITCOIN")


def mistake_in(text: str) -> Mistake | None:
    """What is wrong with `text` as an address of bitcoin's main network, as far as it can be told; or None."""
    if is_address(text):
        return None
    if not text:
        return "empty"
    if any(_is_of(text, network) for network in ("TESTNET", "SIGNET", "REGTEST")):
        return "test_network"
    if re.fullmatch(r"0x[0-9a-fA-F]{40}", text):
        return "ethereum"
    if _LIGHTNING.fullmatch(text) or "@" in text:
        return "lightning"
    if _OTHERS.match(text):
        return "other_network"
    return "mistyped" if _LOOKS_RIGHT.fullmatch(text) else "unreadable"


def _is_of(text: str, network: str) -> bool:
    if not 1 <= len(text) <= CHARACTERS_MAX or not text.isascii() or not text.isalnum():
        return False
    bdk = _library()
    try:
        bdk.Address(text, getattr(bdk.Network, network))
    except bdk.AddressParseError:
        return False
    return True


@lru_cache(maxsize=1)
def _library() -> Any:
    """bdkpython, loaded with the first question: it is a library of 13 MB."""
    import bdkpython

    return bdkpython
