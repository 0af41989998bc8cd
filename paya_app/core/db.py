"""The database: ordinary transactions as somebody, and hot calls in one round trip.

The login role may do nothing by itself (noinherit), so a transaction that forgot its role fails closed.
`transaction(actor)` sets the role and the claims in its first statement; row level security and `auth.uid()`
do the rest. Hot money paths are single statements that set both themselves (`call`, in AUTOCOMMIT).

A statement is never cancelled from here: when a caller gives up, the outcome is found again by the
operation's id.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from sqlalchemy import make_url, text
from sqlalchemy.engine import Row
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from paya_app.core.actor import Actor
from paya_app.core.config import settings
from paya_app.core.errors import AskAgain, PayaError, ServiceUnavailable, from_database

POOL_WAIT_S = 2
POOL_CONNECTIONS_MAX = 20

_BEGIN = text("select set_config('role', :role, true), set_config('request.jwt.claims', :claims, true)")
# For actors of a token: whether its session still is one is asked in the same round trip, within the transaction.
_BEGIN_IF_OPEN = text(
    "select set_config('role', :role, true), set_config('request.jwt.claims', :claims, true),"
    " identity.is_open_session(:session, :person)"
)
_engines: dict[tuple[str, bool], AsyncEngine] = {}


def driver_url(url: str) -> str:
    """`url` for SQLAlchemy's psycopg 3 dialect."""
    return make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def _engine(*, autocommit: bool) -> AsyncEngine:
    url = settings().database_url
    engine = _engines.get((url, autocommit))
    if engine is None:
        engine = create_async_engine(
            driver_url(url),
            # no overflow: a connection above pool_size is closed after each use, and made anew for the next one
            pool_size=POOL_CONNECTIONS_MAX,
            max_overflow=0,
            pool_timeout=POOL_WAIT_S,
            pool_pre_ping=False,
            pool_recycle=1800,
            # an error that is logged must not tell what it was about: names, numbers, secrets
            hide_parameters=True,
            isolation_level="AUTOCOMMIT" if autocommit else "READ COMMITTED",
            # a transaction pooler hands each transaction to another server session
            connect_args={"prepare_threshold": None, "connect_timeout": 3, "application_name": "paya"},
        )
        _engines[url, autocommit] = engine
    return engine


def _refusal(error: DBAPIError | PoolTimeout) -> PayaError | None:
    if isinstance(error, PoolTimeout):
        return ServiceUnavailable()
    if refused := from_database(error):
        return refused
    lost = isinstance(error, (OperationalError, InterfaceError)) or error.connection_invalidated
    broken = isinstance(error.orig, (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable))
    return ServiceUnavailable() if lost or broken else None


@asynccontextmanager
async def transaction(actor: Actor) -> AsyncIterator[AsyncConnection]:
    """One READ COMMITTED transaction as `actor`; commits when the block ends, rolls back when it raises.

    Raises:
        PayaError: what `private.refuse` said inside, or that the session of the actor's token is over.
        ServiceUnavailable: no connection within 2 s, or it was lost.
    """
    try:
        connection = await _begun(actor)
        try:
            yield connection
            await connection.commit()
        finally:
            await connection.close()  # rolls back what was not committed
    except (DBAPIError, PoolTimeout) as error:
        if refused := _refusal(error):
            raise refused from error
        raise


async def _begun(actor: Actor) -> AsyncConnection:
    """A connection in a transaction as `actor`; one that died while idle is replaced, for nothing was done yet."""
    for last in (False, True):
        connection = await _engine(autocommit=False).connect()
        try:
            await _begin_as(connection, actor)
        except BaseException as error:
            await connection.close()
            if last or not (isinstance(error, DBAPIError) and error.connection_invalidated):
                raise
        else:
            return connection
    raise ServiceUnavailable


async def _begin_as(connection: AsyncConnection, actor: Actor) -> None:
    parameters: dict[str, Any] = {"role": actor.role, "claims": actor.claims_to_look_at}
    if actor.session_over is None:
        await connection.execute(_BEGIN, parameters)
        return
    parameters |= {"session": actor.session_id, "person": actor.user_id}
    if not (await connection.execute(_BEGIN_IF_OPEN, parameters)).one()[2]:
        raise actor.session_over


async def query(actor: Actor, sql: str, params: Mapping[str, Any] | None = None) -> list[Row[Any]]:
    """The rows of one statement, in a transaction of its own as `actor`. Errors as in `transaction`."""
    async with transaction(actor) as connection:
        return list((await connection.execute(text(sql), params or {})).all())


async def call(sql: str, params: Mapping[str, Any]) -> list[Row[Any]]:
    """One statement in AUTOCOMMIT, for the functions that set role and claims themselves.

    A connection that died while idle is replaced and the call made once more: every such function is keyed
    by its operation's id, so that running it again is safe even when the first had committed. So is it when the
    database found the id in use at this very moment (`AskAgain`): the second call finds what became of it.

    Raises:
        PayaError: what `private.refuse` said.
        ServiceUnavailable: no connection within 2 s, or it was lost twice.
    """
    for last in (False, True):
        try:
            async with _engine(autocommit=True).connect() as connection:
                return list((await connection.execute(text(sql), params)).all())
        except (DBAPIError, PoolTimeout) as error:
            if not last and isinstance(error, DBAPIError) and error.connection_invalidated:
                continue
            refused = _refusal(error)
            if isinstance(refused, AskAgain) and not last:
                continue
            if refused:
                raise refused from error
            raise
    raise ServiceUnavailable


async def dispose() -> None:
    """Close every pooled connection (on shutdown, and between tests)."""
    while _engines:
        _, engine = _engines.popitem()
        await engine.dispose()
