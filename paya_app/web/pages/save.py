"""`/save`: what bitcoin there is, and the plans that buy it."""

from dataclasses import dataclass

import reflex as rx

from paya_app import savings
from paya_app.core.actor import Actor
from paya_app.core.clock import now
from paya_app.core.errors import PayaError
from paya_app.core.money import format_amount, format_cents, format_price
from paya_app.web.components.amount import amount
from paya_app.web.components.button import primary_link
from paya_app.web.components.due import Due
from paya_app.web.components.field import notice
from paya_app.web.components.frame import frame
from paya_app.web.components.holdings_links import holdings_links
from paya_app.web.components.icon import icon
from paya_app.web.components.lab_link import lab_link
from paya_app.web.components.link import go
from paya_app.web.components.live_hint import LiveHint
from paya_app.web.components.provider_banner import provider_banner
from paya_app.web.components.skeleton import bone, bone_section, waiting
from paya_app.web.components.when import when
from paya_app.web.plans import STATE_TONES, STATES, moment_words, rhythm, zone_words
from paya_app.web.viewer import admit, signed_in

COMMON = ("10", "25", "50", "100")


@dataclass
class PlanRow:
    """One plan as the list shows it; `next` is empty when nothing is ahead."""

    href: str
    name: str
    what: str
    next: str
    zone: str
    state: str
    chip: str


@dataclass
class Held:
    """The bitcoin that there is; what is not known is empty. `gain` says which it is, `gain_tone` colours it."""

    btc: str = ""
    value: str = ""
    gain: str = ""
    gain_tone: str = ""
    cost: str = ""
    average: str = ""
    price: str = ""
    price_at: str = ""


class SaveState(rx.State):
    """The viewer's plans and bitcoin. `due_at` is when the next buy begins, ISO 8601."""

    loaded: bool = False
    fault: str = ""
    rows: rx.Field[list[PlanRow]] = rx.field(default_factory=list)
    held: rx.Field[Held] = rx.field(default_factory=Held)
    due_at: str = ""

    @rx.event
    async def enter(self) -> rx.event.EventSpec | None:
        """Only one's own."""
        try:
            actor = await admit(self)
            if not isinstance(actor, Actor):
                return actor
            await self._load(actor)
        except PayaError as error:
            self.fault = error.message
        return None

    @rx.event
    async def refresh(self) -> None:
        """Something changed: read it again."""
        try:
            await self._load(await signed_in(self))
        except PayaError as error:
            self.fault = error.message

    async def _load(self, actor: Actor) -> None:
        plans = await savings.plans(actor)
        self.rows = [_row(plan) for plan in plans]
        self.held = _held(await savings.holdings(actor))
        self.due_at = min((plan.next_buys[0].due_at.isoformat() for plan in plans if plan.next_buys), default="")
        self.fault, self.loaded = "", True


def _row(plan: savings.Plan) -> PlanRow:
    zone = plan.terms.schedule.zone
    return PlanRow(
        href=f"/save/{plan.id}/",
        name=plan.terms.name,
        what=f"{format_cents(plan.terms.amount_cents)} {rhythm(plan.terms.schedule)}",
        next=moment_words(plan.next_buys[0].due_at, zone, now()) if plan.next_buys else "",
        zone=zone_words(zone),
        state=STATES[plan.state],
        chip=STATE_TONES[plan.state],
    )


def _held(holdings: savings.Holdings) -> Held:
    if not holdings.balance_sats:
        return Held()
    gain_cents, average = holdings.unrealised_cents, holdings.average_cents_per_btc
    gain = ""
    if gain_cents is not None:
        gain = f"{'−' if gain_cents < 0 else '+'}{format_cents(abs(gain_cents))} {'loss' if gain_cents < 0 else 'gain'}"
    return Held(
        btc=format_amount(holdings.balance_sats, "BTC").removesuffix(" BTC"),
        value=format_cents(holdings.value_cents) if holdings.value_cents is not None else "",
        gain=gain,
        gain_tone="text-neg" if (gain_cents or 0) < 0 else "text-pos",
        cost=format_cents(holdings.cost_cents),
        average=format_price(average) if average is not None else "",
        price=format_price(holdings.price_cents_per_btc) if holdings.price_cents_per_btc is not None else "",
        price_at=holdings.price_at.isoformat() if holdings.price_at else "",
    )


def page() -> rx.Component:
    """The page."""
    return frame(
        LiveHint.create(on_change=SaveState.refresh, active=True),
        Due.create(at=SaveState.due_at, on_due=SaveState.refresh),
        provider_banner("kraken"),
        notice(SaveState.fault),
        rx.cond(
            SaveState.loaded,
            rx.fragment(
                rx.cond(SaveState.held.btc != "", _holdings(), rx.fragment()),
                rx.cond(SaveState.rows.length() > 0, _plans(), _empty()),
                lab_link(),
            ),
            rx.cond(SaveState.fault == "", _waiting(), rx.fragment()),
        ),
        title="Save",
        active="save",
    )


def _waiting() -> rx.Component:
    return waiting(
        rx.el.div(
            bone("72px", "16px"), bone("240px", "40px", "mt-3"), bone("160px", "20px", "mt-4"), class_name="card p-6"
        ),
        bone_section(2),
    )


def _holdings() -> rx.Component:
    held = SaveState.held
    return rx.el.section(
        rx.el.div(
            rx.el.p("You hold", class_name="s m"),
            amount(held.btc, " BTC", "amt held"),
            rx.cond(
                held.value != "",
                rx.el.p(
                    rx.el.b(held.value),
                    rx.el.span(" · ", class_name="m"),
                    rx.el.b(held.gain, class_name=held.gain_tone),
                    class_name="num",
                    id="held-value",
                ),
            ),
            class_name="card p-6",
        ),
        rx.el.div(
            _kv("Paid in, with all fees", rx.el.b(held.cost, class_name="num")),
            _kv("Average price", rx.el.span(held.average, " per bitcoin", class_name="num")),
            rx.cond(
                held.price != "",
                _kv(
                    "Price",
                    rx.el.span(held.price, " per bitcoin", when(held.price_at, "clock", " at "), class_name="num"),
                ),
            ),
            class_name="card mt-3",
        ),
        holdings_links(),
        aria_label="Your bitcoin",
        id="holdings",
    )


def _kv(label: str, value: rx.Component) -> rx.Component:
    return rx.el.div(rx.el.span(label, class_name="m shrink-0"), value, class_name="kv")


def _plans() -> rx.Component:
    return rx.el.section(
        rx.el.h2("Plans", class_name="mt-6 mb-3 mx-1"),
        rx.el.div(rx.foreach(SaveState.rows, _plan), class_name="card"),
        primary_link("New plan", to="/save/new/", class_name="mt-4"),
    )


def _plan(row: rx.vars.ObjectVar[PlanRow]) -> rx.Component:
    return go(
        rx.el.span(icon("bitcoin", 20), class_name="av a3", aria_hidden="true"),
        rx.el.div(
            rx.el.p(row.name, class_name="font-semibold"),
            rx.el.p(row.what, class_name="s num wrap"),
            rx.cond(
                row.next != "",
                rx.el.p("Next: ", row.next, " · ", row.zone, class_name="s m num wrap"),
                rx.el.p("Nothing is ahead", class_name="s m"),
            ),
            class_name="t",
        ),
        rx.el.span(row.state, class_name="chip small " + row.chip.to(str)),
        to=row.href,
        class_name="row",
    )


def _empty() -> rx.Component:
    return rx.el.section(
        rx.el.span(icon("bitcoin", 32), class_name="av s72 a3 mx-auto", aria_hidden="true"),
        rx.el.h2("A little bitcoin, exactly when you say", class_name="text-xl! text-center text-balance"),
        rx.el.p(
            "Choose how much each week. You see the next three buys before anything is bought, and can skip, pause or "
            "end it at any time.",
            class_name="m text-center text-balance",
        ),
        rx.el.div(
            *[
                go(
                    f"${dollars}",
                    to=f"/save/new/?amount={dollars}",
                    class_name="pick num",
                    aria_label=f"${dollars} a week",
                )
                for dollars in COMMON
            ],
            role="group",
            aria_label="How much a week",
            class_name="grid grid-cols-4 gap-2",
        ),
        go("Another amount, or another rhythm", to="/save/new/", class_name="link hit mx-auto"),
        class_name="card p-6 grid gap-4",
        id="no-plans",
    )
