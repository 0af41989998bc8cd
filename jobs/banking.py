"""Jobs of banking: each one verb. Arguments are JSON, written by `jobs.enqueue` in the database."""

from uuid import UUID

import structlog
from procrastinate import App

from jobs.retries import TICK, VENDOR
from paya_app import banking

QUEUE = "banking"

log = structlog.get_logger()


def register(app: App) -> None:
    """Make these tasks known to the queue, by the names that SQL writes."""
    app.task(name="submit_load", queue=QUEUE, retry=VENDOR)(submit_load)
    app.task(name="follow_transfer", queue=QUEUE, retry=VENDOR)(follow_transfer)
    app.task(name="submit_redemption", queue=QUEUE, retry=VENDOR)(submit_redemption)
    app.task(name="cancel_transfer", queue=QUEUE, retry=VENDOR)(cancel_transfer)
    app.task(name="ask_about_operation", queue=QUEUE, retry=VENDOR)(ask_about_operation)
    app.task(name="follow_source", queue=QUEUE, retry=VENDOR)(follow_source)
    app.task(name="subscribe", queue=QUEUE, retry=VENDOR)(subscribe)
    app.task(name="follow_link", queue=QUEUE, retry=VENDOR)(follow_link)
    app.task(name="follow_connection", queue=QUEUE, retry=VENDOR)(follow_connection)
    app.task(name="give_back", queue=QUEUE, retry=VENDOR)(give_back)
    app.task(name="remove_source", queue=QUEUE, retry=VENDOR)(remove_source)
    app.task(name="ask_about_links", queue=QUEUE, retry=TICK)(ask_about_links)
    app.task(name="ask_about_stale", queue=QUEUE, retry=TICK)(ask_about_stale)
    app.task(name="clear_due", queue=QUEUE, retry=TICK)(clear_due)
    app.task(name="check_backing", queue=QUEUE, retry=VENDOR)(check_backing)
    app.task(name="reconcile_external", queue=QUEUE, retry=VENDOR)(reconcile_external)


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


async def follow_link(link_id: str) -> None:
    """Make a bank of what a person brought back from the vendor's pages."""
    await banking.follow_link(UUID(link_id))


async def follow_connection(item_id: str, topic: str) -> None:
    """Note what the vendor says of an access to a bank."""
    await banking.follow_connection(item_id, topic)


async def give_back(connection_id: str) -> None:
    """Give an access back that is needed no more."""
    await banking.give_back(UUID(connection_id))


async def remove_source(vendor_id: str) -> None:
    """Have the vendor forget a bank that its owner unlinked."""
    await banking.remove_source(vendor_id)


async def ask_about_links() -> None:
    """Ask about links that nobody heard of."""
    await banking.ask_about_links()


async def subscribe() -> None:
    """Have the vendor's notices sent to us."""
    await banking.subscribe()


async def ask_about_stale() -> None:
    """Ask about whatever is overdue."""
    await banking.ask_about_stale()


async def check_backing() -> None:
    """See whether the bank holds enough for what is out."""
    await banking.check_backing()


async def reconcile_external() -> None:
    """Compare our books with the vendor's; what differs is a case, and said aloud."""
    for finding in await banking.reconcile_external():
        log.error("the vendor says otherwise", kind=finding.kind, subject=finding.subject, case=str(finding.case_id))


async def clear_due() -> None:
    """Mint the loads whose hold is over."""
    await banking.clear_due()
