"""Limits: what one may still do, and when more is possible again.

The limits themselves are enforced where money moves, inside the database transaction that holds the
wallet's row lock (`wallet.send`); Python shows them.
"""

from paya_app.risk.limits import SendLimits, send_limits

__all__ = ["SendLimits", "send_limits"]
