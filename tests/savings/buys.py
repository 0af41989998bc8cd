"""Plans that are due, made directly in the tables: what a test of ordering and sharing begins with."""

from typing import Any
from uuid import UUID

from paya_app.core.actor import Actor
from paya_app.core.ids import new_id
from tests.support.database import Database

PRICE_CENTS = 10_000_000  # a bitcoin for 100,000.00
HIGH_CENTS = 10_500_000

PLAN = (
    "insert into savings.plan (id, person, name, amount_cents, frequency, zone, starts_on, minute_of_day, created_at,"
    " changed_at, on_shortfall, buy_below_cents, dip_bps, dip_extra_cents, cap_cents) values"
    " (%s, %s, 'Some', %s, 'daily', 'UTC', private.now()::date, 0, private.now() - interval '9 days',"
    " private.now() - interval '9 days', %s, %s, %s, %s, %s)"
)


async def a_plan(
    database: Database,
    who: Actor,
    cents: int = 2000,
    *,
    on_shortfall: str = "skip",
    below: int | None = None,
    dip: tuple[int, int] | None = None,
    cap: int | None = None,
) -> UUID:
    """An active plan without buys."""
    plan_id = new_id()
    dip_bps, dip_extra_cents = dip or (None, None)
    await database.rows(PLAN, (plan_id, who.user_id, cents, on_shortfall, below, dip_bps, dip_extra_cents, cap))
    return plan_id


async def a_due_buy(database: Database, plan_id: UUID, minutes_ago: int = 1) -> UUID:
    """One more buy of a plan, whose time came some minutes ago."""
    return await database.value(
        "insert into savings.buy (plan_id, person, due_at, amount_cents, created_at)"
        " select p.id, p.person, private.now() - make_interval(mins => %s), p.amount_cents, private.now()"
        " from savings.plan p where p.id = %s returning id",
        (minutes_ago, plan_id),
    )


async def order_due(
    database: Database, *, price: int = PRICE_CENTS, high: int = HIGH_CENTS, at_once: int = 100
) -> UUID:
    """Take one batch of what is due; the id of its order."""
    order_id = new_id()
    await database.rows("select * from savings.order_due(%s, %s, %s, %s)", (order_id, at_once, price, high))
    return order_id


async def book_fill(
    database: Database,
    order_id: UUID,
    sats: int,
    cost_micros: int,
    *,
    fee_micros: int = 0,
    fee_sats: int = 0,
    ref: str = "",
) -> None:
    """The exchange says that this is what it filled, and that it is over."""
    await database.rows(
        "select savings.book_fill(%s, %s, %s, %s, %s, %s)",
        (order_id, ref or f"O-{order_id}", sats, cost_micros, fee_micros, fee_sats),
    )


async def buy(database: Database, buy_id: UUID) -> tuple[Any, ...]:
    """State, reason, amount, cost, fee, refund (cents) and sats of a buy."""
    (row,) = await database.rows(
        "select state, reason, amount_cents, cost_cents, fee_cents, refund_cents, quantity_sats"
        " from savings.buy where id = %s",
        (buy_id,),
    )
    return row


async def system(database: Database, kind: str, asset: str = "USD") -> int:
    """The balance of a system account."""
    return await database.value("select ledger.balance_of(ledger.system_account(%s, %s))", (kind, asset))


async def sats_of(database: Database, who: Actor) -> int:
    """What a person has in bitcoin."""
    return await database.value(
        "select coalesce((select balance from ledger.account"
        " where owner = %s and asset = 'BTC' and kind = 'wallet'), 0)",
        (who.user_id,),
    )
