"""Payments that wait for each other go to the database together.

While one transaction commits, others queue; the next transaction takes all that queued (group commit). Nobody
waits for a timer: a payment that finds nothing under way leaves at once, alone. Two transactions may be under
way, since the second works while the first one's commit is being written.

A refusal reaches its own caller only. When a whole batch fails for a reason that is nobody's in particular,
each of its payments is made again by itself: all are keyed by their id, so that nothing happens twice.
"""

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from paya_app.core import db
from paya_app.core.errors import PayaError, ServiceUnavailable, from_code
from paya_app.wallet.models import Audience

BATCH_MAX = 200
UNDER_WAY_MAX = 2

_ONE = "select wallet.send_as(:claims, :payment_id, :to, :amount_cents, :note, :audience)"
_MANY = (
    "select n, result, code, facts from wallet.send_many(cast(:claims as text[]), cast(:payment_ids as uuid[]), "
    "cast(:handles as text[]), cast(:amounts_cents as bigint[]), cast(:notes as text[]), cast(:audiences as text[]))"
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Order:
    """One payment to make; `claims` are the verified claims of its sender, as JSON."""

    sender: UUID
    claims: str
    payment_id: UUID
    to: str
    amount_cents: int
    note: str
    audience: Audience


@dataclass(slots=True, eq=False)
class _Waiting:
    order: Order
    answer: asyncio.Future[dict[str, Any]]


async def send_one(order: Order) -> dict[str, Any]:
    """Make one payment by itself; the payment as `wallet.payment_json` shows it. Errors as in `wallet.send`."""
    rows = await db.call(
        _ONE,
        {
            "claims": order.claims,
            "payment_id": order.payment_id,
            "to": order.to,
            "amount_cents": order.amount_cents,
            "note": order.note,
            "audience": order.audience,
        },
    )
    return rows[0][0]


class Batcher:
    """The queue of one event loop."""

    def __init__(self, *, batch_max: int = BATCH_MAX, under_way_max: int = UNDER_WAY_MAX) -> None:
        self._batch_max = batch_max
        self._under_way_max = under_way_max
        self._queue: deque[_Waiting] = deque()
        # whose payment is in a transaction now: another of theirs is counted after it, so it waits
        self._senders: set[UUID] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_open = True

    async def send(self, order: Order) -> dict[str, Any]:
        """Make one payment, together with others that wait now. Errors as in `wallet.send`."""
        if not self._is_open:
            return await send_one(order)
        waiting = _Waiting(order, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._start()
        return await waiting.answer

    async def drain(self) -> None:
        """Let what waits be made; what comes from now on is made one by one."""
        self._is_open = False
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _start(self) -> None:
        if len(self._tasks) < self._under_way_max and (batch := self._take()):
            task = asyncio.create_task(self._make(batch))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        # both places may be free, and what waited for its sender may go now
        for _ in range(self._under_way_max):
            self._start()

    def _take(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        passed: list[_Waiting] = []
        while self._queue and len(batch) < self._batch_max:
            waiting = self._queue.popleft()
            if waiting.answer.done():  # its caller is gone, and nothing was begun
                continue
            if waiting.order.sender in self._senders:
                passed.append(waiting)
                continue
            self._senders.add(waiting.order.sender)
            batch.append(waiting)
        self._queue.extendleft(reversed(passed))
        return batch

    async def _make(self, batch: list[_Waiting]) -> None:
        try:
            if len(batch) == 1:
                await self._alone(batch[0])
            else:
                await self._together(batch)
        except BaseException:
            # stopped in the middle: what became of it is found again by the ids
            for waiting in batch:
                _fail(waiting, ServiceUnavailable())
            raise
        finally:
            self._senders.difference_update(waiting.order.sender for waiting in batch)

    async def _alone(self, waiting: _Waiting) -> None:
        try:
            result = await send_one(waiting.order)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is its caller's
            _fail(waiting, error)
        else:
            _succeed(waiting, result)

    async def _together(self, batch: list[_Waiting]) -> None:
        orders = [waiting.order for waiting in batch]
        try:
            rows = await db.call(
                _MANY,
                {
                    "claims": [order.claims for order in orders],
                    "payment_ids": [order.payment_id for order in orders],
                    "handles": [order.to for order in orders],
                    "amounts_cents": [order.amount_cents for order in orders],
                    "notes": [order.note for order in orders],
                    "audiences": [order.audience for order in orders],
                },
            )
        except ServiceUnavailable as error:
            for waiting in batch:
                _fail(waiting, error)
            return
        except Exception as error:  # noqa: BLE001 - one of them spoils the statement: each finds out by itself
            log.warning("a batch of payments is made one by one", count=len(batch), why=type(error).__name__)
            for waiting in batch:
                await self._alone(waiting)
            return
        for row in rows:
            result, code, facts = row.result, row.code, row.facts
            waiting = batch[row.n - 1]
            if code is None:
                _succeed(waiting, result)
            else:
                _fail(waiting, from_code(code, facts))


def _succeed(waiting: _Waiting, result: dict[str, Any]) -> None:
    if not waiting.answer.done():
        waiting.answer.set_result(result)


def _fail(waiting: _Waiting, error: Exception) -> None:
    if not waiting.answer.done():
        # one error object raised by several callers would grow a traceback across them
        waiting.answer.set_exception(type(error)(**error.facts) if isinstance(error, PayaError) else error)


_batchers: dict[asyncio.AbstractEventLoop, Batcher] = {}


def here() -> Batcher:
    """The batcher of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _batchers:
        for ended in [known for known in _batchers if known.is_closed()]:
            del _batchers[ended]
        _batchers[loop] = Batcher()
    return _batchers[loop]


async def drain() -> None:
    """Before the process ends: let the payments that wait be made."""
    with contextlib.suppress(KeyError):
        await _batchers.pop(asyncio.get_running_loop()).drain()
