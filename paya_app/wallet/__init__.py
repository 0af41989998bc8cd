"""Payments between people."""

from paya_app.wallet.batcher import drain
from paya_app.wallet.models import Audience, Balance, Direction, Payment
from paya_app.wallet.service import balance, payment, payments, recent_people, send, set_audience

__all__ = [
    "Audience",
    "Balance",
    "Direction",
    "Payment",
    "balance",
    "drain",
    "payment",
    "payments",
    "recent_people",
    "send",
    "set_audience",
]
