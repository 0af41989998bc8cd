"""Any history of a plan: changed, paused, skipped, funded, bought, refused, ended, against a page of arithmetic."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from paya_app import savings
from paya_app.core.actor import Actor
from paya_app.core.ids import new_id
from paya_app.savings import NothingToSkip, PlanEnded, Schedule
from paya_app.savings.buying import stop_plans
from tests.ledger.effort import effort
from tests.savings.buys import PRICE_CENTS, book_fill, order_due, sats_of, system
from tests.savings.made import START, database_now, found, make, rows_of
from tests.support.database import Database

FREE_BUYS, FEE_BPS = 3, 100
AT_A_TIME = 3  # so many in a row without money, and a plan is paused

amounts = some.sampled_from([500, 1999, 2501])
steps = some.lists(
    some.one_of(
        # weighted: days are what histories are made of
        *[some.tuples(some.just("day"), some.sampled_from(["all", "half", "none", "refused"]))] * 3,
        some.tuples(some.sampled_from(["pause", "resume", "skip"]), some.none()),
        some.tuples(some.just("change"), amounts),
        some.tuples(some.just("deposit"), some.sampled_from([700, 6000])),
        some.tuples(some.just("end"), some.none()),
    ),
    min_size=4,
    max_size=24,
)


@dataclass
class Model:
    """What one person's daily plan comes to. Days are numbered from the one after it was made."""

    wallet: int
    amount: int
    state: str = "active"
    day: int = 0
    touched: int = 0
    bought: int = 0
    sats: int = 0
    spent: int = 0
    revenue: int = 0
    carry: int = 0
    skipped: set[int] = field(default_factory=set)
    became: dict[int, str] = field(default_factory=dict)

    def skip(self) -> None:
        """The next day that is not skipped yet is."""
        next_day = self.day + 1
        while next_day in self.skipped:
            next_day += 1
        self.skipped.add(next_day)
        self.became[next_day] = "skipped_by_owner"

    def pass_a_day(self, outcome: str) -> int:
        """What the next day's buy comes to; returns what the exchange may spend, 0 when there is no order."""
        self.day += 1
        if self.state != "active" or self.day in self.skipped:
            return 0
        if self.wallet < self.amount:
            self.became[self.day] = "insufficient_funds"
            last = sorted(day for day in self.became if day > self.touched)[-AT_A_TIME:]
            if [self.became[day] for day in last] == ["insufficient_funds"] * AT_A_TIME:
                self.state = "paused"
            return 0
        fee = 0 if self.bought < FREE_BUYS else round(Fraction(self.amount * FEE_BPS, 10_000))
        budget = self.amount - fee
        if outcome in ("none", "refused"):
            self.became[self.day] = "not_filled" if outcome == "none" else "exchange_refused"
            return budget
        self.became[self.day] = "bought"
        self.bought += 1
        micros = self.micros(budget, outcome)
        cost = round(Fraction(self.carry + micros, 10_000))
        self.carry += micros - cost * 10_000
        fee = round(Fraction(fee * min(cost, budget), budget))
        self.wallet -= min(cost, budget) + fee
        self.spent += cost
        self.revenue += fee
        self.sats += self.quantity(budget, outcome)
        return budget

    @staticmethod
    def micros(budget: int, outcome: str) -> int:
        """What the exchange takes, in millionths of a dollar."""
        return {"all": 10_000, "half": 5_000}.get(outcome, 0) * budget

    @staticmethod
    def quantity(budget: int, outcome: str) -> int:
        """What it gives for that, in satoshis."""
        return Model.micros(budget, outcome) * 10_000 // PRICE_CENTS


@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")  # fixtures are long to print
@settings(effort(examples=14), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wallet=some.sampled_from([0, 2600, 9000]), amount=amounts, history=steps)
async def test_any_history_is_what_the_model_says(  # noqa: PLR0917 - what Hypothesis draws
    database: Database,
    people: Any,
    advance_clock: Callable[..., Awaitable[None]],
    wallet: int,
    amount: int,
    history: list[tuple[str, Any]],
):
    ann: Actor = await people.join(f"p{new_id().hex[-12:]}", cents=wallet)
    noon = await database_now(database) + timedelta(hours=12)
    plan = await make(ann, amount_cents=amount, schedule=Schedule("daily", "UTC", START, noon.hour * 60 + noon.minute))
    model = Model(wallet, amount, carry=await database.value("select carried_micros from savings.exchange_carry"))
    kinds = ("exchange_cash", "revenue", "exchange_in_transit")
    before = [await system(database, kind) for kind in kinds]
    try:
        for verb, what in history:
            if verb == "day":
                await advance_clock(hours=24)
                await _a_day_passes(database, model, what)
            elif verb == "deposit":
                await people.mint(ann, what)
                model.wallet += what
            else:
                await _ask(ann, plan, model, verb, what)
            now = await found(ann, plan)
            assert (now.state, now.terms.amount_cents) == (model.state, model.amount)
            assert await people.balance(ann) == model.wallet
            assert await sats_of(database, ann) == model.sats
            cash, revenue, transit = [
                await system(database, kind) - then for kind, then in zip(kinds, before, strict=True)
            ]
            assert (cash, revenue, transit) == (model.spent, model.revenue, 0)
            assert len(now.next_buys) == (3 if model.state == "active" else 0)
    finally:
        await savings.end(ann, plan.id, key=new_id())  # the next history is another's alone
    rows = [row for row in await rows_of(database, plan) if row[1] != "canceled"]
    assert len({due_at for due_at, _, _ in rows}) == len(rows)
    told = [reason or state for _, state, reason in rows if state != "scheduled"]
    assert told == [model.became[day] for day in sorted(model.became)]


async def _a_day_passes(database: Database, model: Model, outcome: str) -> None:
    """The timetable's turn after a due time, and the exchange's answer."""
    budget = model.pass_a_day(outcome)
    order = await order_due(database)
    made = await database.value("select budget_cents from savings.exchange_order where id = %s", (order,))
    assert (made or 0) == budget
    if budget and outcome == "refused":
        await database.rows("select savings.book_unfilled(%s, 'exchange_refused')", (order,))
    elif budget:
        for _ in range(2):  # and is told again
            await book_fill(database, order, model.quantity(budget, outcome), model.micros(budget, outcome))
    await stop_plans()
    await savings.schedule_ahead()


async def _ask(ann: Actor, plan: savings.Plan, model: Model, verb: str, what: Any) -> None:
    """One wish of the owner's, twice under one key."""
    key = new_id()

    async def wish() -> None:
        if verb == "change":
            await savings.change(ann, plan.id, key=key, changes={"amount_cents": what})
        elif verb == "skip":
            await savings.skip_next(ann, plan.id, key=key)
        else:
            await getattr(savings, verb)(ann, plan.id, key=key)

    refusal = (
        PlanEnded if model.state == "ended" else NothingToSkip if (verb, model.state) == ("skip", "paused") else None
    )
    if refusal and verb != "end":
        try:
            await wish()
        except refusal:
            return
        raise AssertionError(f"{verb} of a plan that is {model.state} passed")
    await wish()
    await wish()
    if model.state == "ended":
        return
    if verb == "skip":
        model.skip()
    elif verb == "change":
        model.amount = what
    else:
        model.state = {"pause": "paused", "resume": "active", "end": "ended"}[verb]
    model.touched = model.day
