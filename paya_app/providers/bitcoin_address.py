"""Whether a text is an address that bitcoin can be sent to."""

from functools import lru_cache
from typing import Any

CHARACTERS_MAX = 90  # of the longest kind there is (BIP 350)


def is_address(text: str) -> bool:
    """Whether `text` is an address of bitcoin's main network: of another network, or with a wrong letter, it is none.

    Spaces around it make it none, too: who asks cuts them off first and keeps what was checked.
    """
    if not 1 <= len(text) <= CHARACTERS_MAX or not text.isascii() or not text.isalnum():
        return False
    bdk = _library()
    try:
        bdk.Address(text, bdk.Network.BITCOIN)
    except bdk.AddressParseError:
        return False
    return True


@lru_cache(maxsize=1)
def _library() -> Any:
    """bdkpython, loaded with the first question: it is a library of 13 MB."""
    import bdkpython

    return bdkpython
