"""What the stand-in runs on: its database, its address, its keys."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

TABLES = Path(__file__).with_name("tables.sql")

Connection = AsyncConnection[DictRow]


@dataclass(slots=True)
class Plaid:
    """One running stand-in.

    Attributes:
        base_url: how it is reached, by PaYa and by browsers.
        retry_delays_s: seconds before each further attempt to deliver a webhook.
    """

    database_url: str
    base_url: str
    client_id: str
    secret: str
    retry_delays_s: tuple[float, ...]
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    _pool: AsyncConnectionPool[Connection] | None = None

    async def open(self) -> None:
        """Connect, and make the tables and the signing key when they are not there."""
        pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
            self.database_url,
            min_size=1,
            max_size=4,
            open=False,
            kwargs={"autocommit": True, "row_factory": dict_row, "application_name": "paya-vendor-plaid"},
            check=AsyncConnectionPool.check_connection,
        )
        await pool.open(wait=True, timeout=10)
        self._pool = pool
        async with self.transaction() as connection:
            await connection.execute("select pg_advisory_xact_lock(hashtext('vendor_plaid'))")
            found = await connection.execute("select to_regnamespace('vendor_plaid') is null as missing")
            if (await found.fetchone() or {}).get("missing"):
                await connection.execute("create schema vendor_plaid")
            await connection.execute(TABLES.read_bytes())
            known = await connection.execute("select kid from vendor_plaid.signing_key where expired is null")
            if await known.fetchone() is None:
                await self.new_key(connection)

    async def new_key(self, connection: Connection) -> None:
        """A signing key; those before it are expired."""
        jwk = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True)
        await connection.execute(
            "update vendor_plaid.signing_key set expired = clock_timestamp() where expired is null"
        )
        await connection.execute(
            "insert into vendor_plaid.signing_key (kid, jwk) values (%s, %s)", (str(uuid.uuid4()), json.dumps(jwk))
        )

    async def signature(self, connection: Connection, claims: dict[str, Any]) -> str:
        """`claims` as a JWT signed with the key in force."""
        found = await connection.execute("select kid, jwk from vendor_plaid.signing_key where expired is null")
        row = await found.fetchone()
        if row is None:
            message = "the Plaid stand-in has no signing key"
            raise RuntimeError(message)
        key = jwt.PyJWK(row["jwk"], "ES256").key
        return jwt.encode(claims, key, "ES256", headers={"kid": row["kid"]})

    async def close(self) -> None:
        """Close every connection."""
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One transaction in the stand-in's own schema."""
        if self._pool is None:
            message = "the Plaid stand-in is not open"
            raise RuntimeError(message)
        async with self._pool.connection() as connection, connection.transaction():
            yield connection
