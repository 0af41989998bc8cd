"""`/`: what PaYa is, with the live feed, for visitors; balance, actions and feed for people signed in.

Both kinds share one page and one feed, so that nothing is fetched twice and nothing jumps: which parts show
is a class on the document.
"""

from typing import Any
from uuid import UUID

import reflex as rx

from paya_app import banking, risk, savings, wallet
from paya_app.core.clock import now
from paya_app.core.errors import PayaError
from paya_app.core.ids import new_id
from paya_app.core.money import format_cents
from paya_app.web.components.activity_list import ActivityRow, activity_list, payment_row
from paya_app.web.components.amount import amount, split_cents
from paya_app.web.components.avatar import avatar
from paya_app.web.components.button import primary_link, secondary_link
from paya_app.web.components.field import notice
from paya_app.web.components.frame import bottom_bar, rail, skip_link
from paya_app.web.components.icon import icon
from paya_app.web.components.link import go
from paya_app.web.components.live_feed import LiveFeed
from paya_app.web.components.live_hint import LiveHint
from paya_app.web.components.owed import owed_card, ways_out
from paya_app.web.components.presence import presence
from paya_app.web.components.segment import segment
from paya_app.web.components.skeleton import bone, bone_rows
from paya_app.web.components.under_way import Coming, NextBuyShown, coming_line, coming_sentence, next_buy_card
from paya_app.web.forms import read_text
from paya_app.web.limits import payments_left
from paya_app.web.loads import UNDER_WAY, BankTransfer, bank_name, expected_at, is_queued, still_expected
from paya_app.web.plans import moment_words, zone_words
from paya_app.web.viewer import Viewer, meet, signed_in

YOURS_MAX = 10
COMING_MAX = 3
FEED_ROWS = 20


class HomeState(rx.State):
    """The viewer's own figures. Empty for visitors."""

    loaded: bool = False
    fault: str = ""
    case: str = ""
    owed: str = ""
    owed_what: str = ""
    owed_how: str = ""
    payable: str = ""
    settled: int = 0
    _repay_key: UUID | None = None
    whole: str = ""
    rest: str = ""
    coming: rx.Field[list[Coming]] = rx.field(default_factory=list)
    others: int = 0
    next_buy: rx.Field[NextBuyShown] = rx.field(default_factory=NextBuyShown)
    yours: rx.Field[list[ActivityRow]] = rx.field(default_factory=list)
    scope: str = "everyone"
    left: str = ""
    hour_used: int = 0
    hour_max: int = 0
    day_used: int = 0
    day_max: int = 0

    @rx.event
    async def enter(self) -> rx.event.EventSpec | None:
        """Load whatever the viewer may see; a newcomer chooses a handle first."""
        try:
            actor = await meet(self)
            phase = (await self.get_state(Viewer)).phase
            if phase == "new":
                return rx.redirect("/verify/", replace=True)
            if phase == "in":
                await self._load(actor)
            else:
                self.reset()
        except PayaError as error:
            self.fault = error.message
        return None

    @rx.event
    async def refresh(self) -> None:
        """Something of the viewer's changed: read it again."""
        try:
            await self._load(await signed_in(self))
        except PayaError as error:
            self.fault = error.message

    @rx.event
    def show(self, scope: str) -> None:
        """Show everyone's payments or the viewer's own."""
        try:
            self.scope = "yours" if read_text(scope) == "yours" else "everyone"
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def repay(self) -> None:
        """Pay back what is owed from the wallet, once per state of things that was shown."""
        self.settled += 1
        try:
            actor = await signed_in(self)
            fault = ""
            try:
                await banking.repay_now(actor, self._repay_key or new_id())
            except banking.NothingToRepayWith as nothing:
                fault = nothing.message
            await self._load(actor)
            self.fault = fault
        except PayaError as error:
            self.fault = error.message

    async def _load(self, actor: Any) -> None:
        balance = await wallet.balance(actor)
        limits = await risk.send_limits(actor)
        cases = await risk.open_cases(actor)
        moved = [*await banking.loads(actor, limit=20), *await banking.redemptions(actor, limit=20)]
        self.whole, self.rest = split_cents(balance.available_cents)
        under_way = sorted(
            (one for one in moved if one.state in UNDER_WAY), key=lambda one: one.created_at, reverse=True
        )
        self.coming = [coming_of(one) for one in under_way[:COMING_MAX]]
        self.others = max(0, len(under_way) - 1)
        self.next_buy = next_buy_of(await savings.next_buy(actor))
        self.yours = [payment_row(payment) for payment in await wallet.payments(actor, limit=YOURS_MAX)]
        self.left = payments_left(limits) if not cases else f"Your account is {cases[0].state}: you cannot pay."
        self.hour_used, self.hour_max = limits.hour_used, limits.hour_max
        self.day_used, self.day_max = limits.day_used, limits.day_max
        debts = [debt for debt in await banking.debts(actor) if debt.closed_at is None]
        # a debt says itself why the account is restricted
        said = [case for case in cases if case.reason != "late_return" or not debts]
        self.case = said[0].sentence if said else ""
        self.owed = format_cents(sum(debt.left_cents for debt in debts)) if debts else ""
        self.owed_what = " ".join(debt.what_happened for debt in debts)
        self.owed_how = debts[0].how_to_repay if debts else ""
        payable_cents = min(balance.available_cents, sum(debt.left_cents for debt in debts))
        self.payable = format_cents(payable_cents) if payable_cents > 0 else ""
        self._repay_key = new_id()
        self.fault, self.loaded = "", True


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


def page() -> rx.Component:
    """The page."""
    return rx.el.div(
        skip_link(),
        presence(Viewer.phase),
        LiveHint.create(on_change=HomeState.refresh, active=Viewer.phase == "in"),
        _visitors_bar(),
        rx.el.div(
            rail("home", "only-in"),
            rx.el.main(_pitch(), _own(), _feed(), id="content", tab_index=-1, class_name="start-main"),
            _aside(),
            class_name="start",
        ),
        bottom_bar("home", "only-in"),
    )


def _visitors_bar() -> rx.Component:
    return rx.el.header(
        rx.el.span("PaYa", class_name="mark text-2xl!"),
        go("Sign in", to="/welcome/", class_name="pri low"),
        class_name="bar only-out",
    )


def _pitch() -> rx.Component:
    return rx.el.section(
        rx.el.span(rx.el.span(class_name="dot"), "Owned by the people who use it", class_name="chip pos"),
        rx.el.h1("Money between people, owned by them."),
        rx.el.p(
            "Send dollars in under a second. Show it, or keep it to yourself: you choose for every payment, "
            "and the amount never shows.",
            class_name="m lead",
        ),
        rx.el.div(
            primary_link("Start with your phone", to="/welcome/", class_name="sm:w-52!"),
            rx.el.a("Watch it live", href="#feed", class_name="sec2 sm:w-42! lg:hidden!"),
            class_name="flex flex-col sm:flex-row gap-3 mt-6 lg:mt-8",
        ),
        class_name="only-out pitch",
    )


def _own() -> rx.Component:
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
        notice(HomeState.fault),
        notice(HomeState.case, kind="warn"),
        owed_card(
            HomeState.owed,
            HomeState.owed_what,
            HomeState.owed_how,
            *ways_out(HomeState.payable, HomeState.settled, HomeState.repay),
        ),
        rx.el.div(
            rx.el.div(
                rx.el.p("Available", class_name="s m"),
                rx.cond(
                    HomeState.loaded,
                    amount(HomeState.whole, HomeState.rest, "amt home-amt"),
                    rx.el.div(bone("180px", "44px"), class_name="amt-bone", aria_hidden="true"),
                ),
                rx.el.div(
                    rx.cond(
                        HomeState.loaded,
                        rx.cond(
                            HomeState.coming.length() > 0,
                            coming_sentence(HomeState.coming[0], others=HomeState.others),
                            rx.cond(
                                (HomeState.whole == "$0") & (HomeState.rest == ".00"),
                                rx.el.span("Add money from your bank to start."),
                                rx.el.span(HomeState.left),
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
        next_buy_card(HomeState.next_buy),
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


def _feed() -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.h2("Happening now", class_name="whitespace-nowrap"),
            segment(
                "Whose payments",
                HomeState.scope,
                (("everyone", "Everyone", HomeState.show("everyone")), ("yours", "Yours", HomeState.show("yours"))),
                class_name="seg w-38 min-[360px]:w-44 lg:w-55",
            ),
            class_name="sec only-in",
        ),
        rx.el.div(
            rx.el.div(
                LiveFeed.create(source="/v1/feed", max=FEED_ROWS, heading="What people are up to"),
                class_name=rx.cond(HomeState.scope == "yours", "hidden", ""),
            ),
            rx.cond(HomeState.scope == "yours", _yours()),
            class_name="card feed-card",
        ),
        rx.el.p("What senders show and nobody hides. Never an amount.", class_name="s m only-out feed-foot"),
        id="feed",
        class_name="feed",
    )


def _yours() -> rx.Component:
    return rx.cond(
        HomeState.loaded,
        rx.cond(
            HomeState.yours.length() > 0,
            rx.fragment(
                activity_list(HomeState.yours, grouped=False),
                go("All of your activity", to="/activity/", class_name="row link justify-center text-brand!"),
            ),
            rx.el.div(
                rx.el.p("You have not paid anyone yet.", class_name="m mb-3"),
                secondary_link("Pay somebody", to="/pay/", class_name="low inline-flex!"),
                class_name="p-6 text-center",
            ),
        ),
        bone_rows(4),
    )


def _aside() -> rx.Component:
    return rx.el.aside(
        rx.el.section(
            rx.el.h2("Sending"),
            _meter("This hour", HomeState.hour_used, HomeState.hour_max),
            _meter("Today", HomeState.day_used, HomeState.day_max),
            class_name="card p-5",
        ),
        rx.el.section(
            rx.el.h2("On its way"),
            rx.cond(
                HomeState.coming.length() > 0,
                rx.foreach(HomeState.coming, coming_line),
                rx.el.p(
                    rx.cond(HomeState.loaded, "Nothing is on its way from or to your bank.", "\u00a0"),
                    class_name="s m mt-1",
                ),
            ),
            secondary_link("Add money", to="/add/", class_name="low w-full! mt-4"),
            class_name="card p-5",
        ),
        class_name="start-aside only-in",
        aria_label="Your limits and money on its way",
    )


def _meter(label: str, used: Any, maximum: Any) -> rx.Component:
    return rx.el.div(
        rx.el.p(
            rx.el.span(label),
            rx.cond(
                HomeState.loaded, rx.el.span(used, " of ", maximum, " payments", class_name="m"), bone("96px", "14px")
            ),
            class_name="s num flex justify-between items-center mb-1.5",
        ),
        rx.el.div(
            rx.el.i(style={"width": rx.cond(maximum > 0, (used * 100 / maximum).to_string() + "%", "0%")}),
            class_name="meter",
        ),
        class_name="mt-3",
    )
