"""Keys derived from the server's secret, and sealing small secrets with them.

Every purpose has a key of its own (HKDF-SHA256), so that what was made for one purpose opens nothing else.
"""

import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from paya_app.core.config import settings

_VERSION = b"\x01"
_NONCE_BYTES = 12


class Unsealable(Exception):
    """The bytes were sealed with another key, for another row, or changed since."""


@lru_cache(maxsize=64)
def _derived(secret: str, purpose: str) -> bytes:
    if not secret:
        raise Unsealable("PAYA_SECRET is empty, so nothing can be sealed or opened.")
    return HKDF(SHA256(), 32, salt=None, info=purpose.encode()).derive(secret.encode())


def derived_key(purpose: str) -> bytes:
    """The 32-byte key of this purpose, the same in every process with the same PAYA_SECRET."""
    return _derived(settings().paya_secret.get_secret_value(), purpose)


def seal(plain: bytes, *, purpose: str, bound_to: bytes = b"") -> bytes:
    """`plain` encrypted (AES-256-GCM) and bound to the row it lives in.

    Layout: one byte of version, 12 of nonce, then ciphertext and tag.
    """
    nonce = os.urandom(_NONCE_BYTES)
    return _VERSION + nonce + AESGCM(derived_key(purpose)).encrypt(nonce, plain, bound_to)


def unseal(sealed: bytes, *, purpose: str, bound_to: bytes = b"") -> bytes:
    """What `seal` was given.

    Raises:
        Unsealable: another key, another row, or changed bytes.
    """
    if sealed[:1] != _VERSION:
        raise Unsealable("The sealed value has an unknown version.")
    nonce, rest = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    try:
        return AESGCM(derived_key(purpose)).decrypt(nonce, rest, bound_to)
    except (InvalidTag, ValueError):
        raise Unsealable("The sealed value does not open with this key for this row.") from None
