"""What row level security lets a watcher read: topics to join, and rows of a followed table."""

import json
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow, dict_row, scalar_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from paya_app.local.realtime.changes import SCHEMA, TABLE
from paya_app.local.realtime.tokens import Identity

_BECOME = (
    "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true),"
    " set_config('realtime.topic', %s, true)"
)
_PROBE = (
    "insert into realtime.messages (topic, extension, payload, event, private)"
    " values (%s, 'broadcast', %s, 'probe', true) returning id"
)
_COLUMNS = """
select a.attname as name, t.typname as type from pg_attribute a join pg_type t on t.oid = a.atttypid
where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum
"""


class Authority:
    """Asks the database as the watcher. Its login role may take the three API roles, and owns the messages."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[TupleRow]]) -> None:
        self._pool = pool
        self._columns: list[dict[str, str]] = []

    async def may_read(self, name: str, identity: Identity) -> bool:
        """Whether the policies on realtime.messages show `identity` a broadcast on this topic.

        A message of the topic is written, looked for as the watcher, and rolled back.
        """
        async with self._pool.connection() as connection, connection.transaction(force_rollback=True):
            probe = connection.cursor(row_factory=scalar_row)
            await probe.execute(_PROBE, (name, Jsonb({})))
            probe_id = await probe.fetchone()
            await probe.execute(_BECOME, (identity.role, _claims(identity), name))
            await probe.execute("select exists (select from realtime.messages where id = %s)", (probe_id,))
            return bool(await probe.fetchone())

    async def rows(self, ids: list[UUID], identity: Identity) -> dict[str, dict[str, Any]]:
        """The payments with these ids that `identity` may read, as JSON objects by id."""
        async with self._pool.connection() as connection, connection.transaction():
            cursor = connection.cursor(row_factory=scalar_row)
            await cursor.execute(_BECOME, (identity.role, _claims(identity), ""))
            await cursor.execute("select to_jsonb(p) from public.payments p where p.id = any(%s)", (ids,))
            return {record["id"]: record async for record in cursor}

    async def columns(self) -> list[dict[str, str]]:
        """Name and type of the followed table's columns."""
        if not self._columns:
            async with self._pool.connection() as connection:
                cursor = connection.cursor(row_factory=dict_row)
                await cursor.execute(_COLUMNS, (f"{SCHEMA}.{TABLE}",))
                self._columns = await cursor.fetchall()
        return self._columns


def _claims(identity: Identity) -> str:
    return json.dumps(identity.claims)
