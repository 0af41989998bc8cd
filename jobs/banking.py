"""Jobs of banking: each one verb. Arguments are JSON, written by `jobs.enqueue` in the database."""

from uuid import UUID

from procrastinate import App

from jobs.retries import TICK, VENDOR
from paya_app import banking

QUEUE = "banking"


def register(app: App) -> None:
    """Make these tasks known to the queue, by the names that SQL writes."""
    app.task(name="submit_load", queue=QUEUE, retry=VENDOR)(submit_load)
    app.task(name="follow_transfer", queue=QUEUE, retry=VENDOR)(follow_transfer)
    app.task(name="submit_redemption", queue=QUEUE, retry=VENDOR)(submit_redemption)
    app.task(name="cancel_transfer", queue=QUEUE, retry=VENDOR)(cancel_transfer)
    app.task(name="ask_about_operation", queue=QUEUE, retry=VENDOR)(ask_about_operation)
    app.task(name="follow_source", queue=QUEUE, retry=VENDOR)(follow_source)
    app.task(name="subscribe", queue=QUEUE, retry=VENDOR)(subscribe)
    app.task(name="ask_about_stale", queue=QUEUE, retry=TICK)(ask_about_stale)
    app.task(name="clear_due", queue=QUEUE, retry=TICK)(clear_due)


async def submit_load(load_id: str) -> None:
    """Send a load to the vendor."""
    await banking.submit_load(UUID(load_id))


async def follow_transfer(transfer_id: str) -> None:
    """Book what the vendor says of a transfer."""
    await banking.follow_transfer(transfer_id)


async def submit_redemption(redemption_id: str) -> None:
    """Send a redemption to the vendor."""
    await banking.submit_redemption(UUID(redemption_id))


async def cancel_transfer(operation_id: str) -> None:
    """Ask the vendor to stop what its owner canceled."""
    await banking.cancel_transfer(UUID(operation_id))


async def ask_about_operation(operation_id: str) -> None:
    """Book what the vendor says of a load or redemption that nobody heard of."""
    await banking.ask_about_operation(UUID(operation_id))


async def follow_source(vendor_id: str) -> None:
    """Note what the vendor says of a bank."""
    await banking.follow_source(vendor_id)


async def subscribe() -> None:
    """Have the vendor's notices sent to us."""
    await banking.subscribe()


async def ask_about_stale() -> None:
    """Ask about whatever is overdue."""
    await banking.ask_about_stale()


async def clear_due() -> None:
    """Mint the loads whose hold is over."""
    await banking.clear_due()
