"""Refusals of orders at the exchange: nobody but us reads them, and somebody has to look."""

from paya_app.core.errors import PayaError


class OrderSentTwice(PayaError):
    """The exchange has two orders for one of ours."""

    code = "order_sent_twice"
    status = 500
    is_final = True


class FillMalformed(PayaError):
    """What the exchange says of an order cannot be: something below zero, or bitcoin for nothing."""

    code = "fill_malformed"
    status = 500
    is_final = True
