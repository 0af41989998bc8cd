"""Lists of one's own payments, loads and redemptions."""

from dataclasses import dataclass
from typing import Any

import reflex as rx

from paya_app.banking import Redemption
from paya_app.core.money import format_cents
from paya_app.wallet import Payment
from paya_app.web.components.avatar import initials_of, tone_of
from paya_app.web.loads import ENDED, BankTransfer, bank_name, words


@dataclass
class ActivityRow:
    """One row as the page shows it: `before` **`who`** `after`, then the note; `at` is ISO 8601."""

    id: str
    href: str
    kind: str
    initials: str
    tone: int
    before: str
    who: str
    after: str
    note: str
    amount: str
    audience: str
    state: str
    at: str


class _ActivityList(rx.Component):
    library = rx.asset("activity_list.jsx", shared=True).importable_path
    tag = "ActivityList"

    rows: rx.Var[list[ActivityRow]]
    grouped: rx.Var[bool]


def activity_list(rows: Any, *, grouped: bool = True) -> rx.Component:
    """The rows; under the reader's own days when grouped."""
    return _ActivityList.create(rows=rows, grouped=grouped)


def payment_row(payment: Payment) -> ActivityRow:
    """A payment as one of its two parties sees it in a list."""
    sent, who = payment.direction == "sent", payment.counterparty
    return ActivityRow(
        id=str(payment.id),
        href=f"/activity/{payment.id}/",
        kind=payment.direction,
        initials=initials_of(who.name),
        tone=tone_of(who.handle),
        before="You paid" if sent else "",
        who=who.name,
        after="" if sent else "paid you",
        note=payment.note,
        amount=("−" if sent else "+") + format_cents(payment.amount_cents),
        audience="public" if payment.is_public else "private",
        state="",
        at=payment.created_at.isoformat(),
    )


def bank_row(moved: BankTransfer) -> ActivityRow:
    """Money from one's bank, or to it, in a list."""
    is_out = isinstance(moved, Redemption)
    sign = "" if moved.state in ENDED else "−" if is_out else "+"
    return ActivityRow(
        id=str(moved.id),
        href=f"/activity/{moved.id}/",
        kind="load",
        initials="",
        tone=1,
        before="",
        who=bank_name(moved),
        after="",
        note="Money to your bank" if is_out else "Money from your bank",
        amount=sign + format_cents(moved.amount_cents),
        audience="",
        state=words(moved),
        at=moved.created_at.isoformat(),
    )
