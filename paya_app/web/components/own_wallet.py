"""What somebody signed in has: the balance, what to do with it, and what comes next."""

from typing import Any

import reflex as rx

from paya_app.web.components.amount import amount
from paya_app.web.components.avatar import avatar
from paya_app.web.components.button import primary_link, secondary_link
from paya_app.web.components.field import notice
from paya_app.web.components.icon import icon
from paya_app.web.components.kept_place import kept_place
from paya_app.web.components.link import go
from paya_app.web.components.owed import owed_card, ways_out
from paya_app.web.components.skeleton import bone
from paya_app.web.components.under_way import coming_sentence, next_buy_card
from paya_app.web.viewer import Viewer


def own_wallet(the: Any) -> rx.Component:
    """The cards above the feed; `the` is the page's state."""
    return rx.el.section(
        rx.el.h1("Home", class_name="sr-only"),
        rx.el.div(
            rx.el.span("PaYa", class_name="mark"),
            go(
                avatar(Viewer.initials, Viewer.tone, 32),
                to="/settings/",
                aria_label="Your profile and settings",
                class_name="size-11 grid place-items-center -mr-1.5",
            ),
            class_name="top home lg:hidden!",
        ),
        notice(the.fault),
        notice(the.case, kind="warn"),
        owed_card(
            the.owed,
            the.owed_what,
            the.owed_how,
            *ways_out(the.payable, the.settled, the.repay),
        ),
        rx.el.div(
            rx.el.div(
                rx.el.p("Available", class_name="s m"),
                rx.cond(
                    the.loaded,
                    amount(the.whole, the.rest, "amt home-amt"),
                    rx.el.div(bone("180px", "44px"), class_name="amt-bone", aria_hidden="true"),
                ),
                rx.el.div(
                    rx.cond(
                        the.loaded,
                        rx.cond(
                            the.coming.length() > 0,
                            coming_sentence(the.coming[0], others=the.others),
                            rx.cond(
                                (the.whole == "$0") & (the.rest == ".00"),
                                rx.el.span("Add money from your bank to start."),
                                rx.el.span(the.left),
                            ),
                        ),
                        bone("60%", "14px"),
                    ),
                    class_name="s m num min-h-[18px]",
                ),
                class_name="bal lg:p-0! min-w-0",
            ),
            _actions(),
            class_name="card home-card",
        ),
        kept_place(next_buy_card(the.next_buy), name="next-buy", ready=the.loaded),
        class_name="only-in",
    )


def _actions() -> rx.Component:
    def act(text: str, to: Any, sign: str, first: str = "") -> rx.Component:
        return go(rx.el.i(icon(sign)), text, to=to, class_name=f"act {first}".strip())

    mine = "/u/" + Viewer.handle + "/"
    return rx.fragment(
        rx.el.div(
            act("Pay", "/pay/", "arrow-up-right", "first"),
            act("Add", "/add/", "plus"),
            act("Cash out", "/cash-out/", "landmark"),
            act("My page", mine, "user-round"),
            class_name="acts lg:hidden!",
        ),
        rx.el.div(
            primary_link("Pay", to="/pay/", class_name="col-span-2"),
            secondary_link("Add", to="/add/"),
            secondary_link("Cash out", to="/cash-out/"),
            secondary_link("My page", to=mine, class_name="col-span-2"),
            class_name="hidden! lg:grid! grid-cols-2 gap-2 w-58 shrink-0",
        ),
    )
