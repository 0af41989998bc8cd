"""The workers: each asks for its operations one after the other, and again with the same key until it is told.

Payers call `wallet.send_as`, batchers `wallet.send_many`, holders the bench's door to `ledger.authorize`,
`capture_hold` and `release`. All connect as the application does, through the proxy.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.bank import plan
from bench.bank.client import PASSING, Client, Deadline, OutOfTime, Refused, Undone, Unknown
from bench.bank.history import History, Operation

SEND = "select wallet.send_as(%s, %s, %s, %s, %s, %s)"
SEND_MANY = """
select result, code from wallet.send_many(%s::text[], %s::uuid[], %s::text[], %s::bigint[], %s::text[], %s::text[])
order by n
"""
AUTHORIZE = "select bench.authorize(%s, %s, %s)"
CAPTURE = "select bench.capture(%s, %s, %s::text[], %s::bigint[], %s)"
RELEASE = "select bench.release(%s)"

STILL_THERE = "select pid from pg_stat_activity where pid = any(%s)"

# How long a worker waits for an answer before it hangs up: drawn for each worker, and longer after each time.
PATIENCE_S = (0.5, 4.0)
PATIENCE_S_MAX = 10.0
ASIDE_S_MAX = 20.0
UNDONE_MAX = 20
ALLOWED = {
    "send": {"insufficient_funds", "limit_exceeded"},
    "authorize": {"insufficient_funds"},
    "capture": {"hold_closed", "capture_exceeds_hold"},
    "release": {"hold_closed"},
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the database says of one operation: its result, or the code of its refusal."""

    result: dict[str, Any]
    code: str | None = None


Ask = Callable[[Client, Sequence[Operation], float], Awaitable[list[Answer]]]


class Habits:
    """What a worker does around its calls. Sound workers do nothing; broken ones override a method."""

    def before_asking_again(self, operations: Sequence[Operation]) -> None:
        """The answer to these was lost; they are about to be asked for again."""

    async def after_answer(self, client: Client, operation: Operation) -> None:
        """This one was acknowledged; called before the worker counts it."""


@dataclass
class Workers:
    """What all workers of a run have in common.

    Attributes:
        claims: each person's verified claims, as JSON text, by handle.
        deadline: until when outcomes are sought; set when the run ends.
    """

    address: str
    claims: Mapping[str, str]
    history: History
    habits: Habits
    deadline: Deadline
    seed: int
    stopping: asyncio.Event

    async def pay(self, name: str) -> None:
        """One payer with two connections, until told to stop."""
        (client, patience), (rival, impatience) = self._client(name), self._client(f"{name}'s rival")
        for wish in plan.payments(self.seed, name, sorted(self.claims)):
            if self.stopping.is_set():
                break
            paying = self.settle(client, [wish.payment], self._send, patience)
            if wish.twin:
                await asyncio.gather(paying, self.settle(rival, [wish.twin], self._send_many, impatience))
            else:
                await paying
            if wish.again and wish.payment.state == "acknowledged":
                await self.settle(client, [wish.again], self._send, patience)
        await client.close()
        await rival.close()

    async def pay_many(self, name: str) -> None:
        """One batcher, until told to stop."""
        client, patience = self._client(name)
        for batch in plan.batches(self.seed, name, sorted(self.claims)):
            if self.stopping.is_set():
                break
            await self.settle(client, batch, self._send_many, patience)
        await client.close()

    async def hold(self, name: str) -> None:
        """One holder with two connections, until told to stop; every hold is closed in the end."""
        (client, patience), (rival, impatience) = self._client(name), self._client(f"{name}'s rival")
        for wish in plan.holds(self.seed, name, sorted(self.claims)):
            if self.stopping.is_set():
                break
            await self.settle(client, [wish.hold], self._authorize, patience)
            if wish.hold.state != "acknowledged":
                continue
            one, other = wish.race
            await asyncio.gather(
                self.settle(client, [one], self._close, patience), self.settle(rival, [other], self._close, impatience)
            )
            await self.settle(client, [wish.sweep], self._close, patience)
        await client.close()
        await rival.close()

    async def settle(self, client: Client, operations: Sequence[Operation], ask: Ask, patience_s: float) -> None:
        """Ask for these until each is answered for good.

        A refusal is final only when no earlier attempt can still be under way: a server process that was
        paused before it took its locks may commit after a later attempt was refused. So the processes of lost
        attempts are waited for, and the refused are asked for once more.
        """
        self.history.begin(operations)
        waiting, doubtful, undone_times = list(operations), set[int](), 0
        try:
            while waiting:
                if self.deadline.is_over() or undone_times > UNDONE_MAX:
                    raise OutOfTime
                try:
                    answers = await ask(client, waiting, patience_s)
                except Unknown as lost:
                    self.history.counts["unknown"] += 1
                    doubtful.add(lost.process)
                    for operation in waiting:
                        operation.unknown += 1
                    patience_s = min(2 * patience_s, PATIENCE_S_MAX)
                    self.habits.before_asking_again(waiting)
                    await asyncio.sleep(0.03 * client.chance.random())
                except Undone as undone:
                    undone_times += 1
                    self._note(undone)
                    await asyncio.sleep(0.03 * client.chance.random())
                else:
                    waiting = await self._take(client, waiting, answers, doubtful)
        except OutOfTime:
            for operation in waiting:
                self.history.give_up(operation)

    async def _take(
        self, client: Client, waiting: Sequence[Operation], answers: Sequence[Answer], doubtful: set[int]
    ) -> list[Operation]:
        """Count what is answered for good; the rest is returned."""
        left = []
        for operation, answer in zip(waiting, answers, strict=True):
            if answer.code is None:
                self._compare(operation, answer.result)
                await self.habits.after_answer(client, operation)
                self.history.acknowledge(operation, answer.result)
            elif answer.code == "ask_again" or doubtful:
                left.append(operation)
            else:
                self._judge_refusal(operation, answer.code)
                self.history.refuse(operation, answer.code)
        if left and doubtful:
            await self._until_ended(client, doubtful)
            doubtful.clear()
        return left

    async def _until_ended(self, client: Client, processes: set[int]) -> None:
        """Return when none of these server processes works any more; their statements may take 15 s at most."""
        until = time.monotonic() + ASIDE_S_MAX
        while time.monotonic() < until:
            try:
                if not await client.ask(STILL_THERE, (list(processes),), patience_s=PATIENCE_S_MAX):
                    return
            except (Unknown, Undone):
                pass
            await asyncio.sleep(0.05)

    def _compare(self, operation: Operation, result: dict[str, Any]) -> None:
        if operation.expects:
            self.history.violate("reused_key_accepted", f"{operation.key} for {operation.cents} cents")
        if operation.verb != "send":
            return
        told = (result.get("id"), result.get("amount_cents"), result.get("counterparty", {}).get("handle"))
        if told != (str(operation.key), operation.cents, operation.legs[0][0]):
            self.history.violate("wrong_answer", f"asked for {operation.key}, {operation.legs}; told {told}")

    def _judge_refusal(self, operation: Operation, code: str) -> None:
        allowed = {operation.expects} if operation.expects else ALLOWED[operation.verb]
        if code not in allowed:
            self.history.violate("unexpected_refusal", f"{operation.verb} {operation.key}: {code}")

    def _note(self, undone: Undone) -> None:
        self.history.counts[f"undone_{undone.sqlstate}"] += 1
        if undone.sqlstate == "40P01":
            self.history.violate("deadlock", undone)
        elif undone.sqlstate not in PASSING:
            self.history.violate("unexpected_error", undone)

    def _client(self, name: str) -> tuple[Client, float]:
        chance: random.Random = plan.chance_of(self.seed, f"{name}'s manner")
        return Client(self.address, deadline=self.deadline, chance=chance), chance.uniform(*PATIENCE_S)

    async def _send(self, client: Client, operations: Sequence[Operation], patience_s: float) -> list[Answer]:
        (o,) = operations
        params = (self.claims[o.giver], o.key, o.legs[0][0], o.cents, _note_of(o), "private")
        return await _one(client, SEND, params, patience_s)

    async def _send_many(self, client: Client, operations: Sequence[Operation], patience_s: float) -> list[Answer]:
        params = (
            [self.claims[o.giver] for o in operations],
            [o.key for o in operations],
            [o.legs[0][0] for o in operations],
            [o.cents for o in operations],
            [_note_of(o) for o in operations],
            ["private" for _ in operations],
        )
        try:
            rows = await client.ask(SEND_MANY, params, patience_s=patience_s)
        except Refused as refused:
            return [Answer({}, refused.code) for _ in operations]
        return [Answer(result or {}, code) for result, code in rows]

    async def _authorize(self, client: Client, operations: Sequence[Operation], patience_s: float) -> list[Answer]:
        (o,) = operations
        return await _one(client, AUTHORIZE, (o.key, o.giver, o.cents), patience_s)

    async def _close(self, client: Client, operations: Sequence[Operation], patience_s: float) -> list[Answer]:
        (o,) = operations
        if o.verb == "release":
            return await _one(client, RELEASE, (o.hold,), patience_s)
        takers, cents = [leg[0] for leg in o.legs], [leg[1] for leg in o.legs]
        return await _one(client, CAPTURE, (o.key, o.hold, takers, cents, o.is_final), patience_s)


async def _one(client: Client, sql: Any, params: Sequence[Any], patience_s: float) -> list[Answer]:
    try:
        rows = await client.ask(sql, params, patience_s=patience_s)
    except Refused as refused:
        return [Answer({}, refused.code)]
    return [Answer(rows[0][0])]


def _note_of(operation: Operation) -> str:
    return f"for {operation.giver[-2:]}"
