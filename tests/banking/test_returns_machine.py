"""Any history of loading, spending, being taken back and paying back: the books are a page of arithmetic."""

from contextlib import ExitStack
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from paya_app.core.ids import new_id
from paya_app.local.postgres import Cluster
from tests.ledger.books import Books, books
from tests.ledger.effort import effort

cents = st.integers(1, 60)
_PERSON = """
with u as (
  insert into auth.users (
    id, aud, role, phone, phone_confirmed_at, created_at, updated_at, raw_app_meta_data, raw_user_meta_data)
  values (%(id)s, 'authenticated', 'authenticated', '12025550100', now(), now(), now(), '{}', '{}') returning id
), p as (
  insert into public.profiles (id, handle, name) select id, 'ann', 'Ann' from u returning id
), c as (
  insert into banking.customer (person, vendor_id) select id, 'c' from p returning person
)
insert into banking.source (id, person, vendor_id, kind, last4, state, created_at)
select %(source)s, person, 's', 'checking', '7890', 'verified', now() from c
"""


class Ann:
    """The model: what ann has, what of it is held, and each debt, the oldest first."""

    def __init__(self) -> None:
        self.wallet = self.held = self.uncleared = self.bank = self.spent = 0
        self.debts: list[int] = []

    @property
    def free(self) -> int:
        """What she may spend, were she not restricted."""
        return self.wallet - self.held

    def repay(self) -> None:
        """What is free pays the debts, the oldest first."""
        while self.debts and self.free:
            paid = min(self.free, self.debts[0])
            self.wallet -= paid
            self.debts[0] -= paid
            if not self.debts[0]:
                self.debts.pop(0)


class Returns(RuleBasedStateMachine):
    """One person's loads, payments, holds and returns, in any order, each possibly told again."""

    loads = Bundle("loads")
    holds = Bundle("holds")

    def __init__(self, cluster: Cluster) -> None:
        super().__init__()
        self.cleanup = ExitStack()
        self.book: Books = self.cleanup.enter_context(books(cluster))
        self.ann, self.source, self.model = new_id(), new_id(), Ann()
        self.book.rows(_PERSON, {"id": self.ann, "source": self.source})
        self.book.value("select ledger.open_wallet(%s)", self.ann)
        self.state: dict[UUID, str] = {}
        self.amount: dict[UUID, int] = {}
        self.open: dict[UUID, int] = {}

    def teardown(self) -> None:
        try:
            assert self.book.broken_rules() == {}
        finally:
            self.cleanup.close()

    @initialize(target=loads)
    def two_loads_are_spent_for_the_most_part(self):
        spent = [self.a_load_settles(amount, is_held=False) for amount in (30, 40)]
        self.pays(60)
        return multiple(*spent)

    @rule(target=loads, amount=cents, is_held=st.booleans())
    def a_load_settles(self, amount: int, *, is_held: bool) -> UUID:
        load = new_id()
        self.book.rows(
            "with o as (insert into banking.provider_operation (id, kind, next_at, requested_at)"
            " values (%s, 'load', now(), now()) returning id)"
            " insert into banking.load (id, person, source_id, amount_cents, reference, created_at)"
            " select id, %s, %s, %s, id::text, now() from o",
            load, self.ann, self.source, amount,
        )  # fmt: skip
        self.state[load], self.amount[load] = "settled" if is_held else "cleared", amount
        self.told_settled(load, is_held=is_held)
        self.model.bank += amount
        if is_held:
            self.model.uncleared += amount
        else:
            self.model.wallet += amount
            self.model.repay()
        return load

    @rule(load=loads, is_held=st.booleans())
    def told_settled(self, load: UUID, *, is_held: bool) -> None:
        clears = "now() + interval '3 days'" if is_held else "null"
        self.book.rows(f"select banking.book_settled(%s, 'ref-' || %s, {clears})", load, str(load))

    @rule(load=loads)
    def its_hold_is_over(self, load: UUID) -> None:
        self.book.rows("update banking.load set clears_at = now() where id = %s", load)
        cleared = self.book.value("select banking.book_cleared(%s)", load)
        assert cleared == (self.state[load] == "settled")
        if cleared:
            self.state[load] = "cleared"
            self.model.uncleared -= self.amount[load]
            self.model.wallet += self.amount[load]
            self.model.repay()

    @rule(load=loads, code=st.sampled_from(["R01", "R02", "R09"]), times=st.integers(1, 2))
    def the_bank_takes_it_back(self, load: UUID, code: str, times: int) -> None:
        for _ in range(times):
            self.book.rows("select banking.book_failed(%s, 'ref-' || %s, %s)", load, str(load), code)
        if self.state[load] == "settled":
            self.model.uncleared -= self.amount[load]
        elif self.state[load] == "cleared":
            taken = min(self.amount[load], self.model.free)
            self.model.wallet -= taken
            if taken < self.amount[load]:
                self.model.debts.append(self.amount[load] - taken)
        if self.state[load] != "returned":
            self.model.bank -= self.amount[load]
        self.state[load] = "returned"

    @rule(amount=cents)
    def pays(self, amount: int) -> None:
        answer = self.book.ask(
            "ledger.post(gen_random_uuid(), ledger.wallet_of(%s), ledger.system_account('revenue'), %s, 'payment')",
            self.ann, amount,
        )  # fmt: skip
        if not self.model.debts and amount <= self.model.free:
            self.model.wallet -= amount
            self.model.spent += amount
            assert answer == self.model.wallet

    @rule(target=holds, amount=cents)
    def sets_aside(self, amount: int) -> UUID:
        hold = new_id()
        self.book.ask("ledger.authorize(%s, ledger.wallet_of(%s), %s, 'redemption')", hold, self.ann, amount)
        if not self.model.debts and amount <= self.model.free:
            self.model.held += amount
            self.open[hold] = amount
        return hold

    @rule(hold=holds)
    def gives_back_what_was_set_aside(self, hold: UUID) -> None:
        self.book.ask("ledger.release(%s)", hold)
        if hold in self.open:
            self.model.held -= self.open.pop(hold)
            self.model.repay()

    @rule(hold=holds, share=st.integers(1, 60))
    def captures(self, hold: UUID, share: int) -> None:
        wanted = min(share, self.open.get(hold, 0))
        if wanted:
            self.book.ask(
                "ledger.capture_hold(%s, %s, array[ledger.system_account('revenue')], array[%s::bigint], 'bought')",
                new_id(), hold, wanted,
            )  # fmt: skip
            left = self.open.pop(hold) - wanted
            self.model.held -= wanted + left
            self.model.wallet -= wanted
            self.model.spent += wanted
            if left:
                self.model.repay()

    @invariant()
    def the_books_are_the_model(self) -> None:
        the, kinds = self.model, self.kinds()
        assert kinds == {
            "wallet": the.wallet,
            "receivable": -sum(the.debts),
            "loads_uncleared": the.uncleared,
            "revenue": the.spent,
            "reserve": -the.bank,
        }
        assert sum(kinds.values()) == 0
        rows = self.book.rows(
            "select owed_cents - repaid_cents from banking.debt where closed_at is null order by opened_at, id"
        )
        assert sorted(left for (left,) in rows) == sorted(the.debts)
        state, held = self.book.rows(
            "select state, held from ledger.account where id = ledger.wallet_of(%s)", self.ann
        )[0]
        assert (state, held) == ("restricted" if the.debts else "active", the.held)
        assert the.wallet >= the.held >= 0

    def kinds(self) -> dict[str, Any]:
        """Balances by kind of account."""
        kinds = ("wallet", "receivable", "loads_uncleared", "revenue", "reserve")
        found = dict(self.book.rows("select kind, sum(balance)::bigint from ledger.account_balance group by kind"))
        return {kind: found.get(kind, 0) for kind in kinds}


def test_any_history_of_returns_is_what_the_model_says(cluster):
    class InThisRun(Returns):
        def __init__(self) -> None:
            super().__init__(cluster)

    run_state_machine_as_test(InThisRun, settings=effort(20, steps=30))
