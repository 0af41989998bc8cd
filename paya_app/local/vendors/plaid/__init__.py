"""A stand-in for Plaid: its wire format, its own books, its bank picker (Hosted Link), its webhooks.

It serves what PaYa uses of Plaid's API 2020-09-14 at one address. Plaid's documents say: the shapes of requests,
answers and errors; `ins_109508` and the names of the other test institutions; `user_good` with `pass_good`,
`mfa_device` (code 1234) or `error_<CODE>` (ITEM_LOCKED, INSTITUTION_DOWN, …) as password; the routing number
011401533; the owner Alberta Bobbeth Charleson; webhooks signed with ES256 in `Plaid-Verification`.

Ours, and not Plaid's: the picker's looks; `user_locked` (any password); that `user_good` is an account in the name
that came with the link token, where one came, and `user_other` is Alberta Bobbeth Charleson's; account numbers of
each person's own, so that two people share no balance; a public token that can be exchanged once; quicker retries
of webhooks; `POST /processor/auth/get` answering Dwolla's stand-in under our own keys.
"""

from paya_app.local.vendors.plaid.app import create_plaid

__all__ = ["create_plaid"]
