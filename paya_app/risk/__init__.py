"""Limits: what one may still do, and when more is possible again. Cases: why an account may do less.

Both are enforced where money moves, inside the database transaction that holds the wallet's row lock; Python
shows them.
"""

from paya_app.risk.accounts import AccountCase, impose, lift, open_cases
from paya_app.risk.limits import SendLimits, send_limits

__all__ = ["AccountCase", "SendLimits", "impose", "lift", "open_cases", "send_limits"]
