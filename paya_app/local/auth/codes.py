"""One-time codes: six digits, kept as a keyed hash, ten minutes, five tries, one use.

Tries and sends are counted in the row of the phone number, locked for each count, whether or not anybody has
that number: restarts and races change nothing, and known and unknown numbers look alike.
"""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from paya_app.local.auth.config import (
    CODE_DIGITS,
    CODE_TRIES_MAX,
    CODE_TTL,
    SEND_INTERVAL,
    SENDS_PER_HOUR_MAX,
)
from paya_app.local.auth.errors import AuthRefusal
from paya_app.local.auth.store import Connection

_HOUR = timedelta(hours=1)


def new_code() -> str:
    """Six random digits."""
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"


def hashed(key: bytes, phone: str, code: str) -> str:
    """The keyed hash of this code for this phone: the database alone does not tell the code."""
    return hmac.new(key, f"{phone}:{code}".encode(), hashlib.sha256).hexdigest()


async def reserve(connection: Connection, phone: str, at: datetime) -> datetime | None:
    """The right to send this phone a code now; of many at once one gets it. When the last one was sent.

    Raises:
        AuthRefusal: asked again within 5 s, or more than 30 times an hour.
    """
    await connection.execute("insert into auth.paya_otp (phone) values (%s) on conflict do nothing", (phone,))
    cursor = await connection.execute("select * from auth.paya_otp where phone = %s for update", (phone,))
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - inserted above
    if row["sent_at"] is not None and at < row["sent_at"] + SEND_INTERVAL:
        left_s = max(1, int((row["sent_at"] + SEND_INTERVAL - at).total_seconds()))
        raise AuthRefusal(
            429,
            "over_sms_send_rate_limit",
            f"For security purposes, you can only request this after {left_s} seconds.",
        )
    fresh = row["window_start"] is None or at >= row["window_start"] + _HOUR
    if not fresh and row["resend_count"] >= SENDS_PER_HOUR_MAX:
        raise AuthRefusal(429, "over_sms_send_rate_limit", "SMS rate limit exceeded")
    await connection.execute("update auth.paya_otp set sent_at = %s where phone = %s", (at, phone))
    return row["sent_at"]


async def keep(connection: Connection, phone: str, code_hash: str, at: datetime) -> None:
    """Replace the phone's code by the one that was reserved `at` and has been sent, and count the sending."""
    await connection.execute(
        """
        update auth.paya_otp set
          code_hash = %(hash)s, expires_at = %(expires)s, tries = 0,
          resend_count = case when window_start > %(hour_ago)s then resend_count + 1 else 1 end,
          window_start = case when window_start > %(hour_ago)s then window_start else %(at)s end
        where phone = %(phone)s and sent_at = %(at)s
        """,
        {"hash": code_hash, "expires": at + CODE_TTL, "hour_ago": at - _HOUR, "at": at, "phone": phone},
    )


async def release(connection: Connection, phone: str, at: datetime, sent_before: datetime | None) -> None:
    """As if the code reserved `at` had never been asked for: asking again need not wait."""
    await connection.execute(
        "update auth.paya_otp set sent_at = %s where phone = %s and sent_at = %s", (sent_before, phone, at)
    )


async def redeem(connection: Connection, phone: str, code_hash: str, at: datetime) -> bool:
    """Count one try; True once, for the right code in time. The caller commits either way."""
    cursor = await connection.execute("select * from auth.paya_otp where phone = %s for update", (phone,))
    row = await cursor.fetchone()
    kept = row["code_hash"] if row else None
    matches = hmac.compare_digest(kept or "", code_hash)
    if row is None or kept is None or at >= row["expires_at"] or row["tries"] >= CODE_TRIES_MAX:
        return False
    spent = matches or row["tries"] + 1 >= CODE_TRIES_MAX
    await connection.execute(
        """
        update auth.paya_otp set tries = tries + 1, code_hash = case when %s then null else code_hash end
        where phone = %s
        """,
        (spent, phone),
    )
    return matches
