"""The parts of the page of withdrawals: amount, addresses, a new address, what was withdrawn, and the last look."""

from typing import Any

import reflex as rx

from paya_app.web.components.amount import amount
from paya_app.web.components.busy import busy_button
from paya_app.web.components.button import secondary
from paya_app.web.components.field import field, notice
from paya_app.web.components.icon import icon
from paya_app.web.components.link import go
from paya_app.web.components.review import review_line, review_sheet
from paya_app.web.components.when import when
from paya_app.web.withdrawals import AddressRow, WithdrawalRow

# eight decimals and the currency, on the narrowest phone
LONG_SUM = "text-2xl! sm:text-4xl! leading-tight! mb-1"


def amount_form_of(the: Any) -> rx.Component:
    """What there is, and how much of it goes to the chosen address."""
    return rx.el.section(
        notice(the.fault),
        rx.el.p("You can withdraw", class_name="s m"),
        amount(the.available, " BTC", "amt held"),
        rx.cond(
            the.chosen != "",
            rx.el.form(
                field(
                    rx.el.span("Amount in BTC, to ", rx.el.b(the.chosen_label)),
                    name="amount",
                    hint="The network's fee is taken out of it. You see it before anything is sent.",
                    input_mode="decimal",
                    enter_key_hint="next",
                    max_length=24,
                    placeholder="0.001",
                    class_name="num",
                    default_value=the.prefilled,
                    key=the.taken.to(str),
                ),
                rx.el.p(the.limits, class_name="hint num"),
                secondary("All of it", on_click=the.take_all, class_name="low w-auto! mt-3"),
                busy_button(
                    "Review",
                    busy_label="Asking for the fee …",
                    settled=the.settled,
                    type="submit",
                    class_name="pri mt-4",
                ),
                on_submit=the.ask_review,
                class_name="mt-4",
            ),
            rx.el.p(the.limits, class_name="s m num mt-2"),
        ),
        class_name="card p-6",
        id="withdraw",
        aria_label="Withdraw",
    )


def addresses_list(the: Any) -> rx.Component:
    """One's own addresses; each can be used when it has waited, and removed at any time."""

    def row(address: rx.vars.ObjectVar[AddressRow]) -> rx.Component:
        return rx.el.li(
            rx.el.div(
                rx.el.p(rx.el.b(address.label)),
                rx.el.p(address.fours, class_name="s num wrap-anywhere", translate="no"),
                rx.cond(
                    address.is_usable,
                    rx.fragment(),
                    rx.el.p(when(address.usable_at, "full", "Can be used from "), class_name="s m num"),
                ),
                class_name="grid gap-1 min-w-0",
            ),
            rx.el.div(
                rx.cond(
                    address.is_usable & (the.chosen != address.id),
                    secondary(
                        "Use",
                        on_click=the.choose_address(address.id),
                        aria_label="Withdraw to " + address.label.to(str),
                        class_name="low",
                    ),
                ),
                secondary(
                    "Remove",
                    on_click=the.drop_address(address.id),
                    aria_label="Remove " + address.label.to(str),
                    class_name="low",
                ),
                class_name="flex flex-wrap gap-2 mt-3",
            ),
            class_name="p-5 not-first:border-t border-line",
        )

    return rx.cond(
        the.addresses.length() > 0,
        rx.el.section(
            rx.el.h2("Your addresses", class_name="mt-6 mb-3 mx-1"),
            rx.el.ul(rx.foreach(the.addresses, row), class_name="card", id="addresses"),
        ),
    )


def address_form(the: Any) -> rx.Component:
    """A new address, and why it waits."""
    return rx.el.section(
        rx.el.h2("Add an address", class_name="mt-6 mb-3 mx-1"),
        rx.el.form(
            rx.el.p(
                "A new address waits ",
                the.wait_hours,
                " hours, and we tell you by text and e-mail. So nobody else can send your bitcoin away unseen.",
                class_name="s m mb-4",
            ),
            field("Name", name="label", fault=the.label_fault, placeholder="My own wallet", max_length=40),
            rx.el.div(
                field(
                    "Bitcoin address",
                    name="address",
                    fault=the.address_fault,
                    hint="Copy it from your own wallet. It begins with bc1, 1 or 3.",
                    auto_capitalize="none",
                    max_length=200,
                    class_name="num",
                ),
                class_name="mt-4",
            ),
            busy_button(
                "Add address", busy_label="Adding …", settled=the.settled, type="submit", class_name="sec2 mt-4"
            ),
            on_submit=the.add_address,
            key=the.added.to(str),
            class_name="card p-5",
            id="new-address",
        ),
    )


def past_list(the: Any) -> rx.Component:
    """What was withdrawn before."""

    def row(one: rx.vars.ObjectVar[WithdrawalRow]) -> rx.Component:
        return go(
            rx.el.span(icon("arrow-up-right", 20), class_name="av a3", aria_hidden="true"),
            rx.el.div(
                rx.el.p(one.amount, class_name="font-semibold num"),
                rx.el.p(one.label, " · ", when(one.at, "day"), class_name="s m wrap"),
                class_name="t",
            ),
            rx.el.span(one.state, class_name="chip small " + one.chip.to(str)),
            to=one.href,
            class_name="row",
        )

    return rx.cond(
        the.past.length() > 0,
        rx.el.section(
            rx.el.h2("Withdrawn", class_name="mt-6 mb-3 mx-1"),
            rx.el.div(rx.foreach(the.past, row), class_name="card", id="past"),
        ),
    )


def review_of(the: Any) -> rx.Component:
    """The last look: bitcoin that was sent cannot be called back."""
    return review_sheet(
        title="Check and withdraw",
        amount=the.review.amount,
        whom=("to ", rx.el.b(the.chosen_label)),
        lines=(
            review_line("Network fee", rx.el.span(the.review.fee, class_name="num")),
            review_line("Arrives", rx.el.b(the.review.arrives, class_name="num")),
            rx.el.div(
                rx.el.p("Address", class_name="m"),
                rx.el.p(the.review.fours, class_name="num wrap-anywhere", translate="no", id="review-address"),
                class_name="p-4 border-t border-line grid gap-1",
            ),
            rx.el.p(
                "Compare the address with the one in your wallet. What was sent cannot be called back.",
                class_name="s m p-4 border-t border-line",
            ),
        ),
        verb="Withdraw",
        busy_label="Asking …",
        settled=the.settled,
        on_confirm=the.submit(the.review.to(dict)),
        is_open=the.reviewing,
        on_open_change=the.set_reviewing,
        on_change=the.set_reviewing(False),
        amount_class=LONG_SUM,
    )
