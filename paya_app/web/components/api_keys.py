"""Keys of one's programs, part by part, on `/developers/keys`.

`state` is the page's own: what each part shows and the events of its buttons have the names that they have there.
"""

from typing import Any

import reflex as rx

from paya_app.web.api_keys import OFFERED, SCOPE_WORDS, field_of
from paya_app.web.components.busy import busy_button
from paya_app.web.components.button import secondary
from paya_app.web.components.copy_button import copy_button
from paya_app.web.components.field import fault_line, field
from paya_app.web.components.icon import icon
from paya_app.web.components.sheet import sheet
from paya_app.web.components.when import when


def api_key_shown(state: Any) -> rx.Component:
    """The key that was just made, to be copied now."""
    return rx.el.div(
        rx.cond(
            state.secret != "",
            rx.el.section(
                rx.el.h2("Copy ", state.secret_name, " now"),
                rx.el.p("It is shown this once. Whoever has it can do what it may do.", class_name="s m mt-1"),
                rx.el.div(
                    rx.el.code(state.secret, class_name="num wrap-anywhere flex-1 min-w-0", id="secret"),
                    copy_button(state.secret, "Copy the key"),
                    class_name="flex gap-2 items-center mt-3",
                ),
                secondary("I have copied it", on_click=state.put_away, class_name="mt-3"),
                class_name="card p-4 mb-4",
            ),
        ),
        role="status",
    )


def api_key_row(state: Any, row: Any) -> rx.Component:
    """One key: what it may do, when it was used, how it ends."""
    return rx.el.div(
        rx.el.div(
            rx.el.span(icon("key-round", 20), class_name="av a1"),
            rx.el.div(
                rx.el.p(row.name, class_name="font-semibold wrap-anywhere"),
                rx.el.p(row.ending, class_name="s m num wrap-anywhere"),
                class_name="flex-1 min-w-0",
            ),
            rx.match(
                row.state,
                ("active", rx.fragment()),
                ("rotated", rx.el.span("replaced", class_name="chip warn")),
                rx.el.span(row.state, class_name="chip"),
            ),
            class_name="flex gap-3 items-center",
        ),
        rx.el.div(
            rx.el.p(row.scopes, class_name="wrap-anywhere"),
            rx.el.p(
                when(row.made_at, "full", "Made "),
                rx.cond(row.used_at != "", when(row.used_at, "full", " · used "), " · never used"),
                " · version ",
                row.version,
            ),
            rx.cond(row.state == "rotated", rx.el.p(when(row.expires_at, "full", "Good until "))),
            class_name="s m num",
        ),
        rx.cond(
            (row.state == "active") | (row.state == "rotated"),
            rx.el.div(
                rx.cond(
                    row.state == "active",
                    secondary(
                        "Replace",
                        on_click=state.ask("rotate", row.id),
                        class_name="low s w-auto!",
                        aria_label=f"Replace {row.name}",
                    ),
                ),
                secondary(
                    "Revoke",
                    on_click=state.ask("revoke", row.id),
                    class_name="low s danger w-auto!",
                    aria_label=f"Revoke {row.name}",
                ),
                class_name="flex gap-2 flex-wrap justify-end",
            ),
        ),
        class_name="grid gap-3 p-4 border-b border-line last:border-0",
    )


def api_key_form(state: Any) -> rx.Component:
    """What a new key is called, and what it may do."""
    return rx.el.section(
        rx.el.h2("New test key", class_name="mb-2"),
        rx.el.p(
            "For programs of yours: charges with test cards and play money, no real ones. ",
            rx.el.a("What programs can do", href="/v1/docs", class_name="link hit"),
            class_name="s m mb-3",
        ),
        rx.el.form(
            rx.el.input(type="hidden", name="draft", value=state.draft),
            field("Name", name="name", placeholder="My shop", max_length=40),
            rx.el.fieldset(
                rx.el.legend("It may", class_name="label"),
                *[
                    rx.el.label(
                        rx.el.input(
                            type="checkbox",
                            name=field_of(scope),
                            default_checked=scope in OFFERED,
                            class_name="size-5 shrink-0 accent-[var(--brand)]",
                        ),
                        rx.el.span(words, rx.el.span(" ", scope, class_name="s m num"), class_name="min-w-0"),
                        class_name="flex gap-3 items-center min-h-11 py-1 -mx-3 px-3",
                    )
                    for scope, words in SCOPE_WORDS.items()
                ],
                class_name="mt-3",
            ),
            fault_line(state.form_fault),
            secondary("Make the key", type="submit", class_name="mt-3"),
            # what was made is gone from the form; what was refused stays to be mended
            key=state.draft,
            on_submit=state.create,
            no_validate=True,
        ),
        rx.el.p("Live keys, for real money, cannot be made yet: no card provider is connected.", class_name="s m mt-3"),
        class_name="card p-4",
    )


def api_key_question(state: Any) -> rx.Component:
    """What replacing or revoking means, before it is done."""
    is_revoking = state.verb == "revoke"
    return sheet(
        rx.el.p(
            rx.el.b(state.asked_name, class_name="wrap-anywhere"),
            rx.cond(
                is_revoking,
                " opens nothing from that moment on. Programs that use it are refused.",
                " works for 24 hours more, beside the new key that you get now. Put the new one into your program.",
            ),
            class_name="mb-4",
        ),
        busy_button(
            rx.cond(is_revoking, "Revoke", "Replace"),
            busy_label=rx.cond(is_revoking, "Revoking …", "Replacing …"),
            settled=state.settled,
            on_press=state.act(state.verb, state.asked_id),
            id="act",
            class_name=rx.cond(is_revoking, "sec2 danger", "sec2"),
        ),
        secondary("Keep it as it is", on_click=state.set_asking(False), class_name="mt-2"),
        title=rx.cond(is_revoking, "Revoke this key?", "Replace this key?"),
        is_open=state.verb != "",
        on_open_change=state.set_asking,
    )
