"""Jobs of savings: each one verb."""

from uuid import UUID

import structlog
from procrastinate import App

from jobs.retries import TICK, VENDOR
from paya_app import savings

QUEUE = "savings"

log = structlog.get_logger()


def register(app: App) -> None:
    """Make these tasks known to the queue."""
    app.task(name="schedule_ahead", queue=QUEUE, retry=TICK)(schedule_ahead)
    app.task(name="load_ahead", queue=QUEUE, retry=TICK)(load_ahead)
    app.task(name="keep_candles", queue=QUEUE, retry=TICK)(keep_candles)
    app.task(name="buy_due", queue=QUEUE, retry=TICK)(buy_due)
    app.task(name="ask_about_orders", queue=QUEUE, retry=TICK)(ask_about_orders)
    app.task(name="submit_order", queue=QUEUE, retry=VENDOR)(submit_order)
    app.task(name="follow_order", queue=QUEUE, retry=VENDOR)(follow_order)
    app.task(name="submit_withdrawal", queue=QUEUE, retry=VENDOR)(submit_withdrawal)
    app.task(name="follow_withdrawal", queue=QUEUE, retry=VENDOR)(follow_withdrawal)
    app.task(name="ask_about_withdrawals", queue=QUEUE, retry=TICK)(ask_about_withdrawals)


async def schedule_ahead() -> None:
    """Keep buys ahead of every plan; those whose time passed while nobody worked are skipped, and said aloud."""
    await savings.schedule_ahead()
    missed = await savings.skip_missed()
    if missed:
        log.warning("buys were missed", count=missed)


async def load_ahead() -> None:
    """Ask the banks of plans for the money of their next buys."""
    await savings.load_ahead()


async def keep_candles() -> None:
    """Keep the exchange's daily prices, once for each day that is over."""
    await savings.keep_candles()


async def buy_due() -> None:
    """Collect the money of what is due, and note the orders for it."""
    done = await savings.buy_due()
    if done.seen:
        log.info("buys were due", seen=done.seen, ordered=done.ordered)


async def submit_order(order_id: str) -> None:
    """Send an order to the exchange."""
    await savings.submit_order(UUID(order_id))


async def follow_order(order_id: str) -> None:
    """Book what an order came to."""
    await savings.follow_order(UUID(order_id))


async def ask_about_orders() -> None:
    """Ask about orders that nobody heard of."""
    await savings.ask_about_orders()


async def submit_withdrawal(withdrawal_id: str) -> None:
    """Hand a withdrawal to the exchange."""
    await savings.submit_withdrawal(UUID(withdrawal_id))


async def follow_withdrawal(withdrawal_id: str) -> None:
    """Book what became of a withdrawal."""
    await savings.follow_withdrawal(UUID(withdrawal_id))


async def ask_about_withdrawals() -> None:
    """Ask about withdrawals that nobody heard of."""
    await savings.ask_about_withdrawals()
