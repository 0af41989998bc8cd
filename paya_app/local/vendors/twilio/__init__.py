"""Stands in for Twilio: the Messages resource of its 2010-04-01 API, in its wire format.

It checks credentials, validates requests, and refuses with Twilio's own error numbers; the numbers of Twilio's
test credentials behave as documented there. Taken texts are shown by the stand-in phone.
"""

from paya_app.local.vendors.twilio.app import create_twilio

__all__ = ["create_twilio"]
