"""How Home speaks of what comes: money from and to a bank, and the next buy of a plan."""

from paya_app import banking, savings
from paya_app.core.clock import now
from paya_app.core.money import format_cents
from paya_app.web.components.under_way import Coming, NextBuyShown
from paya_app.web.loads import BankTransfer, bank_name, expected_at, is_queued, still_expected
from paya_app.web.plans import moment_words, zone_words


def coming_of(moved: BankTransfer) -> Coming:
    """Money under way, as Home says it."""
    is_out = isinstance(moved, banking.Redemption)
    expected = still_expected(expected_at(moved), now())
    waits = "queued" if is_queued(moved) else "on its way"
    comes = "by" if is_out else "arriving"
    says = comes if expected else waits
    return Coming(
        href=f"/activity/{moved.id}/",
        amount=format_cents(moved.amount_cents),
        says=f"to your bank, {says}" if is_out else says,
        way=f"{'to' if is_out else 'from'} {bank_name(moved)}",
        expected_at=expected,
    )


def next_buy_of(buy: savings.NextBuy | None) -> NextBuyShown:
    """The next buy of any plan, as Home says it."""
    if buy is None:
        return NextBuyShown()
    return NextBuyShown(
        href=f"/save/{buy.plan_id}/",
        name=buy.name,
        amount=format_cents(buy.amount_cents),
        at=buy.due_at.isoformat(),
        words=moment_words(buy.due_at, buy.zone, now()),
        zone=zone_words(buy.zone),
    )
