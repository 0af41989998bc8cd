"""`/activity/[item]`: one payment, load or redemption: receipt, who sees it, stages."""

from datetime import datetime
from typing import Any
from uuid import UUID

import reflex as rx

from paya_app import banking, wallet
from paya_app.banking.errors import CancelTooLate
from paya_app.core.actor import Actor
from paya_app.core.clock import now
from paya_app.core.errors import NotFound, PayaError, RequestInvalid
from paya_app.core.money import format_cents
from paya_app.web.components.avatar import avatar, initials_of, tone_of
from paya_app.web.components.busy import busy_button
from paya_app.web.components.button import primary_link, secondary_link
from paya_app.web.components.copy_button import copy_button
from paya_app.web.components.due import Due
from paya_app.web.components.field import notice
from paya_app.web.components.file_link import file_link
from paya_app.web.components.focus_title import focus_title
from paya_app.web.components.frame import frame
from paya_app.web.components.icon import icon
from paya_app.web.components.link import go
from paya_app.web.components.live_hint import LiveHint
from paya_app.web.components.only_for import only_for
from paya_app.web.components.owed import owed_card
from paya_app.web.components.segment import segment
from paya_app.web.components.skeleton import bone, waiting
from paya_app.web.components.timeline import StageRow, timeline
from paya_app.web.components.when import when
from paya_app.web.forms import read_id, read_text
from paya_app.web.loads import (
    ENDED,
    BankTransfer,
    bank_name,
    cancel_words,
    late_at,
    late_words,
    still_expected,
    tone,
    words,
)
from paya_app.web.viewer import admit, query_value, signed_in

ELSEWHERE = "The page had gone on to another payment. Nothing was changed: choose again."


class ItemState(rx.State):
    """One item, the one that `shown` names. `kind` is empty until it is known, then `payment`, `bank` or `none`.

    A load and a redemption are both `bank`; `cancelable` and `cancel_note` say whether it can be canceled, or why not.
    """

    shown: str = ""
    kind: str = ""
    fault: str = ""
    is_new: bool = False
    title: str = ""
    amount: str = ""
    chip: str = ""
    chip_kind: str = ""
    who: str = ""
    handle: str = ""
    initials: str = ""
    tone: int = 1
    note: str = ""
    at: str = ""
    audience: str = ""
    is_public: bool = False
    bank: str = ""
    reference: str = ""
    late: str = ""
    late_at: str = ""
    owed: str = ""
    owed_what: str = ""
    owed_how: str = ""
    paid_back: str = ""
    cancelable: bool = False
    cancel_note: str = ""
    settled: int = 0
    stages: rx.Field[list[StageRow]] = rx.field(default_factory=list)

    @rx.event
    async def enter(self) -> rx.event.EventSpec | None:
        """Load it; what belongs to others is not there."""
        try:
            actor = await admit(self)
            if not isinstance(actor, Actor):
                return actor
            self._begin()
            self.is_new = query_value(self, "new") == "1"
            await self._load(actor)
        except NotFound as error:
            self.kind, self.title, self.fault = "none", "Not found", error.message
        except PayaError as error:
            self.fault = error.message
        return None

    @rx.event
    async def refresh(self) -> None:
        """Something changed: read it again."""
        try:
            actor = await signed_in(self)
            self._begin()
            await self._load(actor)
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def choose_audience(self, audience: str, item: str) -> None:
        """Change one's own side of who sees the payment whose receipt was looked at, while the page is still at it."""
        try:
            actor = await signed_in(self)
            if read_text(item) != self._wanted():
                raise RequestInvalid(sentence=ELSEWHERE)
            self._begin()
            payment_id = read_id(item)
            if payment_id is None:
                raise NotFound(what="payment")
            wanted: wallet.Audience = "public" if read_text(audience) == "public" else "private"
            self._show_payment(await wallet.set_audience(actor, payment_id, wanted))
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def cancel(self, item: str) -> None:
        """Cancel the load or redemption that was looked at, while the page is still at it."""
        self.settled += 1
        try:
            actor = await signed_in(self)
            if read_text(item) != self._wanted():
                raise RequestInvalid(sentence=ELSEWHERE)
            self._begin()
            item_id = read_id(item)
            if item_id is None:
                raise NotFound(what="transfer")
            refusal = ""
            try:
                await banking.cancel(actor, item_id)
            except CancelTooLate as too_late:
                refusal = too_late.message
            await self._load(actor)
            self.fault = refusal
        except PayaError as error:
            self.fault = error.message

    def _begin(self) -> None:
        """Forget what is of another address."""
        if self.shown != self._wanted():
            self.reset()
            self.shown = self._wanted()

    def _wanted(self) -> str:
        return str(self.item)[:64]  # pyright: ignore[reportAttributeAccessIssue] - Reflex adds the route's segment

    async def _load(self, actor: Actor) -> None:
        item_id = read_id(self._wanted())
        if item_id is not None:
            if payment := await wallet.payment(actor, item_id):
                self._show_payment(payment)
                return
            if moved := await banking.load(actor, item_id) or await banking.redemption(actor, item_id):
                self._show_bank(moved)
                await self._show_debt(actor, item_id)
                return
        raise NotFound(what="payment or transfer")

    def _show_payment(self, payment: wallet.Payment) -> None:
        sent, who = payment.direction == "sent", payment.counterparty
        self.kind, self.fault = "payment", ""
        self.title = "Receipt"
        self.amount = ("−" if sent else "+") + format_cents(payment.amount_cents)
        self.chip, self.chip_kind = ("Sent" if sent else "Received"), "pos"
        self.who, self.handle = who.name, who.handle
        self.initials, self.tone = initials_of(who.name), tone_of(who.handle)
        self.note, self.at = payment.note, payment.created_at.isoformat()
        self.audience, self.is_public = payment.audience, payment.is_public
        self.reference = str(payment.id)

    def _show_bank(self, moved: BankTransfer) -> None:
        is_out = isinstance(moved, banking.Redemption)
        self.kind, self.fault = "bank", ""
        self.title = "Money to your bank" if is_out else "Money from your bank"
        sign = "" if moved.state in ENDED else "−" if is_out else "+"
        self.amount = sign + format_cents(moved.amount_cents)
        self.bank, self.chip, self.chip_kind = bank_name(moved), words(moved), tone(moved)
        self.at, self.reference = moved.created_at.isoformat(), moved.reference
        self.cancelable, self.cancel_note = moved.cancel == "possible", cancel_words(moved)
        self.stages = stage_rows(moved, now())
        due, self.late = late_at(moved), late_words(moved, now())
        self.late_at = due.isoformat() if due and not self.late else ""

    async def _show_debt(self, actor: Actor, load_id: UUID) -> None:
        debt = next((each for each in await banking.debts(actor) if each.load_id == load_id), None)
        is_open = debt is not None and debt.closed_at is None
        self.owed = format_cents(debt.left_cents) if debt and is_open else ""
        self.owed_what = debt.what_happened if debt and is_open else ""
        self.owed_how = debt.how_to_repay if debt and is_open else ""
        repaid_cents = await banking.repaid_by(actor, load_id)
        self.paid_back = f"{format_cents(repaid_cents)} of it paid back what you owed." if repaid_cents else ""
        if debt and not is_open:
            self.paid_back = debt.how_to_repay


def stage_rows(moved: BankTransfer, moment: datetime) -> list[StageRow]:
    """The stages with the mark of each: done, now (the first that is not done), failed, or to come."""
    rows, is_open = [], True
    for stage in moved.stages:
        mark = "failed" if stage.key in ENDED else "done" if stage.at else "now" if is_open else ""
        is_open = is_open and bool(stage.at)
        rows.append(
            StageRow(
                title=stage.title,
                mark=mark,
                at=stage.at.isoformat() if stage.at else "",
                expected_at="" if stage.at else still_expected(stage.expected_at, moment),
                detail=stage.detail,
            )
        )
    return rows


def page() -> rx.Component:
    """The page."""
    return frame(
        LiveHint.create(on_change=ItemState.refresh, active=True),
        _only(
            rx.fragment(
                focus_title(ItemState.is_new & (ItemState.kind != "")),
                rx.match(
                    ItemState.kind,
                    ("payment", _payment()),
                    ("bank", _bank()),
                    ("none", _none()),
                    _waiting(),
                ),
            ),
            _waiting(),
        ),
        title=_only(rx.fragment(rx.cond(ItemState.title != "", ItemState.title, "Receipt")), rx.fragment("Receipt")),
        active="activity",
        back="/activity/",
    )


def _only(content: rx.Component, bones: rx.Component) -> rx.Component:
    return only_for("item", ItemState.shown, content, bones)


def _waiting() -> rx.Component:
    return rx.el.div(
        _only(rx.fragment(notice(ItemState.fault)), rx.fragment()),
        waiting(
            rx.el.div(
                bone("72px", "72px", "rounded-full! mx-auto"),
                bone("200px", "48px", "mx-auto mt-4"),
                bone("120px", "20px", "mx-auto mt-3"),
                class_name="card p-6",
            ),
            rx.el.div(bone("100%", "140px"), class_name="card p-6 mt-3"),
        ),
    )


def _none() -> rx.Component:
    return rx.el.div(
        rx.el.p(ItemState.fault, class_name="m mb-4"),
        secondary_link("All of your activity", to="/activity/", class_name="low inline-flex!"),
        class_name="card p-8 text-center",
    )


def _head(*children: Any) -> rx.Component:
    return rx.el.section(
        *children,
        rx.el.p(
            rx.el.span(rx.el.span(class_name="dot"), ItemState.chip, class_name="chip " + ItemState.chip_kind),
            class_name="mt-3",
            role="status",
        ),
        class_name="card p-6 text-center",
    )


def _amount() -> rx.Component:
    return rx.el.p(ItemState.amount, class_name="amt", id="item-amount")


def _payment() -> rx.Component:
    sent = ItemState.amount.startswith("−")
    return rx.el.div(
        notice(ItemState.fault),
        _head(
            rx.el.div(avatar(ItemState.initials, ItemState.tone, 72), class_name="grid justify-items-center mb-3"),
            _amount(),
            rx.el.p(
                rx.cond(sent, "to ", "from "),
                rx.el.b(ItemState.who, class_name="text-ink"),
                " @",
                ItemState.handle,
                class_name="m",
            ),
        ),
        rx.el.section(
            rx.cond(ItemState.note != "", _kv("For", rx.el.span(ItemState.note, class_name="wrap-anywhere"))),
            _kv("When", when(ItemState.at, class_name="num")),
            _kv("Fee", rx.el.b("$0.00", class_name="num")),
            _reference(),
            _proof(),
            class_name="card mt-3",
        ),
        rx.el.section(
            rx.el.h2("Who sees it", class_name="mb-2"),
            segment(
                "Who sees it",
                ItemState.audience,
                (
                    (
                        "private",
                        rx.fragment(icon("lock", 18), "Private"),
                        ItemState.choose_audience("private", ItemState.shown),
                    ),
                    (
                        "public",
                        rx.fragment(icon("globe", 18), "Public"),
                        ItemState.choose_audience("public", ItemState.shown),
                    ),
                ),
            ),
            rx.el.p(
                rx.cond(
                    ItemState.is_public,
                    "Everyone sees names and note. Never the amount.",
                    rx.cond(
                        ItemState.audience == "public",
                        ItemState.who + " keeps it private, so only the two of you see it.",
                        "Only the two of you see it.",
                    ),
                ),
                class_name="s m mt-2",
                role="status",
            ),
            class_name="card p-4 mt-3",
        ),
        rx.cond(
            ItemState.is_new,
            primary_link("Done", to="/", class_name="mt-4"),
            secondary_link(
                rx.cond(sent, "Pay again", "Pay back"), to="/pay/?to=" + ItemState.handle, class_name="mt-4"
            ),
        ),
    )


def _bank() -> rx.Component:
    return rx.el.div(
        notice(ItemState.fault),
        _head(_amount(), rx.el.p(ItemState.bank, class_name="m")),
        Due.create(at=ItemState.late_at, on_due=ItemState.refresh),
        rx.el.p(ItemState.late, class_name="m text-center mt-3 empty:hidden", id="late", role="status"),
        rx.el.div(
            owed_card(
                ItemState.owed,
                ItemState.owed_what,
                ItemState.owed_how,
                secondary_link("Add money", to="/add/", class_name="sm:w-52!"),
            ),
            class_name="mt-3 empty:hidden",
        ),
        rx.el.p(ItemState.paid_back, class_name="m text-center mt-3 empty:hidden", id="paid-back", role="status"),
        rx.el.div(timeline(ItemState.stages), class_name="mt-3"),
        rx.el.section(
            _kv("Asked for", when(ItemState.at, class_name="num")),
            _kv("Fee", rx.el.b("$0.00", class_name="num")),
            _reference(),
            class_name="card mt-3",
        ),
        rx.cond(
            ItemState.cancelable,
            busy_button(
                "Cancel this transfer",
                busy_label="Canceling …",
                settled=ItemState.settled,
                on_press=ItemState.cancel(ItemState.shown),
                id="cancel",
                class_name="sec2 mt-4",
            ),
        ),
        rx.el.p(ItemState.cancel_note, class_name="s m text-center mt-3 empty:hidden", id="cancel-note", role="status"),
        rx.el.p("PaYa never calls you, and never asks for a code.", class_name="s m text-center mt-3"),
    )


def _reference() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.span("Reference", class_name="m block"),
            rx.el.span(ItemState.reference, id="reference", class_name="s num block wrap-anywhere select-all"),
            class_name="min-w-0 flex-1 text-left!",
        ),
        copy_button(ItemState.reference, "Copy the reference"),
        class_name="kv items-center",
    )


def _proof() -> rx.Component:
    address = "/v1/payments/" + ItemState.shown + "/receipt"
    return rx.el.div(
        go("What it proves", to="/proof/", class_name="link inline-flex items-center min-h-11"),
        file_link(
            icon("download", 18),
            "Receipt file",
            href=address,
            id="receipt-file",
            class_name="link inline-flex items-center gap-2 min-h-11",
        ),
        class_name="kv items-center py-1!",
    )


def _kv(label: str, value: rx.Component) -> rx.Component:
    return rx.el.div(rx.el.span(label, class_name="m shrink-0"), value, class_name="kv")
