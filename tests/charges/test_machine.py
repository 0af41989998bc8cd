"""Long random histories: after each step the database and a page of arithmetic say the same, and every rule holds.

`PAYA_CHARGES_STEPS=10000 make test ARGS="tests/charges/test_machine.py"` goes so many steps of fresh histories.
"""

import json
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from paya_app.core.ids import new_id
from tests.charges.books import assert_books_of
from tests.charges.model import OVERDRAFT, Account, Charge, Giving, Refused
from tests.support.database import Database

STEPS = int(os.environ.get("PAYA_CHARGES_STEPS", "0"))
A_HISTORY = 60
START = "2027-03-04T15:00:00Z"

amounts = st.sampled_from([1, 20, 333, 1_000, 4_999])
parts = st.sampled_from([None, 1, 20, 170, 333, 1_000])
cards = st.sampled_from(["visa"] * 4 + ["disputed", "refund_fails", "partial", "lost"])


class Charging(RuleBasedStateMachine):
    """One account with its clock, asked for anything in any order."""

    charges = Bundle("charges")
    refunds = Bundle("refunds")

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        super().__init__()
        self.connection = connection
        self.account = uuid4()
        self.value("select charges.freeze_clock(%s, %s)", self.account, START)
        self.model = Account(datetime.fromisoformat(START))
        self.last: tuple[str, UUID, dict[str, Any]] | None = None
        self.shown: Any = None

    def value(self, statement: str, *params: Any) -> Any:
        row = self.connection.execute(statement.encode(), params).fetchone()
        return row[0] if row else None

    def ask(self, operation: str, request: dict[str, Any], expected: Callable[[str], Any]) -> Any:
        """Asks both; they agree on a refusal, or the model's answer comes back."""
        once = new_id()
        request = {name: value for name, value in request.items() if value is not None}
        code, found, answer, shown = "", "", None, None
        try:
            answer = expected(str(once))
        except Refused as refused:
            code = str(refused)
        try:
            shown = self.value(
                "select charges.execute(%s, %s, %s, %s)", operation, self.account, once, json.dumps(request)
            )
        except psycopg.Error as error:
            found = error.diag.message_primary
        assert found == code, (operation, request)
        if code:
            return None
        self.last = (operation, once, request)
        self.shown = shown
        return answer

    def name_the_dispute(self, charge: Charge) -> None:
        """Of a card that is always disputed: the id was made by the database."""
        if charge.dispute and not charge.dispute.id:
            charge.dispute.id = self.value(
                "select id::text from charges.dispute where account_id = %s and charge_id = %s", self.account, charge.id
            )

    @rule(target=charges, amount=amounts, card=cards, by_half=st.booleans())
    def authorizes(self, amount: int, card: str, *, by_half: bool) -> Charge:
        request = {"amount_minor": amount, "currency": "USD", "card": card, "allow_partial": by_half}
        return self.ask("authorize", request, lambda name: self.model.authorize(name, amount, card, partial=by_half))

    @rule(charge=charges, amount=amounts)
    def increments(self, charge: Charge, amount: int) -> None:
        request = {"charge_id": charge.id, "amount_minor": amount}
        self.ask("increment", request, lambda _: self.model.increment(charge, amount))

    @rule(charge=charges, amount=parts, final=st.booleans())
    def captures(self, charge: Charge, amount: int | None, *, final: bool) -> None:
        request = {"charge_id": charge.id, "amount_minor": amount, "final": final}
        self.ask("capture", request, lambda _: self.model.capture(charge, amount, final=final))
        self.name_the_dispute(charge)

    @rule(charge=charges)
    def captures_everything(self, charge: Charge) -> None:
        self.ask("capture", {"charge_id": charge.id}, lambda _: self.model.capture(charge, None, final=True))
        self.name_the_dispute(charge)

    @rule(charge=charges, verb=st.sampled_from(["void", "expire"]))
    def lets_go(self, charge: Charge, verb: str) -> None:
        why = {"void": "voided", "expire": "expired"}[verb]
        self.ask(verb, {"charge_id": charge.id}, lambda _: self.model.let_go(charge, why))

    @rule(target=refunds, charge=charges, amount=parts)
    def refunds_(self, charge: Charge, amount: int | None) -> Giving | None:
        request = {"charge_id": charge.id, "amount_minor": amount}
        giving = self.ask("refund", request, lambda name: self.model.refund(name, charge, amount))
        if giving:
            assert self.shown["is_waiting_for_funds"] == (not giving.is_posted)
        return giving

    @rule(refund=refunds)
    def fails_a_refund(self, refund: Giving | None) -> None:
        if refund:
            expected: Callable[[str], Any] = lambda _: self.model.end_refund(refund, arrives=False)  # noqa: E731
            self.ask("fail_refund", {"refund_id": refund.id}, expected)

    @rule(charge=charges, amount=parts)
    def disputes(self, charge: Charge, amount: int | None) -> None:
        request = {"charge_id": charge.id, "amount_minor": amount}
        self.ask("open_dispute", request, lambda name: self.model.dispute(name, charge, amount))

    @rule(charge=charges, evidence=st.sampled_from(["delivered", "losing_evidence", None]))
    def answers(self, charge: Charge, evidence: str | None) -> None:
        giving = charge.dispute
        if not giving:
            return
        if evidence is None:
            self.ask("accept_dispute", {"dispute_id": giving.id}, lambda _: self.model.end_dispute(giving, wins=False))
        else:
            request = {"dispute_id": giving.id, "evidence": evidence}
            self.ask(
                "submit_evidence", request, lambda _: self.model.answer(giving, wins=evidence != "losing_evidence")
            )

    @rule(hours=st.sampled_from([1, 5, 20, 24, 60, 170]))
    def time_passes(self, hours: int) -> None:
        until = self.model.now + timedelta(hours=hours)
        done = self.value("select charges.advance(%s, %s, 100000)", self.account, until)
        assert done["is_finished"]
        self.model.advance(until)
        self.last = None
        if hours > 24:  # not too often: the rules look at everything
            assert_books_of(self.connection)

    @precondition(lambda self: self.last)
    @rule(other=st.booleans())
    def asks_again(self, *, other: bool) -> None:
        operation, once, request = self.last or ("", uuid4(), {})
        if other:
            request = request | ({"metadata": {"a": "b"}} if operation == "authorize" else {})
        if other and operation == "authorize":
            with pytest.raises(psycopg.Error, match="key_reused"):
                self.value("select charges.execute(%s, %s, %s, %s)", operation, self.account, once, json.dumps(request))
        else:
            again = self.value(
                "select charges.execute(%s, %s, %s, %s)", operation, self.account, once, json.dumps(request)
            )
            assert again == self.shown

    @rule(charge=charges)
    def somebody_else_finds_nothing(self, charge: Charge) -> None:
        for operation in ("capture", "void", "refund"):
            request = json.dumps({"charge_id": charge.id})
            with pytest.raises(psycopg.Error, match="not_found"):
                self.value("select charges.execute(%s, %s, %s, %s)", operation, uuid4(), new_id(), request)

    @invariant()
    def both_say_the_same(self) -> None:
        rows = self.connection.execute(
            b"select c ->> 'id', c ->> 'status', (c -> 'captured_minor')::bigint, (c -> 'refundable_minor')::bigint,"
            b" (c -> 'capturable_minor')::bigint from (select charges.charge_json(t) from charges.charge t"
            b" where t.account_id = %s) s (c) order by 1",
            [self.account],
        ).fetchall()
        assert rows == sorted((one.id, one.status, one.captured, one.left, one.open) for one in self.model.charges)
        balances = self.value("select charges.balances(%s)", self.account)
        for found in balances:
            assert (found["pending_minor"], found["available_minor"], found["fees_minor"]) == (
                self.model.pending, self.model.available, self.model.fees,
            )  # fmt: skip

    def teardown(self) -> None:
        assert_books_of(self.connection)


async def test_any_history_is_what_the_model_says(database: Database):
    await database.rows("update charges.currency set overdraft_max_minor = %s", [OVERDRAFT])
    with psycopg.connect(database.url("supabase_admin"), autocommit=True) as connection:
        run_state_machine_as_test(
            partial(Charging, connection),  # pyright: ignore[reportArgumentType] - it makes one, as the class does
            settings=settings(
                max_examples=max(STEPS // A_HISTORY, 1) if STEPS else 10,
                stateful_step_count=A_HISTORY,
                derandomize=not STEPS,
                database=None,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
            ),
        )
        kinds = dict(connection.execute(b"select kind::text, count(*) from charges.event group by kind").fetchall())
        assert {"payment.captured", "payment.refunded", "payment.settled", "payment.dispute.opened"} <= set(kinds), (
            kinds
        )
