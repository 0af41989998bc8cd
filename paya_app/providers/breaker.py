"""A breaker for each vendor, shared by all processes: five outages in a row and it is left alone for a while.

purgatory decides what an outcome means; its state is kept in Postgres (`providers.provider_health`) by the
repository below, so that the fifth failure counts wherever it happens and one caller in all probes. Times are
the database's: clocks of machines may differ. Neither a lock nor a transaction is held while a vendor is called.

When the state cannot be read or written, calls go on: a breaker spares a vendor, it is no rule about money.
"""

import time
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any, TypeVar

import structlog
from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import Context, OpenedState
from purgatory.service._async.circuitbreaker import AsyncCircuitBreaker
from purgatory.service._async.repository import AsyncAbstractRepository
from purgatory.service._async.unit_of_work import AsyncAbstractUnitOfWork
from sqlalchemy.exc import SQLAlchemyError

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.config import settings
from paya_app.core.errors import PayaError
from paya_app.providers.outcome import ProviderFailure, Retryable

FAILURES_MAX = 5
# Longer than any call to a vendor takes; after it a probe is taken for dead, and another caller is the probe.
PROBE_S = 60.0
OPEN = "breaker_open"

Answer = TypeVar("Answer")
log = structlog.get_logger()


async def guarded(vendor: str, work: Callable[[], Awaitable[Answer]]) -> Answer:
    """What `work` gives, unless `vendor` is down.

    Raises:
        Retryable: `breaker_open`; `work` was not begun, and `retry_after_s` says when it may be.
        ProviderFailure: what `work` raised.
    """
    breaker = await _entered(vendor)
    if breaker is None:
        return await work()
    try:
        answer = await work()
    except ProviderFailure as failure:
        await _leave(breaker, failure)
        raise
    # anything else (a cancelled wait, a fault of ours) says nothing of the vendor; a probe's time runs out by itself
    await _leave(breaker, None)
    return answer


async def _entered(vendor: str) -> AsyncCircuitBreaker | None:
    try:
        breaker = await _breakers(settings().paya_breaker_s).get_breaker(vendor)
        return await breaker.__aenter__()
    except OpenedState as opened:
        wait_s = opened.opened_at + settings().paya_breaker_s - time.time()
        raise Retryable(OPEN, retry_after_s=max(wait_s, 1.0), is_outage=False) from None
    except (PayaError, SQLAlchemyError, OSError) as error:
        log.warning("a breaker cannot be read, the call goes on", vendor=vendor, error=type(error).__name__)
        return None


async def _leave(breaker: AsyncCircuitBreaker, failure: ProviderFailure | None) -> None:
    try:
        await breaker.__aexit__(type(failure) if failure else None, failure, None)
    except (PayaError, SQLAlchemyError, OSError) as error:
        log.warning("a breaker cannot be told", vendor=breaker.context.name, error=type(error).__name__)


@lru_cache(maxsize=4)
def _breakers(ttl_s: float) -> AsyncCircuitBreakerFactory:
    return AsyncCircuitBreakerFactory(
        default_threshold=FAILURES_MAX,
        default_ttl=ttl_s,
        exclude=[(ProviderFailure, lambda failure: not failure.is_outage)],
        uow=_InPostgres(),
    )


class _Repository(AsyncAbstractRepository):
    """purgatory's states as rows; what several processes decide at once, the row decides."""

    def __init__(self) -> None:
        self.messages = []

    async def get(self, name: str) -> Context | None:
        """The breaker as it stands for this caller, who may be made the probe by asking."""
        rows = await _asked("select * from providers.enter(:vendor, :probe)", vendor=name, probe=PROBE_S)
        if not rows:
            return None
        state, failures, threshold, ttl_s, wait_s = rows[0]
        # purgatory reckons with this machine's clock
        opened_at = time.time() - ttl_s + wait_s if state == "opened" else None
        return Context(name, threshold, ttl_s, state, failures, opened_at)

    async def register(self, context: Context) -> None:
        """A breaker that was not there."""
        await _asked(
            "select providers.register(:vendor, :threshold, :ttl)",
            vendor=context.name,
            threshold=context.threshold,
            ttl=context.ttl,
        )

    async def update_state(self, name: str, state: str, opened_at: float | None) -> None:  # noqa: ARG002 - its clock is ours
        """What a probe found. A closed breaker is opened by the failure that is one too many, not here."""
        if state in ("closed", "opened"):
            await _asked("select providers.end_probe(:vendor, :well)", vendor=name, well=state == "closed")

    async def inc_failures(self, name: str, failure_count: int) -> None:  # noqa: ARG002 - others count too
        """One more failure."""
        await _asked("select providers.count_failure(:vendor)", vendor=name)

    async def reset_failure(self, name: str) -> None:
        """It answered."""
        await _asked("select providers.forget_failures(:vendor)", vendor=name)


class _InPostgres(AsyncAbstractUnitOfWork):
    """Every statement is a transaction of its own: there is nothing to commit or to roll back."""

    def __init__(self) -> None:
        self.contexts = _Repository()

    async def commit(self) -> None:
        """Nothing is left to commit."""

    async def rollback(self) -> None:
        """Nothing is left to roll back."""


async def _asked(sql: str, **params: object) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await db.query(Actor.service(), sql, params)]
