"""Whether the database is a copy that was restored and not rebased since: then nothing may work on it.

Transaction ids start over in such a database. What is booked before the new era is opened would be placed,
sealed and summed as if it had happened long ago, or not at all.
"""

import psycopg
import structlog

from paya_app.events.errors import RecordRestored

IS_RESTORED = b"select events.is_restored()"

log = structlog.get_logger()


async def require_not_restored(database_url: str) -> None:
    """Refuse a restored database, asked as paya_worker. One that does not answer is left to who works on it.

    Raises:
        RecordRestored: the database was restored and not rebased since.
    """
    try:
        async with await psycopg.AsyncConnection.connect(
            database_url, autocommit=True, application_name="paya start", connect_timeout=3
        ) as connection:
            await refuse_restored(connection)
    except psycopg.Error as error:
        log.warning("could not ask whether this database was restored, going on", error=str(error).strip())


async def refuse_restored(connection: psycopg.AsyncConnection) -> None:
    """As `require_not_restored`, over a connection that is there.

    Raises:
        RecordRestored: the database was restored and not rebased since.
        psycopg.Error: it does not answer.
    """
    if await (await connection.execute(IS_RESTORED)).fetchone() == (True,):
        restored = RecordRestored()
        log.error(str(restored))
        raise restored
