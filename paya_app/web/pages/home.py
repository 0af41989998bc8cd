"""`/`: what PaYa is, with the live feed, for visitors; balance, actions and feed for people signed in.

Both kinds share one page and one feed, so that nothing is fetched twice and nothing jumps: which parts show
is a class on the document.
"""

from typing import Any
from uuid import UUID

import reflex as rx

from paya_app import banking, risk, savings, wallet
from paya_app.core.errors import PayaError
from paya_app.core.ids import new_id
from paya_app.core.money import format_cents
from paya_app.web.coming import coming_of, next_buy_of
from paya_app.web.components.activity_list import ActivityRow, activity_list, payment_row
from paya_app.web.components.amount import split_cents
from paya_app.web.components.button import secondary_link
from paya_app.web.components.frame import bottom_bar, rail, skip_link
from paya_app.web.components.landing import pitch, visitors_bar
from paya_app.web.components.limits_aside import limits_aside
from paya_app.web.components.link import go
from paya_app.web.components.live_feed import LiveFeed
from paya_app.web.components.live_hint import LiveHint
from paya_app.web.components.own_wallet import own_wallet
from paya_app.web.components.presence import presence
from paya_app.web.components.segment import segment
from paya_app.web.components.skeleton import bone_rows
from paya_app.web.components.under_way import Coming, NextBuyShown
from paya_app.web.forms import read_text
from paya_app.web.limits import payments_left
from paya_app.web.loads import UNDER_WAY
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


def page() -> rx.Component:
    """The page."""
    return rx.el.div(
        skip_link(),
        presence(Viewer.phase),
        LiveHint.create(on_change=HomeState.refresh, active=Viewer.phase == "in"),
        visitors_bar(),
        rx.el.div(
            rail("home", "only-in"),
            rx.el.main(pitch(), own_wallet(HomeState), _feed(), id="content", tab_index=-1, class_name="start-main"),
            limits_aside(HomeState),
            class_name="start",
        ),
        bottom_bar("home", "only-in"),
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
