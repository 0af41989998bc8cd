"""What the ledger promises, in plain Python: dictionaries, and the order in which refusals are decided."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

NEW_BUSINESS = {"payment", "redemption", "buy", "withdrawal", "conversion"}
Order = tuple[UUID, int, int, int, str]  # id, from, to, amount, kind


@dataclass
class Hold:
    """Money set aside."""

    account: int
    amount: int
    expires_at: int | None
    captured: int = 0
    state: str = "open"


@dataclass
class Model:
    """Balances, and the rules of moving them. `clock` is in hours."""

    balance: dict[int, int]
    asset: dict[int, str]
    summing: set[int]
    floorless: set[int]
    state: dict[int, str] = field(default_factory=dict)
    posted: dict[UUID, tuple[Order, int | None]] = field(default_factory=dict)
    holds: dict[UUID, Hold] = field(default_factory=dict)
    captures: dict[UUID, tuple[object, ...]] = field(default_factory=dict)
    chunks: dict[UUID, tuple[list[Order], list[str | None]]] = field(default_factory=dict)
    clock: int = 0

    def held(self, account: int) -> int:
        """What open holds have left of an account."""
        return sum(h.amount - h.captured for h in self.holds.values() if (h.account, h.state) == (account, "open"))

    def available(self, account: int) -> float:
        """What may be spent."""
        return float("inf") if account in self.floorless else self.balance[account] - self.held(account)

    def post(self, order: Order) -> str | None:
        """Move it, or say why not."""
        key, giver, taker, amount, kind = order
        if not 1 <= amount <= 10**15:
            return "amount_invalid"
        if giver == taker:
            return "transfer_malformed"
        if key in self.posted:
            return None if self.posted[key][0] == order else "key_reused"
        if giver not in self.asset or taker not in self.asset:
            return "account_unknown"
        if self.asset[giver] != self.asset[taker]:
            return "asset_mismatch"
        if kind in NEW_BUSINESS and (self.state.get(giver, "active") != "active" or self.state.get(taker) == "frozen"):
            return "account_unavailable"
        if self.available(giver) < amount:
            return "insufficient_funds"
        self.balance[giver] -= amount
        self.balance[taker] += amount
        self.posted[key] = (order, None if giver in self.summing else self.balance[giver])
        return None

    def post_many(self, orders: Sequence[Order], groups: Sequence[int | None]) -> list[str | None]:
        """Each in turn; neighbours of a group all or none; an id twice is one."""
        answers: list[str | None] = []
        firsts: dict[UUID, int] = {}
        start = 0
        for n, order in enumerate(orders):
            same_group = n > 0 and groups[n] is not None and groups[n] == groups[n - 1]
            start = start if same_group else n
            if same_group and answers[start] is not None:
                answers.append("linked_refused")
                firsts.setdefault(order[0], n)
                continue
            first = firsts.setdefault(order[0], n)
            if not same_group:
                before = (dict(self.balance), dict(self.posted))
                is_known = order[0] in self.posted or first < n
            if (
                same_group
                and 1 <= order[3] <= 10**15
                and order[1] != order[2]
                and (
                    (order[0] in before[1] or first < n) is not is_known  # pyright: ignore[reportPossiblyUnboundVariable]
                )
            ):
                answers.append("key_reused")  # a group is known whole or not at all
            elif first < n and order[0] not in self.posted and 1 <= order[3] <= 10**15 and order[1] != order[2]:
                answers.append(answers[first] if orders[first] == order else "key_reused")
            else:
                answers.append(self.post(order))
            if answers[n] is not None and groups[n] is not None:
                self.balance, self.posted = before  # pyright: ignore[reportPossiblyUnboundVariable]
                answers[start:n] = [a or "linked_refused" for a in answers[start:n]]
        return answers

    def distribute(self, chunk: list[Order]) -> str | None:
        """A chunk from a summing account, all or nothing; `chunk` has the transfers it makes."""
        done = self.chunk(chunk, [order[2] for order in chunk])
        return done if isinstance(done, str) else None

    def collect(self, chunk: list[Order]) -> str | list[str | None]:
        """A chunk into a summing account: who cannot pay is left out; `chunk` has the transfers it would make."""
        return self.chunk(chunk, [order[1] for order in chunk])

    def chunk(self, chunk: list[Order], accounts: list[int]) -> str | list[str | None]:
        """A chunk between one summing account and these: what became of each transfer, the same when asked again."""
        amounts = [order[3] for order in chunk]
        if not all(1 <= amount <= 10**15 for amount in amounts) or sum(amounts) > 10**15:
            return "amount_invalid"
        if len(set(accounts)) < len(accounts) or any(self.asset.get(a) != "USD" or a in self.summing for a in accounts):
            return "account_unknown"
        if chunk[0][0] in self.chunks:
            asked, answer = self.chunks[chunk[0][0]]
            return answer if asked == chunk else "key_reused"
        if any(key.bytes[:14] == chunk[0][0].bytes[:14] for key in self.posted):
            return "key_reused"
        self.chunks[chunk[0][0]] = chunk, [self.post(order) for order in chunk]
        return self.chunks[chunk[0][0]][1]

    def authorize(self, key: UUID, account: int, amount: int, expires_at: int | None) -> str | None:
        """Set it aside, or say why not."""
        if not 1 <= amount <= 10**15:
            return "amount_invalid"
        if account not in self.asset or account in self.summing:
            return "account_unknown"
        if key in self.holds:
            h = self.holds[key]
            return None if (h.account, h.amount, h.expires_at) == (account, amount, expires_at) else "key_reused"
        if self.state.get(account, "active") != "active":
            return "account_unavailable"
        if expires_at is not None and expires_at <= self.clock:
            return "hold_expired"
        if self.available(account) < amount:
            return "insufficient_funds"
        self.holds[key] = Hold(account, amount, expires_at)
        return None

    def capture(self, key: UUID, hold_id: UUID, legs: list[Order], *, is_final: bool) -> str | None:
        """Move what was set aside to one or several; `legs` has the transfers it makes."""
        if not all(1 <= leg[3] <= 10**15 for leg in legs):
            return "amount_invalid"
        hold = self.holds.get(hold_id)
        if hold is None:
            return "not_found"
        wanted = sum(leg[3] for leg in legs)
        if key in self.captures:
            return None if self.captures[key] == (hold_id, legs, is_final) else "key_reused"
        if hold.state == "expired" or (hold.state == "open" and self._is_due(hold)):
            return "hold_expired"
        if hold.state != "open":
            return "hold_closed"
        if wanted > hold.amount - hold.captured:
            return "capture_exceeds_hold"
        for leg in legs:
            if leg[1] == leg[2]:
                return "transfer_malformed"
            if self.asset.get(leg[2]) != self.asset[leg[1]]:
                return "asset_mismatch" if leg[2] in self.asset else "account_unknown"
        hold.captured += wanted
        for leg in legs:
            self.posted[leg[0]] = (leg, None)
            self.balance[leg[1]] -= leg[3]
            self.balance[leg[2]] += leg[3]
        if is_final or hold.captured == hold.amount:
            hold.state = "captured"
        self.captures[key] = (hold_id, legs, is_final)
        return None

    def release(self, hold_id: UUID) -> str | None:
        """Give back what is left."""
        hold = self.holds.get(hold_id)
        if hold is None:
            return "not_found"
        if hold.state == "captured":
            return "hold_closed"
        if hold.state == "open":
            hold.state = "released"
        return None

    def expire(self) -> int:
        """Give back what is past its time."""
        due = [h for h in self.holds.values() if h.state == "open" and self._is_due(h)]
        for hold in due:
            hold.state = "expired"
        return len(due)

    def _is_due(self, hold: Hold) -> bool:
        return hold.expires_at is not None and hold.expires_at <= self.clock
