"""Buying what is due: money collected from many wallets, one order at the exchange, what was filled shared out.

An outcome that nobody knows is asked for before anything is sent again. The exchange knows an order by our id of it.
"""

from dataclasses import dataclass
from uuid import UUID

import structlog

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.as_service import as_service
from paya_app.core.config import settings
from paya_app.core.ids import new_id
from paya_app.providers import exchange
from paya_app.providers.outcome import Rejected, Retryable, Unknown
from paya_app.savings.schedule_ahead import skip_missed

BUYS_AT_ONCE = 20_000  # as many as a chunk of the ledger takes
ORDERS_AT_ONCE = 100
# The exchange takes its fee on top of what bitcoin costs, and a large order climbs the book: so much is left for both.
# What is not needed goes back to the wallets it came from.
FEE_BPS_MAX = 40
SLIPPAGE_BPS = 25
SPARE_BPS = FEE_BPS_MAX + SLIPPAGE_BPS

# Our account there is empty: nobody who buys has done anything wrong, and somebody fills it within the hour.
UNFUNDED = "EOrder:Insufficient funds"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Bought:
    """What one turn did: how many buys were looked at, and how many are in orders now."""

    seen: int
    ordered: int


async def buy_due() -> Bought:
    """Collect the money of every buy whose time has come, and note orders for it; each batch is one transaction.

    Without a price nothing is bought: what is due waits, and is skipped after six hours. What came due while nobody
    worked is skipped first, by each plan's catch-up.
    """
    if not await as_service("select savings.needs_price()"):
        return Bought(0, 0)
    try:
        now = await exchange.price()
    except (Retryable, Rejected, Unknown) as failure:
        # with a price, each batch begins with it
        await skip_missed()
        skipped = await as_service("select savings.skip_unpriced()")
        log.warning("the exchange tells no price, what is due waits", why=str(failure), skipped=skipped)
        return Bought(skipped, 0)
    await as_service("select savings.note_price(:price, :high)", price=now.cents_per_btc, high=now.high_24h_cents)
    seen = ordered = 0
    at_once = BUYS_AT_ONCE if settings().paya_buys_aggregated else 1
    while True:
        (row,) = await db.query(
            Actor.service(),
            "select seen, ordered from savings.order_due(:id, :maximum, :price, :high)",
            {"id": new_id(), "maximum": at_once, "price": now.cents_per_btc, "high": now.high_24h_cents},
        )
        seen, ordered = seen + row.seen, ordered + row.ordered
        if not row.seen:
            await stop_plans()
            return Bought(seen, ordered)


async def stop_plans() -> None:
    """Pause the plans that found no money three times in a row, and end those whose cap is reached."""
    for row in await db.query(Actor.service(), "select plan_id, reason, ends from savings.plans_to_stop()"):
        verb = "end_for" if row.ends else "pause_for"
        await as_service(f"select savings.{verb}(:id, :reason)", id=row.plan_id, reason=row.reason)


async def submit_order(order_id: UUID) -> None:
    """Send an order to the exchange, once, whatever happened to earlier tries.

    Raises:
        Retryable: it was not sent, our account there is empty, or it is too early to say that it never arrived.
        Unknown: nobody knows; the next try asks first.
        OrderSentTwice: the exchange has it twice.
    """
    asked = await as_service("select savings.claim_order(:id)", id=order_id)
    if asked["state"] != "submitted":
        return
    try:
        vendor_ref = await _sent_before(order_id, asked) or await _send(order_id, asked)
    except Rejected as refusal:
        log.error("the exchange refused an order", order=str(order_id), code=refusal.code)
        if refusal.code == UNFUNDED:
            await _note_attempt(order_id, asked, "exchange_unfunded", is_unsent=True)
            raise Retryable("exchange_unfunded", is_outage=False) from refusal
        await as_service("select savings.book_unfilled(:id, 'exchange_refused')", id=order_id)
        return
    except (Retryable, Unknown) as failure:
        await _note_attempt(order_id, asked, failure.reason, is_unsent=isinstance(failure, Retryable))
        raise
    if vendor_ref:
        await as_service("select savings.book_order_open(:id, :ref)", id=order_id, ref=vendor_ref)


async def _note_attempt(order_id: UUID, asked: dict, error: str, *, is_unsent: bool) -> None:
    await as_service(
        "select savings.note_order_attempt(:id, :error, :unsent)",
        id=order_id,
        error=error,
        unsent=asked["is_first"] and is_unsent,
    )


async def _sent_before(order_id: UUID, asked: dict) -> str | None:
    """What the exchange calls this order, if an earlier try got through to it."""
    if asked["is_first"]:
        return None
    found = await exchange.find_order(order_id)
    if found:
        return found.order_id
    if asked["sent_s"] < exchange.NONE_IS_FINAL_AFTER_S:
        raise Retryable("not_known_yet", is_outage=False)
    return None


async def _send(order_id: UUID, asked: dict) -> str | None:
    """Ask for as much as the money surely pays; None when that is less than the exchange sells, or it is too late."""
    if asked["is_late"]:
        await as_service("select savings.book_unfilled(:id, 'cut_off')", id=order_id)
        return None
    now, least = await exchange.price(), await exchange.limits()
    quantity_sats = await as_service(
        "select savings.affordable_sats(:budget, :price, :spare_bps, :step)",
        budget=asked["budget_cents"],
        price=now.cents_per_btc,
        spare_bps=SPARE_BPS,
        step=least.step_sats,
    )
    if quantity_sats < least.minimum_sats or asked["budget_cents"] < least.minimum_cents:
        await as_service("select savings.book_unfilled(:id, 'below_exchange_minimum')", id=order_id)
        return None
    # from here on an answer that does not come means that it may have been made
    await as_service("select savings.note_order_sent(:id, :attempts)", id=order_id, attempts=asked["attempts"])
    return await exchange.market_buy(client_id=order_id, quantity_sats=quantity_sats)


async def follow_order(order_id: UUID) -> None:
    """Ask what an order came to, and book it when it is over.

    Raises:
        Retryable: the exchange does not answer, or the order is not over.
    """
    vendor_ref = await as_service("select savings.vendor_ref_of(:id)", id=order_id)
    if vendor_ref is None:
        return
    fill = await exchange.order(vendor_ref)
    if fill.state == "open":
        raise Retryable("not_filled_yet", is_outage=False)
    await as_service(
        "select savings.book_fill(:id, :ref, :sats, :cost, :fee_usd, :fee_sats)",
        id=order_id,
        ref=fill.order_id,
        sats=fill.quantity_sats,
        cost=fill.cost_micros,
        fee_usd=fill.fee_usd_micros,
        fee_sats=fill.fee_sats,
    )


async def ask_about_orders() -> int:
    """Enqueue a question about every order that nobody heard of for too long; returns how many."""
    return await as_service("select savings.orders_to_ask(:maximum)", maximum=ORDERS_AT_ONCE)
