"""The stand-in's conversation: aiosmtpd's, which takes what it is given and keeps it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import psycopg_pool
from aiosmtpd.smtp import SMTP, Envelope

from paya_app.local.vendors.smtp.mails import Mails

MAIL_BYTES_MAX = 1024 * 1024
_NOWHERE = "invalid"  # RFC 2606: no mail gets there, and people can try what that is like


class _Handler:
    """What is kept, and what is refused. The names are aiosmtpd's."""

    def __init__(self, mails: Mails) -> None:
        self._mails = mails

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Addresses under `.invalid` do not exist."""
        if address.rpartition(".")[2].lower() == _NOWHERE:
            return "550 5.1.1 No such address"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep it."""
        content = envelope.content
        try:
            await self._mails.add(
                envelope.mail_from or "", envelope.rcpt_tos, content if isinstance(content, bytes) else b""
            )
        except (psycopg.OperationalError, psycopg_pool.PoolTimeout):
            return "451 4.3.0 The books cannot be written right now"
        return "250 OK"


@asynccontextmanager
async def serve_smtp(database_url: str, host: str, port: int) -> AsyncIterator[int]:
    """Serve while the block runs; gives the port, which is chosen when `port` is 0."""
    mails = Mails(database_url)
    handler = _Handler(mails)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(handler, hostname="localhost", ident="PaYa's stand-in", data_size_limit=MAIL_BYTES_MAX, loop=loop),
        host,
        port,
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await mails.close()
