"""Linking a bank by its numbers, step by step, on `/add`.

`state` is the page's own: what each step shows and the events of its buttons have the names that they have there.
"""

from typing import Any

import reflex as rx

from paya_app.web.components.busy import busy_button
from paya_app.web.components.button import primary, primary_link
from paya_app.web.components.field import field, notice
from paya_app.web.components.icon import icon
from paya_app.web.components.segment import segment


def link_step(state: Any) -> rx.Component:
    """How to link one: by signing in, or by its numbers."""
    return rx.el.div(
        rx.el.div(
            rx.el.h2("Your bank account", class_name="text-xl!"),
            rx.el.p(
                "Money comes from here. Sign in to your bank, and you can add money right away.",
                class_name="m mt-1",
            ),
        ),
        primary_link("Sign in to your bank", to="/link-bank/"),
        rx.el.button(
            "Type your account number instead",
            type="button",
            on_click=state.type_instead,
            class_name="link w-full min-h-11",
        ),
        class_name="card p-6 grid gap-4",
    )


def numbers_step(state: Any) -> rx.Component:
    """The account's numbers."""
    return rx.el.div(
        rx.el.form(
            rx.el.div(
                rx.el.h2("Your bank account", class_name="text-xl!"),
                rx.el.p("Money comes from here. Two small deposits show that it is yours.", class_name="m mt-1"),
            ),
            notice(state.form_fault),
            field("Name on the account", name="holder", fault=state.holder_fault, auto_complete="name", max_length=200),
            field(
                "Routing number",
                name="routing",
                fault=state.routing_fault,
                input_mode="numeric",
                max_length=32,
                hint="Nine digits, at the bottom left of a check.",
            ),
            field("Account number", name="account", fault=state.account_fault, input_mode="numeric", max_length=32),
            rx.el.div(
                rx.el.p("Kind of account", class_name="label", aria_hidden="true"),
                rx.el.input(type="hidden", name="kind", value=state.kind),
                segment(
                    "Kind of account",
                    state.kind,
                    (
                        ("checking", "Checking", state.choose_kind("checking")),
                        ("savings", "Savings", state.choose_kind("savings")),
                    ),
                ),
            ),
            busy_button(
                "Add this account",
                busy_label="Asking your bank …",
                long_label="Still waiting for the bank service. Nothing is taken from your account by this.",
                settled=state.settled,
                type="submit",
                id="link",
            ),
            on_submit=state.add_bank,
            class_name="card p-6 grid gap-4",
        ),
        _hint(state.bank_hint),
    )


def confirm_step(state: Any) -> rx.Component:
    """The two small deposits."""
    return rx.el.div(
        rx.el.form(
            rx.el.div(
                rx.el.h2("Confirm it is yours", class_name="text-xl!"),
                rx.el.p(
                    "Two small deposits are on their way to ",
                    rx.el.b(state.bank),
                    ". Write both amounts here, in any order.",
                    class_name="m mt-1",
                ),
            ),
            notice(state.form_fault),
            rx.el.div(
                field("First deposit", name="first", input_mode="decimal", placeholder="0.03", max_length=12),
                field("Second deposit", name="second", input_mode="decimal", placeholder="0.09", max_length=12),
                class_name="grid grid-cols-2 gap-3",
            ),
            rx.cond(state.tries != "", rx.el.p(state.tries, class_name="s m", role="status")),
            busy_button(
                "Confirm",
                busy_label="Asking your bank …",
                long_label="Still waiting for the bank service. Nothing is taken from your account by this.",
                settled=state.settled,
                type="submit",
                id="tell",
            ),
            on_submit=state.confirm_bank,
            class_name="card p-6 grid gap-4",
        ),
        _hint(state.amounts_hint),
        rx.el.button(
            "Use another account", type="button", on_click=state.show_banks, class_name="link w-full min-h-11 mt-2"
        ),
    )


def closed_step(state: Any) -> rx.Component:
    """An account that was not confirmed in three tries."""
    return rx.el.div(
        rx.el.h2("This account cannot be confirmed", class_name="text-xl!"),
        rx.el.p(
            "The amounts were wrong three times, so ",
            rx.el.b(state.bank),
            " stays unconfirmed for good. No money was moved. Link another account to go on.",
            class_name="m",
        ),
        primary("Link another account", on_click=state.link_another),
        rx.cond(
            state.banks.length() > 1,
            rx.el.button(
                "Choose a linked account", type="button", on_click=state.show_banks, class_name="link min-h-11"
            ),
        ),
        class_name="card p-6 grid gap-4",
    )


def _hint(text: Any) -> rx.Component:
    return rx.cond(
        text != "", rx.el.div(icon("info", 20), rx.el.p(text, class_name="num"), class_name="notice calm mt-3")
    )
