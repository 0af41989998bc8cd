"""The stand-in phone: a page at `/local/phone/` that shows every text the Twilio stand-in took.

Embedded only. Whoever can open it reads everybody's codes, so it answers to this machine's own names alone.
"""

from paya_app.local.phone.app import create_phone

__all__ = ["create_phone"]
