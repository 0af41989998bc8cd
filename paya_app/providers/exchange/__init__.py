"""The exchange (Kraken), over the `ccxt` library: what bitcoin costs, buying it, holding it, sending it on.

Amounts are whole sats, US cents or millionths of a dollar, never floats. Every verb raises `Retryable`, `Rejected` or
`Unknown` when it has no answer; those that only ask are never `Unknown`. Nothing is tried again in here.
"""

from paya_app.providers.exchange.connection import VENDOR, close
from paya_app.providers.exchange.funds import (
    Balances,
    Withdrawal,
    balances,
    find_withdrawal,
    withdraw,
    withdrawal,
    withdrawal_fee_sats,
)
from paya_app.providers.exchange.market import (
    Candle,
    Limits,
    Price,
    daily_candles,
    limits,
    minimum_sats,
    ping,
    price,
)
from paya_app.providers.exchange.orders import NONE_IS_FINAL_AFTER_S, Fill, find_order, market_buy, order

__all__ = [
    "NONE_IS_FINAL_AFTER_S",
    "VENDOR",
    "Balances",
    "Candle",
    "Fill",
    "Limits",
    "Price",
    "Withdrawal",
    "balances",
    "close",
    "daily_candles",
    "find_order",
    "find_withdrawal",
    "limits",
    "market_buy",
    "minimum_sats",
    "order",
    "ping",
    "price",
    "withdraw",
    "withdrawal",
    "withdrawal_fee_sats",
]
