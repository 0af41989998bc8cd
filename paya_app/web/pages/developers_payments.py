"""`/developers/payments`: one's charges on test cards, and the clock that they live by."""

from datetime import datetime, timedelta
from uuid import UUID

import reflex as rx

from paya_app import charges, developers
from paya_app.core.actor import Actor
from paya_app.core.errors import PayaError, RequestInvalid
from paya_app.web.charge_rows import STATUS_WORDS, ChargeRow, charge_row
from paya_app.web.components.charge_parts import account_clock, charge_list, freeze_question
from paya_app.web.components.developer_places import developer_places, no_account
from paya_app.web.components.field import notice
from paya_app.web.components.frame import frame
from paya_app.web.components.skeleton import bone_rows, waiting
from paya_app.web.forms import read_flag, read_text
from paya_app.web.viewer import admit, signed_in

PAGE = 20
ROWS_MAX = 60
SPANS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}
# the moment to freeze at must not have passed when the database gets to it
FREEZE_AHEAD = timedelta(seconds=2)


class PaymentsState(rx.State):
    """A window of the viewer's charges, at most 60, and their account's clock (`clock_at`, ISO 8601)."""

    kind: str = ""
    fault: str = ""
    done: str = ""
    clock_at: str = ""
    is_frozen: bool = False
    freezing: bool = False
    settled: int = 0
    status: str = ""
    rows: rx.Field[list[ChargeRow]] = rx.field(default_factory=list)
    has_more: bool = False
    is_later: bool = False

    @rx.event
    async def enter(self) -> rx.event.EventSpec | None:
        """Only one's own."""
        self.reset()
        try:
            actor = await admit(self)
            if not isinstance(actor, Actor):
                return actor
            await self._load(await developers.my_account(actor))
        except developers.DeveloperAccountMissing:
            self.kind = "none"
        except PayaError as error:
            self.fault = error.message
        return None

    @rx.event
    async def choose(self, status: str) -> None:
        """Show charges of one status only, or all."""
        try:
            account_id = await self._account()
            chosen = read_text(status)
            self.status = chosen if chosen in STATUS_WORDS else ""
            await self._show(account_id, [])
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def show_more(self) -> None:
        """Go on with older ones; the newest leave the window when it is full."""
        try:
            account_id = await self._account()
            if self.has_more:
                await self._show(account_id, self.rows)
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def show_newest(self) -> None:
        """Back to the top."""
        try:
            await self._show(await self._account(), [])
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def turn(self, span: str, shown_at: str = "") -> None:
        """Turn the clock on from what was shown when the button was pressed, so that pressing twice turns it once."""
        try:
            account_id = await self._account()
            until = _moment(read_text(shown_at)) + _span(read_text(span))
            if until <= await charges.now(account_id):
                return
            done = (await charges.advance(account_id, until)).done
            await self._load(account_id)
            self.done = {0: "Nothing fell due.", 1: "1 thing fell due and was done."}.get(
                done, f"{done:,} things fell due and were done."
            )
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def set_freezing(self, wanted: bool) -> None:  # noqa: FBT001 - an event's argument
        """Ask whether to freeze it, or put the question away."""
        try:
            self.freezing = read_flag(wanted)
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def freeze(self) -> None:
        """Stop the clock where it is."""
        try:
            account_id = await self._account()
            clock = await charges.read_clock(account_id)
            if not clock.is_frozen:
                await charges.freeze_clock(account_id, clock.now.replace(microsecond=0) + FREEZE_AHEAD)
            await self._load(account_id)
            self.done = "Your clock stands still until you turn it."
        except PayaError as error:
            self.fault = error.message
        finally:
            self.freezing = False
            self.settled += 1

    async def _account(self) -> UUID:
        return await developers.my_account(await signed_in(self))

    async def _load(self, account_id: UUID) -> None:
        clock = await charges.read_clock(account_id)
        self.clock_at, self.is_frozen, self.kind, self.done = clock.now.isoformat(), clock.is_frozen, "own", ""
        await self._show(account_id, [])

    async def _show(self, account_id: UUID, kept: list[ChargeRow]) -> None:
        filters = {"status": self.status} if self.status else {}
        after = UUID(kept[-1].id) if kept else None
        found = await charges.list_charges(account_id, filters, after=after, maximum=PAGE)
        rows = [*kept, *map(charge_row, found["data"])]
        self.rows, self.has_more = rows[-ROWS_MAX:], found["has_more"]
        self.is_later = len(rows) > ROWS_MAX or (bool(kept) and self.is_later)
        self.fault = ""


def _span(name: str) -> timedelta:
    if name not in SPANS:
        raise RequestInvalid
    return SPANS[name]


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RequestInvalid from None
    # beyond these there is no room for adding to it
    if moment.tzinfo is None or not 2000 <= moment.year <= 2200:  # noqa: PLR2004
        raise RequestInvalid
    return moment


def page() -> rx.Component:
    """The page."""
    return frame(
        notice(PaymentsState.fault),
        rx.match(
            PaymentsState.kind,
            ("own", rx.el.div(account_clock(PaymentsState), charge_list(PaymentsState))),
            ("none", no_account()),
            waiting(rx.el.div(bone_rows(3), class_name="card")),
        ),
        developer_places("payments"),
        freeze_question(PaymentsState),
        title="Test payments",
        active="settings",
        back="/settings/",
    )
