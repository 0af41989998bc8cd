"""Limits: what one may still do, and when more is possible again. Cases: why an account may do less.

Both are enforced where money moves, inside the database transaction that holds the wallet's row lock; Python
shows them. Flags: what looks odd among payments that were made, and becomes a case for somebody to look at.
"""

from paya_app.risk.accounts import AccountCase, impose, lift, open_cases
from paya_app.risk.flags import Flag, raise_flags
from paya_app.risk.limits import SendLimits, send_limits

__all__ = ["AccountCase", "Flag", "SendLimits", "impose", "lift", "open_cases", "raise_flags", "send_limits"]
