"""Long random histories: after each step the ledger and a model of it say the same, and every rule holds."""

from contextlib import ExitStack
from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test

from paya_app.local.postgres import Cluster
from tests.ledger.books import Books, Refused, books, post_many
from tests.ledger.effort import effort
from tests.ledger.model import Model, Order

Asked = tuple[UUID, str, str, int, str]  # an order between names

UNKNOWN = 10**9
ACCOUNTS = ("ann", "bob", "cal", "debt", "coin", "reserve", "revenue", "nobody")
KINDS = ("payment", "payment", "refund", "load")
account = st.sampled_from([*ACCOUNTS[:3] * 3, *ACCOUNTS])
amounts = st.one_of(st.integers(1, 120), st.integers(1, 120), st.sampled_from([-1, 0, 10**15 + 1, 2**63 - 1]))
# the last byte (holds, captures) or the last two (chunks) number the transfers of one operation, so they stay 0 here
fresh = st.integers(1, 2**48).map(lambda n: UUID(int=n << 64))
orders = st.tuples(fresh, account, account, amounts, st.sampled_from(KINDS))


class Ledger(RuleBasedStateMachine):
    """Everything that moves money, in any order, against the model."""

    posted = Bundle("posted")
    holds = Bundle("holds")
    captures = Bundle("captures")
    chunks = Bundle("chunks")
    collections = Bundle("collections")

    def __init__(self, cluster: Cluster) -> None:
        super().__init__()
        self.cleanup = ExitStack()
        self.book: Books = self.cleanup.enter_context(books(cluster))
        ann, bob, cal = self.book.open(300, 150, 0)
        (coin,) = self.book.open(200, asset="BTC")
        debt = self.book.value(
            "insert into ledger.account (asset, kind, owner) "
            "values ('USD', 'receivable', gen_random_uuid()) returning id"
        )
        reserve, revenue = self.book.system("reserve"), self.book.system("revenue")
        self.named: dict[str, int] = dict(
            zip(ACCOUNTS, (ann, bob, cal, debt, coin, reserve, revenue, UNKNOWN), strict=True)
        )
        self.model = Model(
            balance={ann: 300, bob: 150, cal: 0, debt: 0, coin: 200, reserve: -450, revenue: 0},
            asset={coin: "BTC"} | dict.fromkeys((ann, bob, cal, debt, reserve, revenue), "USD"),
            summing={reserve, revenue},
            floorless={reserve, revenue, debt},
        )
        self.start: datetime = self.book.value("select clock_timestamp()")

    def teardown(self) -> None:
        self.cleanup.close()

    def order(self, asked: Asked) -> Order:
        """The order with its accounts' names as ids."""
        return (asked[0], self.named[asked[1]], self.named[asked[2]], asked[3], asked[4])

    def post(self, order: Order) -> None:
        answer, expected = self.book.ask("ledger.post(%s, %s, %s, %s, %s)", *order), self.model.post(order)
        if expected:
            assert answer == Refused(expected)
        else:
            # a replay gives the balance of then; a leg of a capture was never asked through post
            assert answer == self.model.posted[order[0]][1]

    @rule(target=posted, asked=orders)
    def posts(self, asked: Asked) -> Order:
        order = self.order(asked)
        self.post(order)
        return order

    @rule(order=posted)
    def asks_again(self, order: Order) -> None:
        self.post(order)

    @rule(order=posted, change=st.sampled_from(["from", "to", "amount", "kind"]))
    def asks_for_something_else_by_the_same_id(self, order: Order, change: str) -> None:
        other = {
            "from": (order[0], self.named["cal"], *order[2:]),
            "to": (*order[:2], self.named["cal"], *order[3:]),
            "amount": (*order[:3], 7, order[4]),
            "kind": (*order[:4], "other"),
        }[change]
        self.post(other)

    @rule(
        target=posted,
        asked=st.lists(st.tuples(orders, st.sampled_from([None, None, 1, 2])), min_size=1, max_size=7),
        again=st.lists(st.tuples(posted, st.sampled_from([None, 1])), max_size=2),
        twice=st.booleans(),
    )
    def posts_many(self, asked, again, twice):
        batch = [(self.order(order), group) for order, group in asked] + again
        batch += batch[:1] if twice else []
        answers = post_many(self.book, [order for order, _ in batch], [group for _, group in batch])
        expected = self.model.post_many([order for order, _ in batch], [group for _, group in batch])
        assert [refusal for _, _, refusal in answers] == expected
        for (order, _), (after, _, refusal) in zip(batch, answers, strict=True):
            assert refusal or after == self.model.posted[order[0]][1]
        return multiple(*[order for order, _ in batch[: len(asked)]])

    @rule(
        target=chunks,
        chunk=fresh,
        takers=st.lists(st.tuples(account, amounts), min_size=1, max_size=4),
    )
    def distributes(self, chunk: UUID, takers: list[tuple[str, int]]):
        asked = [(self.named[name], amount) for name, amount in takers]
        self.distribute(chunk, asked)
        return chunk, asked

    @rule(chunk=chunks, more=st.booleans())
    def distributes_again(self, chunk, *, more: bool) -> None:
        self.distribute(chunk[0], [*chunk[1], *[(self.named["cal"], 1)] * more])

    def distribute(self, chunk: UUID, asked: list[tuple[int, int]]) -> None:
        pool = self.named["revenue"]
        made = [(UUID(int=chunk.int + n), pool, taker, amount, "reward") for n, (taker, amount) in enumerate(asked)]
        expected = self.model.distribute(made)
        answer = self.book.ask(
            "ledger.distribute(%s, %s, %s::bigint[], %s::bigint[], 'reward')",
            chunk,
            pool,
            [t for t, _ in asked],
            [a for _, a in asked],
        )
        assert answer == (Refused(expected) if expected else sum(a for _, a in asked))

    @rule(
        target=collections,
        chunk=fresh,
        givers=st.lists(st.tuples(account, amounts), min_size=1, max_size=4),
    )
    def collects(self, chunk: UUID, givers: list[tuple[str, int]]):
        asked = [(self.named[name], amount) for name, amount in givers]
        self.collect(chunk, asked)
        return chunk, asked

    @rule(chunk=collections, change=st.sampled_from([0, 0, 1]))
    def collects_again(self, chunk, change: int) -> None:
        self.collect(chunk[0], [(giver, amount + change if amount < 1000 else amount) for giver, amount in chunk[1]])

    def collect(self, chunk: UUID, asked: list[tuple[int, int]]) -> None:
        pool = self.named["revenue"]
        made = [(UUID(int=chunk.int + n), giver, pool, amount, "fee") for n, (giver, amount) in enumerate(asked)]
        expected = self.model.collect(made)
        answer = self.book.ask(
            "array(select coalesce(c.refusal, '') from ledger.collect(%s, %s::bigint[], %s::bigint[], %s, 'fee') c)",
            chunk,
            [giver for giver, _ in asked],
            [amount for _, amount in asked],
            pool,
        )
        assert answer == (Refused(expected) if isinstance(expected, str) else [code or "" for code in expected])

    @rule(target=holds, key=fresh, name=account, amount=amounts, hours=st.one_of(st.none(), st.integers(0, 30)))
    def authorizes(self, key: UUID, name: str, amount: int, hours: int | None):
        asked = (key, self.named[name], amount, None if hours is None else self.model.clock + hours)
        self.authorize(asked)
        return asked

    @rule(asked=holds, amount=st.integers(1, 50))
    def authorizes_again(self, asked, amount: int) -> None:
        self.authorize(asked)
        self.authorize((*asked[:2], amount, asked[3]))

    def authorize(self, asked: tuple[UUID, int, int, int | None]) -> None:
        key, giver, amount, hours = asked
        expires_at = None if hours is None else self.start + timedelta(hours=hours)
        answer = self.book.ask("ledger.authorize(%s, %s, %s, 'card', %s)", key, giver, amount, expires_at)
        self.agree(key, answer, self.model.authorize(key, giver, amount, hours))

    @rule(
        target=captures,
        key=fresh,
        hold=holds,
        legs=st.lists(st.tuples(account, st.one_of(st.integers(1, 40), amounts)), min_size=1, max_size=4),
        is_final=st.booleans(),
    )
    def captures_some(self, key: UUID, hold, legs: list[tuple[str, int]], *, is_final: bool):
        asked = (key, hold[0], [(self.named[name], amount) for name, amount in legs], is_final)
        self.capture(asked)
        return asked

    @rule(target=captures, key=fresh, hold=holds, name=account, is_final=st.booleans())
    def captures_all_that_is_left(self, key: UUID, hold, name: str, *, is_final: bool):
        known = self.model.holds.get(hold[0])
        asked = (key, hold[0], [(self.named[name], max(1, known.amount - known.captured) if known else 1)], is_final)
        self.capture(asked)
        return asked

    @rule(asked=captures, change=st.sampled_from(["none", "none", "final", "amount"]))
    def captures_again(self, asked, change: str) -> None:
        key, hold_id, legs, is_final = asked
        self.capture(
            (
                key,
                hold_id,
                [(taker, amount + 1) for taker, amount in legs] if change == "amount" and legs[0][1] < 1000 else legs,
                is_final != (change == "final"),
            )
        )

    def capture(self, asked) -> None:
        key, hold_id, legs, is_final = asked
        known = self.model.holds.get(hold_id)
        giver = known.account if known else UNKNOWN
        made = [
            (UUID(int=key.int + n), giver, taker, amount, "captured") for n, (taker, amount) in enumerate(legs, start=1)
        ]
        answer = self.book.ask(
            "ledger.capture_hold(%s, %s, %s::bigint[], %s::bigint[], 'captured', %s)",
            key, hold_id, [t for t, _ in legs], [a for _, a in legs], is_final,
        )  # fmt: skip
        self.agree(hold_id, answer, self.model.capture(key, hold_id, made, is_final=is_final))

    @rule(hold=holds)
    def releases(self, hold) -> None:
        self.agree(hold[0], self.book.ask("ledger.release(%s)", hold[0]), self.model.release(hold[0]))

    def agree(self, hold_id: UUID, answer, expected: str | None) -> None:
        """The answer about a hold is the refusal, or the hold as the model has it."""
        if expected:
            assert answer == Refused(expected)
            return
        hold = self.model.holds[hold_id]
        assert (answer["account_id"], answer["amount"], answer["captured"], answer["state"]) == (
            hold.account,
            hold.amount,
            hold.captured,
            hold.state,
        )

    @rule(hours=st.integers(1, 20), is_booked=st.booleans())
    def time_passes(self, hours: int, *, is_booked: bool) -> None:
        self.model.clock += hours
        self.book.rows('update private.clock_offset set "offset" = %s', timedelta(hours=self.model.clock))
        if is_booked:
            assert self.book.ask("ledger.expire_holds()") == self.model.expire()

    @rule(name=st.sampled_from(ACCOUNTS[:5]), state=st.sampled_from(["active", "active", "restricted", "frozen"]))
    def is_restricted_or_freed(self, name: str, state: str) -> None:
        self.book.set_state(self.named[name], state)
        self.model.state[self.named[name]] = state

    @rule()
    def takes_checkpoints(self) -> None:
        self.book.ask("ledger.take_checkpoints(1)")

    @invariant()
    def both_have_the_same_balances(self) -> None:
        known = {
            a: (balance, held)
            for a, balance, held in self.book.rows("select id, balance, held from ledger.account_balance")
        }
        assert {a: known[a] for a in self.model.balance} == {
            a: (balance, self.model.held(a)) for a, balance in self.model.balance.items()
        }

    @invariant()
    def every_rule_holds(self) -> None:
        assert self.book.broken_rules() == {}


def test_any_history_is_what_the_model_says(cluster):
    class InThisRun(Ledger):
        def __init__(self) -> None:
            super().__init__(cluster)

    run_state_machine_as_test(InThisRun, settings=effort(20, steps=25))
