"""Endpoints of one's programs, part by part, on `/developers/webhooks`.

`state` is the page's own: what each part shows and the events of its buttons have the names that they have there.
"""

from typing import Any

import reflex as rx

from paya_app.web.components.busy import busy_button
from paya_app.web.components.button import secondary
from paya_app.web.components.copy_button import copy_button
from paya_app.web.components.field import fault_line, field
from paya_app.web.components.focus_title import focus_title
from paya_app.web.components.icon import icon
from paya_app.web.components.sheet import sheet
from paya_app.web.components.when import when
from paya_app.web.webhook_rows import TOLD


def secret_shown(state: Any) -> rx.Component:
    """The secret that was just made, to be copied now."""
    return rx.el.div(
        # it comes above the form whose button was pressed, which may be a screen further down
        focus_title(state.secret != ""),
        rx.cond(
            state.secret != "",
            rx.el.section(
                rx.el.h2("Copy the secret now"),
                rx.el.p(state.secret_name, class_name="s num wrap-anywhere mt-1"),
                rx.el.p("It is shown this once. Your program checks with it that a message is ours.", class_name="s m"),
                rx.el.div(
                    rx.el.code(state.secret, class_name="num wrap-anywhere flex-1 min-w-0", id="secret"),
                    copy_button(state.secret, "Copy the secret"),
                    class_name="flex gap-2 items-center mt-3",
                ),
                secondary("I have copied it", on_click=state.put_away, class_name="mt-3"),
                class_name="card p-4 mb-4",
            ),
        ),
        role="status",
    )


def endpoint_row_view(state: Any, row: Any) -> rx.Component:
    """One endpoint: where it is, what it is told of, how it does, and what may be done."""
    is_on = row.state == "enabled"

    def button(words: str, event: Any, *, tone: str = "") -> rx.Component:
        label = f"{words}: {row.url}"
        return secondary(words, on_click=event, class_name=f"low s {tone} w-auto!", aria_label=label)

    return rx.el.div(
        rx.el.div(
            rx.el.span(icon("webhook", 20), class_name="av a1"),
            rx.el.div(
                rx.el.p(row.url, class_name="font-semibold wrap-anywhere"),
                rx.cond(row.description != "", rx.el.p(row.description, class_name="s m wrap-anywhere")),
                class_name="flex-1 min-w-0",
            ),
            rx.cond(
                is_on,
                rx.el.span("enabled", class_name="chip small pos"),
                rx.el.span("disabled", class_name="chip small warn"),
            ),
            class_name="flex gap-3 items-center",
        ),
        rx.el.div(
            rx.el.p("Told of ", row.told, class_name="wrap-anywhere"),
            rx.el.p(when(row.made_at, "full", "Added ")),
            rx.cond(
                row.previous_until != "",
                rx.el.p(when(row.previous_until, "full", "The secret before signs too until ")),
            ),
            rx.cond(row.failing_since != "", rx.el.p(when(row.failing_since, "full", "Failing since "))),
            rx.cond(row.chaos != "", rx.el.p("Trouble on purpose: ", row.chaos)),
            class_name="s m num",
        ),
        rx.cond(row.reason != "", rx.el.p(row.reason, class_name="s")),
        rx.el.div(
            rx.cond(
                is_on,
                rx.fragment(
                    button("Send a test", state.act("test", row.id, state.key)),
                    button("Recover", state.ask("recover", row.id)),
                ),
                button("Enable", state.act("enable", row.id, state.key)),
            ),
            button("New secret", state.ask("rotate", row.id)),
            rx.cond(is_on, button("Disable", state.ask("disable", row.id))),
            button("Remove", state.ask("remove", row.id), tone="danger"),
            class_name="flex gap-2 flex-wrap",
        ),
        class_name="grid gap-3 p-4 border-b border-line last:border-0",
    )


def endpoint_form(state: Any) -> rx.Component:
    """Where to send, and what."""
    return rx.el.section(
        rx.el.h2("New endpoint", class_name="mb-2"),
        rx.el.p(
            "PaYa posts to your address what happens to your test charges, signed, and again until it is accepted. ",
            rx.el.a("What is sent", href="/v1/docs", class_name="link hit"),
            class_name="s m mb-3",
        ),
        rx.el.form(
            rx.el.input(type="hidden", name="draft", value=state.draft),
            field("Address", name="url", placeholder="https://example.com/webhooks", max_length=2000, input_mode="url"),
            rx.el.div(
                field("Description, if you like", name="description", placeholder="My shop", max_length=200),
                class_name="mt-3",
            ),
            rx.el.fieldset(
                rx.el.legend("Tell it only of", class_name="label"),
                *[
                    rx.el.label(
                        rx.el.input(type="checkbox", name=name, class_name="size-5 shrink-0 accent-[var(--brand)]"),
                        rx.el.span(words, class_name="min-w-0"),
                        class_name="flex gap-3 items-center min-h-11 py-1 -mx-3 px-3",
                    )
                    for name, words, _ in TOLD
                ],
                rx.el.p("Nothing ticked: it is told of everything.", class_name="hint"),
                class_name="mt-3",
            ),
            fault_line(state.form_fault),
            secondary("Add the endpoint", type="submit", class_name="mt-3"),
            # what was made is gone from the form; what was refused stays to be mended
            key=state.draft,
            on_submit=state.create,
            no_validate=True,
        ),
        class_name="card p-4",
    )


def endpoint_question(state: Any) -> rx.Component:
    """What a verb means, before it is done."""

    def act(verb: str, words: str, busy: str, *, tone: str = "") -> rx.Component:
        return busy_button(
            words,
            busy_label=busy,
            settled=state.settled,
            on_press=state.act(verb, state.asked_id, state.key),
            id=f"act-{verb.replace('_', '-')}",
            class_name=f"sec2 {tone} mt-2".replace("  ", " "),
        )

    return sheet(
        rx.el.p(rx.el.b(state.asked_name, class_name="wrap-anywhere"), class_name="mb-1"),
        rx.el.div(
            rx.match(
                state.verb,
                (
                    "rotate",
                    rx.el.div(
                        rx.el.p("You get a new secret now. For 24 hours both sign.", class_name="mb-2"),
                        act("rotate", "New secret", "Making it …"),
                        act("replace", "It leaked: end the old one now", "Making it …", tone="danger"),
                    ),
                ),
                (
                    "recover",
                    rx.el.div(
                        rx.el.p("Whatever was given up since then is sent once more, in its order.", class_name="mb-2"),
                        act("recover_hour", "Since an hour ago", "Recovering …"),
                        act("recover_day", "Since a day ago", "Recovering …"),
                        act("recover_week", "Since 7 days ago", "Recovering …"),
                        act("recover_all", "All that is kept: 30 days", "Recovering …"),
                    ),
                ),
                (
                    "disable",
                    rx.el.div(
                        rx.el.p(
                            "Nothing is sent there until you enable it. What waits is given up, and can be recovered.",
                            class_name="mb-2",
                        ),
                        act("disable", "Disable", "Disabling …"),
                    ),
                ),
                (
                    "remove",
                    rx.el.div(
                        rx.el.p(
                            "It is told of nothing more, and its secret is destroyed. This cannot be undone.",
                            class_name="mb-2",
                        ),
                        act("remove", "Remove", "Removing …", tone="danger"),
                    ),
                ),
                rx.fragment(),
            )
        ),
        secondary("Leave it as it is", on_click=state.set_asking(False), class_name="mt-2"),
        title=rx.match(
            state.verb,
            ("rotate", "A new secret?"),
            ("recover", "Send what was given up?"),
            ("disable", "Disable this endpoint?"),
            ("remove", "Remove this endpoint?"),
            "",
        ),
        is_open=state.verb != "",
        on_open_change=state.set_asking,
    )
