"""What an account of the sandbox comes to, in plain arithmetic: every rule once more, written without the SQL."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction

from paya_app.banking.bank_days import after_bank_days

OVERDRAFT, DISPUTE_FEE = 3_000, 1_500
DECLINES = {"lost": "lost_card", "declined": "card_declined"}
WEEK = timedelta(days=7)


class Refused(Exception):
    """What the database has to refuse, by its code."""


@dataclass
class Capture:
    amount: int
    settles_at: datetime
    fee: int = 0
    refunded: int = 0
    disputed: int = 0
    taken: int = 0
    is_settled: bool = False

    def __post_init__(self) -> None:
        self.fee = min(round(Fraction(self.amount * 290, 10_000)) + 30, self.amount)

    @property
    def left(self) -> int:
        return self.amount - self.refunded - self.disputed


@dataclass
class Giving:
    """A refund or a dispute: what it takes of which capture, and when it goes on (None: it has ended)."""

    id: str
    charge: "Charge"
    amount: int
    portions: list[tuple[Capture, int]]
    due_at: datetime | None = None
    is_posted: bool = False
    state: str = "pending"
    wins: bool = True


@dataclass
class Charge:
    id: str
    card: str
    requested: int
    authorized: int
    made_at: datetime
    captures: list[Capture] = field(default_factory=list)
    released: int = 0
    increments: int = 0
    why: str = ""
    dispute: Giving | None = None

    @property
    def captured(self) -> int:
        return sum(one.amount for one in self.captures)

    @property
    def open(self) -> int:
        return self.authorized - self.captured - self.released

    @property
    def left(self) -> int:
        return sum(one.left for one in self.captures)

    @property
    def is_disputed(self) -> bool:
        return self.dispute is not None and self.dispute.due_at is not None

    @property
    def status(self) -> str:
        refunded, disputed = (sum(getattr(one, name) for one in self.captures) for name in ("refunded", "disputed"))
        if not self.authorized:
            return "declined"
        if self.is_disputed:
            return "disputed"
        if not self.captured:
            if not self.open:
                return self.why
            return "authorized" if self.authorized == self.requested else "partially_authorized"
        if refunded + disputed == self.captured:
            return "charged_back" if disputed else "refunded"
        if self.open:
            return "partially_captured"
        if refunded:
            return "partially_refunded"
        return "settled" if all(one.is_settled for one in self.captures) else "captured"


@dataclass
class Account:
    now: datetime
    charges: list[Charge] = field(default_factory=list)
    givings: list[Giving] = field(default_factory=list)
    available: int = 0
    fees: int = 0

    @property
    def pending(self) -> int:
        unsettled = [one for charge in self.charges for one in charge.captures if not one.is_settled]
        return sum(one.amount - one.fee - one.taken for one in unsettled)

    def authorize(self, name: str, amount: int, card: str, *, partial: bool) -> Charge:
        authorized = 0 if card in DECLINES else amount
        if card == "partial":
            half = (amount + 1) // 2
            authorized = half if partial or half == amount else 0
        charge = Charge(name, card, amount, authorized, self.now)
        self.charges.append(charge)
        return charge

    def require(self, condition: object) -> None:
        if not condition:
            raise Refused("charge_state_invalid")

    def increment(self, charge: Charge, amount: int) -> None:
        self.require(charge.status == "authorized" and charge.increments < 10)
        charge.increments += 1
        charge.requested += amount
        charge.authorized += amount

    def capture(self, charge: Charge, amount: int | None, *, final: bool) -> None:
        self.require(charge.open)
        amount = amount or charge.open
        if amount > charge.open:
            raise Refused("charge_amount_exceeds")
        capture = Capture(amount, after_bank_days(self.now, 1))
        charge.captures.append(capture)
        self.fees += capture.fee
        if final:
            charge.released += charge.open
        if charge.card == "disputed" and charge.dispute is None:
            self.open_dispute("", charge, [(capture, amount)], amount)

    def let_go(self, charge: Charge, why: str) -> None:
        self.require(charge.open)
        charge.released += charge.open
        charge.why = why

    def share(self, charge: Charge, amount: int) -> list[tuple[Capture, int]]:
        shared = []
        for capture in sorted(charge.captures, key=lambda one: one.is_settled):
            part = min(amount, capture.left)
            amount -= part
            if part:
                shared.append((capture, part))
        return shared

    def refund(self, name: str, charge: Charge, amount: int | None) -> Giving:
        self.require(charge.left)
        amount = amount or charge.left
        if amount > charge.left:
            raise Refused("charge_amount_exceeds")
        giving = Giving(name, charge, amount, self.share(charge, amount), wins=charge.card != "refund_fails")
        for capture, part in giving.portions:
            capture.refunded += part
        self.givings.append(giving)
        self.post(giving, self.now)
        return giving

    def post(self, giving: Giving, moment: datetime) -> None:
        giving.due_at = after_bank_days(moment, 1)
        needed = sum(part for capture, part in giving.portions if capture.is_settled)
        if needed and self.available - needed < -OVERDRAFT:
            return
        giving.is_posted = True
        self.take(giving)

    def take(self, giving: Giving) -> None:
        for capture, part in giving.portions:
            if capture.is_settled:
                self.available -= part
            else:
                capture.taken += part

    def end_refund(self, giving: Giving, *, arrives: bool) -> None:
        self.require(giving.due_at)
        giving.due_at, giving.state = None, "succeeded" if arrives else "failed"
        for capture, part in [] if arrives else giving.portions:
            capture.refunded -= part
            if not giving.is_posted:
                continue
            if capture.is_settled:
                self.available += part
            else:
                capture.taken -= part

    def dispute(self, name: str, charge: Charge, amount: int | None) -> None:
        self.require(charge.left and not charge.is_disputed)
        amount = amount or charge.left
        if amount > charge.left:
            raise Refused("charge_amount_exceeds")
        self.open_dispute(name, charge, self.share(charge, amount), amount)

    def open_dispute(self, name: str, charge: Charge, portions: list[tuple[Capture, int]], amount: int) -> None:
        giving = Giving(name, charge, amount, portions, self.now + WEEK, state="needs_response", wins=False)
        for capture, part in portions:
            capture.disputed += part
        self.take(giving)
        self.fees += DISPUTE_FEE
        if portions[0][0].is_settled:
            self.available -= DISPUTE_FEE
        else:
            portions[0][0].taken += DISPUTE_FEE
        charge.dispute = giving

    def answer(self, giving: Giving, *, wins: bool) -> None:
        self.require(giving.state == "needs_response")
        giving.state, giving.wins, giving.due_at = "under_review", wins, after_bank_days(self.now, 3)

    def end_dispute(self, giving: Giving, *, wins: bool) -> None:
        self.require(giving.due_at)
        giving.due_at, giving.state = None, "won" if wins else "lost"
        if wins:
            self.available += giving.amount
            for capture, part in giving.portions:
                capture.disputed -= part

    def due(self) -> list[tuple[datetime, int, str, object]]:
        """All that will fall due, in the order of time; at one moment settlements, refunds, disputes, expiries."""
        captures = [one for charge in self.charges for one in charge.captures if not one.is_settled]
        disputes = [charge.dispute for charge in self.charges if charge.dispute]
        return sorted(
            [(one.settles_at, 1, "", one) for one in captures]
            + [(one.due_at, 2, one.id, one) for one in self.givings if one.due_at]
            + [(one.due_at, 3, one.id, one) for one in disputes if one.due_at]
            + [(charge.made_at + WEEK, 4, charge.id, charge) for charge in self.charges if charge.open],
            key=lambda thing: thing[:3],
        )

    def advance(self, until: datetime) -> None:
        while (due := self.due()) and due[0][0] <= until:
            moment, rank, _, thing = due[0]
            if isinstance(thing, Capture):
                thing.is_settled = True
                self.available += thing.amount - thing.fee - thing.taken
            elif isinstance(thing, Charge):
                self.let_go(thing, "expired")
            elif isinstance(thing, Giving) and rank == 3:
                self.end_dispute(thing, wins=thing.wins)
            elif isinstance(thing, Giving) and thing.is_posted:
                self.end_refund(thing, arrives=thing.wins)
            elif isinstance(thing, Giving):
                self.post(thing, moment)
        self.now = until
