"""What a test of notices begins with: somebody with a plan, an address and a mail server; and what was sent."""

import re
from typing import Any
from uuid import UUID

from paya_app import notifications
from paya_app.core.actor import Actor
from paya_app.local.vendors.smtp import Mail, Mails
from tests.savings.buys import a_due_buy, a_plan, book_fill, order_due
from tests.support.database import Database

ADDRESS = "ann@example.com"


async def deliveries(database: Database) -> list[tuple[Any, ...]]:
    """Kind, channel, state and reason of every delivery, in the order of their events."""
    return await database.rows(
        "select kind, channel, state, reason from notifications.delivery order by event_id, channel"
    )


async def tell(database: Database) -> None:
    """Place the events, follow them, and run every job that waits, once."""
    await database.rows("select events.advance()")
    await notifications.follow()
    for delivery_id in await waiting(database):
        await notifications.deliver(delivery_id)


async def waiting(database: Database) -> list[UUID]:
    """The deliveries whose job waits, each taken from the queue."""
    rows = await database.rows(
        "delete from jobs.procrastinate_jobs where task_name = 'deliver_notice' and status = 'todo'"
        " returning (args ->> 'delivery_id')::uuid"
    )
    return [row[0] for row in rows]


async def confirm(database: Database, mails: Mails, who: Actor, address: str = ADDRESS) -> None:
    """Give `who` this address, by the link in the mail."""
    await notifications.ask_email(who, address)
    await tell(database)
    await notifications.confirm_email(token_in((await mails.to(address))[0], "confirm"))


def token_in(mail: Mail, page: str) -> str:
    """The token of the link to this page of ours."""
    found = re.search(rf"/notices/{page}\?token=([A-Za-z0-9_-]+)", mail.body)
    assert found, mail.body
    return found[1]


async def bought(database: Database, who: Actor, cents: int = 2000) -> UUID:
    """A plan of theirs has bought; the plan's id."""
    plan_id = await a_plan(database, who, cents)
    await a_due_buy(database, plan_id)
    order_id = await order_due(database)
    budget = await database.value("select budget_cents from savings.exchange_order where id = %s", (order_id,))
    await book_fill(database, order_id, 19_000, budget * 10_000)
    return plan_id
