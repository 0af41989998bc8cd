"""How one is told of things, part by part, on `/settings/notifications`.

`state` is the page's own: what each part shows and the events of its buttons have the names that they have there.
"""

from typing import Any

import reflex as rx

from paya_app.web.components.button import secondary
from paya_app.web.components.field import field
from paya_app.web.components.icon import icon
from paya_app.web.components.link import go
from paya_app.web.components.push_switch import push_switch
from paya_app.web.components.segment import segment
from paya_app.web.components.when import when
from paya_app.web.components.zone_field import zone_field


def notice_kinds(state: Any) -> rx.Component:
    """What is told by which channel."""
    grid = "grid grid-cols-[minmax(0,1fr)_52px_52px_52px] items-center"
    return rx.el.section(
        rx.el.div(
            rx.el.h2("Tell me by"),
            *[
                rx.el.span(word, class_name="s m text-center", aria_hidden="true")
                for word in ("E-mail", "Text", "Push")
            ],
            class_name=f"{grid} px-4 pt-4 pb-2",
        ),
        rx.foreach(
            state.kinds,
            lambda row: rx.el.div(
                rx.el.span(row.label),
                _tick(state, row, "email", "e-mail", row.email),
                _tick(state, row, "sms", "text", row.sms),
                _tick(state, row, "push", "push", row.push),
                class_name=f"{grid} px-4 py-1 border-t border-line",
            ),
        ),
        rx.el.p(
            "E-mail and push begin once they are set up below. Until then we text the number you sign in with when "
            "something needs you, unless you choose otherwise.",
            class_name="s m px-4 pt-2 pb-4",
        ),
        class_name="card",
    )


def _tick(state: Any, row: Any, channel: str, word: str, is_on: Any) -> rx.Component:
    return rx.el.button(
        rx.el.span(
            rx.cond(is_on, icon("check", 16), rx.fragment()),
            class_name=rx.cond(
                is_on,
                "size-6 rounded-lg grid place-items-center bg-brand text-on-brand",
                "size-6 rounded-lg grid place-items-center border-2 border-[var(--edge)]",
            ),
        ),
        type="button",
        role="checkbox",
        aria_checked=rx.cond(is_on, "true", "false"),
        aria_label=f"{row.label} by {word}",
        on_click=state.choose({"kind": row.kind, "channel": channel, "is_wanted": ~is_on}),
        class_name="size-11 mx-auto grid place-items-center rounded-xl",
    )


def notice_address(state: Any) -> rx.Component:
    """Where mails go."""
    return rx.el.section(
        rx.el.h2("E-mail", class_name="mb-2"),
        rx.cond(
            state.email != "",
            rx.el.div(
                rx.el.div(
                    rx.el.p(state.email, class_name="font-semibold wrap"),
                    rx.el.p("Confirmed", class_name="s m"),
                    class_name="min-w-0 flex-1",
                ),
                rx.el.button(
                    "Remove",
                    type="button",
                    class_name="sec2 low s danger w-auto!",
                    on_click=state.remove_address,
                ),
                class_name="flex gap-3 items-center mb-3",
            ),
        ),
        rx.cond(
            state.email_asked != "",
            rx.el.p(
                "We sent a link to ",
                rx.el.b(state.email_asked),
                ". Open it there, and notices begin.",
                class_name="mb-3",
                role="status",
            ),
        ),
        rx.el.form(
            field(
                rx.cond(state.email != "", "Another address", "Your address"),
                name="email",
                fault=state.address_fault,
                type="email",
                auto_complete="email",
                placeholder="ann@example.com",
            ),
            secondary("Send me a link to confirm it", type="submit", class_name="mt-3"),
            # what was taken is gone from the field; what was refused stays to be mended
            key=state.email + " " + state.email_asked,
            on_submit=state.save_address,
            no_validate=True,
        ),
        class_name="card p-4 mt-3",
    )


def notice_devices(state: Any) -> rx.Component:
    """The browsers that get push messages."""
    return rx.el.section(
        rx.el.h2("Push", class_name="mb-2"),
        rx.foreach(
            state.devices,
            lambda device: rx.el.div(
                rx.el.span(icon("monitor-smartphone"), class_name="m"),
                rx.el.div(
                    rx.el.p(device.name),
                    rx.el.p(when(device.since, "full", "Since "), class_name="s m"),
                    class_name="min-w-0 flex-1",
                ),
                rx.el.button(
                    "Remove",
                    type="button",
                    class_name="sec2 low s danger w-auto!",
                    aria_label=f"Remove {device.name}",
                    on_click=state.remove_device(device.id),
                ),
                class_name="flex gap-3 items-center mb-3",
            ),
        ),
        push_switch(
            public_key=state.public_key,
            endpoints=state.endpoints,
            on_add=state.add_device,
            on_forget=state.forget_endpoint,
        ),
        class_name="card p-4 mt-3",
    )


def notice_hours(state: Any) -> rx.Component:
    """When nothing is told, and how long ahead reminders come."""
    return rx.el.section(
        rx.el.h2("When", class_name="mb-2"),
        segment(
            "Quiet hours",
            rx.cond(state.is_quiet, "quiet", "always"),
            (
                ("always", "At any time", state.set_quiet(False)),
                ("quiet", "Not in quiet hours", state.set_quiet(True)),
            ),
        ),
        rx.el.form(
            rx.cond(
                state.is_quiet,
                rx.el.div(
                    _time("Quiet from", "quiet_from", state.quiet_from),
                    _time("until", "quiet_to", state.quiet_to),
                    class_name="grid grid-cols-2 gap-3 mt-3",
                ),
            ),
            rx.el.div(zone_field("Time zone", name="zone", zone=state.zone), class_name="mt-3"),
            rx.el.div(
                field(
                    "Before a buy, tell me this many hours ahead",
                    name="remind_hours",
                    default_value=state.remind_hours,
                    key=state.remind_hours,
                    input_mode="numeric",
                    class_name="num",
                    fault=state.hours_fault,
                ),
                class_name="mt-3",
            ),
            secondary("Save", type="submit", class_name="mt-3"),
            rx.el.p(state.said, class_name="s m mt-2 empty:hidden", role="status"),
            on_submit=state.save_hours,
        ),
        class_name="card p-4 mt-3",
    )


def _time(label: str, name: str, value: Any) -> rx.Component:
    return field(label, name=name, default_value=value, key=value, input_mode="numeric", class_name="num")


def notices_told(state: Any) -> rx.Component:
    """What one was told."""
    return rx.el.section(
        rx.el.div(rx.el.h2("What you were told"), class_name="sec"),
        rx.cond(
            state.told.length() > 0,
            rx.el.div(
                rx.foreach(
                    state.told,
                    lambda row: go(
                        rx.el.div(
                            rx.el.p(row.subject, class_name="font-semibold wrap"),
                            rx.el.p(row.how, when(row.at, "full", " · "), class_name="s m num wrap"),
                            class_name="t",
                        ),
                        to=row.path,
                        class_name="row",
                    ),
                ),
                class_name="card",
            ),
            rx.el.p("Nothing yet. The first notice comes with your first buy.", class_name="m card p-4"),
        ),
    )
