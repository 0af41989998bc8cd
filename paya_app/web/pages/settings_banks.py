"""`/settings/banks`: the linked banks, which is first, giving one back; and what may be added, and why."""

from dataclasses import dataclass

import reflex as rx

from paya_app import banking
from paya_app.core.actor import Actor
from paya_app.core.errors import NotFound, PayaError
from paya_app.core.money import format_cents
from paya_app.web.banks import source_name
from paya_app.web.components.busy import busy_button
from paya_app.web.components.button import primary_link, secondary, secondary_link
from paya_app.web.components.field import notice
from paya_app.web.components.frame import frame
from paya_app.web.components.icon import icon
from paya_app.web.components.sheet import sheet
from paya_app.web.components.skeleton import bone_rows, waiting
from paya_app.web.components.when import when
from paya_app.web.forms import read_flag, read_id
from paya_app.web.viewer import admit, signed_in

TIERS = {
    "phone": ("Your phone is known", "Link a bank to add money."),
    "bank": ("Your bank is known", "With a bank in your own name that you sign in to, you can add more."),
    "identity": ("Your bank is in your own name", "So you can add more each week."),
}


@dataclass
class BankCard:
    """One bank as the page shows it. `state` is `verified`, `unverified` or `closed`."""

    id: str
    name: str
    state: str
    kind: str
    connection: str
    holder: str
    is_default: bool


class BanksState(rx.State):
    """The viewer's banks and limits; amounts are written out. `leaving` is the bank that is about to be unlinked."""

    loaded: bool = False
    fault: str = ""
    rows: rx.Field[list[BankCard]] = rx.field(default_factory=list)
    tier: str = ""
    tier_title: str = ""
    tier_more: str = ""
    week: str = ""
    used: str = ""
    left: str = ""
    single: str = ""
    percent: int = 0
    raised: str = ""
    new_until: str = ""
    leaving: str = ""
    leaving_name: str = ""
    settled: int = 0

    @rx.event
    async def enter(self) -> rx.event.EventSpec | None:
        """Only one's own."""
        try:
            actor = await admit(self)
            if not isinstance(actor, Actor):
                return actor
            self.fault = self.leaving = ""
            await self._load(actor)
        except PayaError as error:
            self.fault = error.message
        return None

    @rx.event
    async def make_default(self, source_id: str) -> None:
        """Have this bank offered first."""
        try:
            actor = await signed_in(self)
            wanted = read_id(source_id)
            if wanted is None:
                raise NotFound(what="bank")
            await banking.make_default(actor, wanted)
            self.fault = ""
            await self._load(actor)
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def ask_unlink(self, source_id: str) -> None:
        """Show what unlinking this bank means, before it is done."""
        try:
            await signed_in(self)
            row = next((each for each in self.rows if each.id == str(read_id(source_id))), None)
            if row is None:
                raise NotFound(what="bank")
            self.leaving, self.leaving_name, self.fault = row.id, row.name, ""
        except PayaError as error:
            self.fault = error.message

    @rx.event
    def set_leaving(self, wanted: bool) -> None:  # noqa: FBT001 - an event's argument
        """Put the question away. It is opened by `ask_unlink` alone."""
        try:
            if not read_flag(wanted):
                self.leaving = ""
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def unlink(self, source_id: str) -> None:
        """Unlink it."""
        try:
            actor = await signed_in(self)
            wanted = read_id(source_id)
            if wanted is None:
                raise NotFound(what="bank")
            await banking.unlink(actor, wanted)
            self.fault = ""
            await self._load(actor)
        except PayaError as error:
            self.fault = error.message
        finally:
            self.leaving = ""
            self.settled += 1

    async def _load(self, actor: Actor) -> None:
        self.rows = [_card(each) for each in await banking.banks(actor)]
        tier, limits = await banking.tier_limits(actor), await banking.load_limits(actor)
        if tier is not None and limits is not None:
            self.tier, (self.tier_title, self.tier_more) = tier.tier, TIERS[tier.tier]
            self.week = format_cents(limits.week_max_cents)
            self.used = format_cents(limits.week_used_cents)
            self.left = format_cents(max(0, limits.week_max_cents - limits.week_used_cents))
            self.percent = min(100, limits.week_used_cents * 100 // max(1, limits.week_max_cents))
            self.single = format_cents(min(limits.single_max_cents, limits.week_max_cents))
            self.new_until = limits.first_week_ends_at.isoformat() if limits.first_week_ends_at else ""
            raised = tier.raised_first_week_cents if self.new_until else tier.raised_week_cents
            self.raised = "" if tier.tier == "identity" else format_cents(raised)
        self.loaded = True


def _card(bank: banking.Bank) -> BankCard:
    source = bank.source
    holder = {True: "In your own name", False: "The name on it is not yours here", None: ""}[bank.is_holder]
    return BankCard(
        id=str(source.id),
        name=source_name(source),
        state="closed" if source.is_closed else source.state,
        kind=bank.kind.capitalize(),
        connection=bank.connection,
        holder=holder,
        is_default=bank.is_default,
    )


def page() -> rx.Component:
    """The page."""
    return frame(
        notice(BanksState.fault),
        rx.cond(
            BanksState.loaded,
            rx.el.div(
                rx.cond(
                    BanksState.rows.length() > 0,
                    rx.el.div(
                        rx.el.div(rx.foreach(BanksState.rows, _row), class_name="card"),
                        secondary_link("Link another bank", to="/link-bank/", class_name="mt-4"),
                    ),
                    rx.el.div(
                        rx.el.h2("No bank yet", class_name="text-xl!"),
                        rx.el.p("Link one to add money to your wallet.", class_name="m mt-1 mb-4"),
                        primary_link("Link your bank", to="/link-bank/"),
                        class_name="card p-6",
                    ),
                ),
                _limits(),
            ),
            waiting(rx.el.div(bone_rows(2), class_name="card")),
        ),
        _question(),
        title="Banks",
        active="settings",
        back="/settings/",
    )


def _row(bank: rx.vars.ObjectVar[BankCard]) -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.span(icon("landmark", 20), class_name="av a1"),
            rx.el.div(
                rx.el.p(bank.name, class_name="font-semibold num wrap-anywhere"),
                rx.el.p(
                    bank.kind,
                    rx.cond(bank.holder != "", rx.fragment(" · ", bank.holder), ""),
                    class_name="s m",
                ),
                class_name="flex-1 min-w-0",
            ),
            rx.match(
                bank.state,
                ("verified", rx.cond(bank.is_default, rx.el.span("default", class_name="chip"), rx.fragment())),
                ("closed", rx.el.span("closed", class_name="chip")),
                rx.el.span("to confirm", class_name="chip warn"),
            ),
            class_name="flex gap-3 items-center",
        ),
        rx.match(
            bank.connection,
            ("login_required", _again(bank, "Your bank wants you to sign in again. Transfers go on meanwhile.")),
            ("pending_disconnect", _again(bank, "Your bank will soon want you to sign in again.")),
            rx.fragment(),
        ),
        rx.el.div(
            rx.cond(
                bank.state == "unverified",
                secondary_link(
                    "Confirm",
                    to="/add/?bank=" + bank.id.to(str),
                    class_name="low s w-auto!",
                    aria_label=f"Confirm {bank.name}",
                ),
            ),
            rx.cond(
                (bank.state == "verified") & ~bank.is_default,
                secondary(
                    "Make default",
                    on_click=BanksState.make_default(bank.id),
                    class_name="low s w-auto!",
                    aria_label=f"Make {bank.name} the default",
                ),
            ),
            secondary(
                "Unlink",
                on_click=BanksState.ask_unlink(bank.id),
                class_name="low s danger w-auto!",
                aria_label=f"Unlink {bank.name}",
            ),
            class_name="flex gap-2 flex-wrap justify-end",
        ),
        class_name="grid gap-3 p-4 border-b border-line last:border-0",
    )


def _again(bank: rx.vars.ObjectVar[BankCard], words: str) -> rx.Component:
    return rx.el.div(
        icon("triangle-alert", 20),
        rx.el.div(
            rx.el.p(words),
            secondary_link(
                "Sign in again", to="/link-bank/?bank=" + bank.id.to(str), class_name="low s w-auto! mt-2 inline-flex!"
            ),
        ),
        class_name="notice warn",
    )


def _limits() -> rx.Component:
    return rx.el.section(
        rx.el.h2("What you can add"),
        rx.el.p(BanksState.left, class_name="text-[32px] leading-10 font-semibold num mt-1", id="week-left"),
        rx.el.p("left for these 7 days", class_name="s m"),
        rx.el.div(
            rx.el.i(style={"width": rx.Var.create(BanksState.percent).to_string() + "%"}), class_name="meter mt-3"
        ),
        rx.el.p(BanksState.used, " of ", BanksState.week, " used", class_name="s m num mt-1.5"),
        rx.el.p("One transfer: up to ", BanksState.single, class_name="s m num"),
        rx.el.p(rx.el.b(BanksState.tier_title), ". ", BanksState.tier_more, class_name="mt-4"),
        rx.cond(
            BanksState.new_until != "",
            rx.el.p(
                "Your account is new: this grows ", when(BanksState.new_until, "day", "on "), ".", class_name="s m mt-1"
            ),
        ),
        rx.cond(
            BanksState.raised != "",
            rx.el.p(
                "With a bank in your own name: ",
                rx.el.b(BanksState.raised, class_name="num"),
                " in 7 days.",
                class_name="s m mt-1",
            ),
        ),
        class_name="card p-6 mt-4",
    )


def _question() -> rx.Component:
    return sheet(
        rx.el.p(
            rx.el.b(BanksState.leaving_name),
            " can no longer be used here then, and PaYa gives its access back. Past transfers stay in Activity.",
            class_name="mb-4",
        ),
        busy_button(
            "Unlink",
            busy_label="Unlinking …",
            settled=BanksState.settled,
            on_press=BanksState.unlink(BanksState.leaving),
            id="unlink",
            class_name="sec2 danger",
        ),
        secondary("Keep it", on_click=BanksState.set_leaving(False), class_name="mt-2"),
        title="Unlink this bank?",
        is_open=BanksState.leaving != "",
        on_open_change=BanksState.set_leaving,
    )
