"""The form of a key: `paya_test_`, 32 random bytes in base 62, and a checksum.

The checksum tells what was mistyped or cut off from what we never made, without asking anybody; a program that looks
for leaked secrets can check what it found with it. It proves nothing: the 256 random bits do.
"""

import hashlib
import hmac
import secrets
import zlib

from paya_app.developers.errors import ApiKeyMalformed, ApiKeyMissing

PREFIXES = {"test": "paya_test_", "live": "paya_live_"}

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_BYTES = 32
_RANDOM_DIGITS = 43  # 62 ** 43 > 2 ** 256
_CHECKSUM_DIGITS = 6  # 62 ** 6 > 2 ** 32
_PREFIX_CHARACTERS = 10


def make_secret(mode: str) -> str:
    """A new key of this mode (`test` or `live`): 59 letters, digits and underscores."""
    stem = PREFIXES[mode] + _base62(int.from_bytes(secrets.token_bytes(_RANDOM_BYTES)), _RANDOM_DIGITS)
    return stem + _checksum(stem)


def hash_of(secret: str | None) -> bytes:
    """What is kept of a key (SHA-256), once its form and its checksum are right.

    Raises:
        ApiKeyMissing: there is none.
        ApiKeyMalformed: it is none of ours, or was changed on the way.
    """
    if not secret:
        raise ApiKeyMissing
    stem, checksum = secret[:-_CHECKSUM_DIGITS], secret[-_CHECKSUM_DIGITS:]
    is_formed = (
        len(secret) == _PREFIX_CHARACTERS + _RANDOM_DIGITS + _CHECKSUM_DIGITS
        and secret.isascii()
        and secret.startswith(tuple(PREFIXES.values()))
    )
    if not is_formed or not hmac.compare_digest(_checksum(stem), checksum):
        raise ApiKeyMalformed
    # found by this hash alone: how long that takes tells a guesser about hashes, and not about a secret of 256 bits
    return hashlib.sha256(secret.encode()).digest()


def _checksum(stem: str) -> str:
    return _base62(zlib.crc32(stem.encode()), _CHECKSUM_DIGITS)


def _base62(number: int, digits: int) -> str:
    written = []
    for _ in range(digits):
        number, digit = divmod(number, 62)
        written.append(_DIGITS[digit])
    return "".join(reversed(written))
