"""A stand-in for Kraken: its wire format, its rules, an order book, its own books.

It serves what PaYa uses of Kraken's REST API at one address: the market of bitcoin in dollars, market orders to buy,
balances, and withdrawals to addresses that were registered before. Requests are signed and numbered as Kraken wants
it. Prices are synthetic: a path that a seed and the clock determine, and a book around it that orders are matched
against, level by level.

As Kraken, and unlike a kinder exchange: a client's id is unique among open orders alone, so that the same one sent
again after the order was filled is a second order; the cost and the fee of an order are cut to the decimals of the
price, so that only its trades say what was paid; a withdrawal has no id of the client's; what is refused comes with
status 200.

What is ours and not Kraken's: everything under `/local/`, by which tests move its clock, have orders filled in parts
and plan refusals; a withdrawal key that is a bitcoin address counts as registered (Kraken has them typed in at its
site); candles say that they are `synthetic`; balances have five decimals of a dollar where Kraken's have four; nobody
is ever told to slow down, unless it was planned or chosen on the chaos page; the words of the refusal of a client's id
that is in use, which Kraken does not publish.
"""

from paya_app.local.vendors.kraken.app import create_kraken

__all__ = ["create_kraken"]
