"""A stand-in for Dwolla: its wire format, its rules, its own books, its webhooks.

It serves what PaYa uses of Dwolla's API v2 at one address: unverified customers, bank funding sources with
micro-deposits, ACH transfers from a customer's bank to our bank, events and webhook subscriptions, and the
sandbox's simulation of bank processing. Each exchange is checked against Dwolla's published description in
tests. What is ours and not Dwolla's: a clock that processes transfers by itself (Dwolla's sandbox waits for
`POST /sandbox-simulations`), quicker webhook retries, and balances of bank accounts.
"""

from paya_app.local.vendors.dwolla.app import create_dwolla
from paya_app.local.vendors.dwolla.state import ACCOUNT_ID

__all__ = ["ACCOUNT_ID", "create_dwolla"]
