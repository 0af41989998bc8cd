"""Webhooks: what is owed to whom, and its delivery with retries, each attempt freshly signed."""

import asyncio
import contextlib
import hashlib
import json
import logging
import time
from typing import Any

import httpx
import psycopg

from paya_app.local.chaos.mischief import Mischief, Mischiefs
from paya_app.local.chaos.post import post
from paya_app.local.vendors.plaid.state import Connection, Plaid

ANSWER_WAIT_S = 10
AT_ONCE = 10
LOOK_EVERY_S = 5.0

_log = logging.getLogger(__name__)


async def owe(connection: Connection, url: str | None, body: dict[str, Any]) -> None:
    """Have `body` sent to `url`, when there is one."""
    if url:
        document = json.dumps(body | {"environment": "sandbox"}, indent=2)
        await connection.execute("insert into vendor_plaid.delivery (url, body) values (%s, %s)", (url, document))


async def run(plaid: Plaid) -> None:
    """Deliver what is owed until cancelled; sleep until the next thing otherwise."""
    mischiefs = Mischiefs(plaid.database_url)
    async with (
        contextlib.aclosing(mischiefs),
        httpx.AsyncClient(timeout=ANSWER_WAIT_S, follow_redirects=False, trust_env=False) as client,
    ):
        while True:
            plaid.wake.clear()
            wait_s = LOOK_EVERY_S
            try:
                wait_s = await _step(plaid, client, mischiefs)
            except psycopg.OperationalError as error:
                _log.warning("the database does not answer: %s", type(error).__name__)
                wait_s = 0.5
            try:
                await asyncio.wait_for(plaid.wake.wait(), wait_s)
            except TimeoutError:
                continue


async def _step(plaid: Plaid, client: httpx.AsyncClient, mischiefs: Mischiefs) -> float:
    while batch := await _claim(plaid):
        mischief = await mischiefs.of("plaid")
        await asyncio.gather(*(_deliver(plaid, client, delivery, mischief) for delivery in batch))
    async with plaid.transaction() as connection:
        found = await connection.execute(
            "select extract(epoch from min(next_at) - clock_timestamp())::float8 as due from vendor_plaid.delivery"
        )
        row = await found.fetchone()
    due = row["due"] if row else None
    return LOOK_EVERY_S if due is None else max(min(due, LOOK_EVERY_S), 0.01)


async def _claim(plaid: Plaid) -> list[dict[str, Any]]:
    """Take deliveries that are due; should this process die, they come up again after the lease."""
    async with plaid.transaction() as connection:
        found = await connection.execute(
            "update vendor_plaid.delivery set attempts = attempts + 1,"
            " next_at = clock_timestamp() + %s * interval '1 s'"
            " where id in (select id from vendor_plaid.delivery where next_at <= clock_timestamp()"
            "   order by next_at limit %s for update skip locked) returning *",
            (ANSWER_WAIT_S * 2, AT_ONCE),
        )
        return await found.fetchall()


async def _deliver(plaid: Plaid, client: httpx.AsyncClient, delivery: dict[str, Any], mischief: Mischief) -> None:
    body = delivery["body"].encode()
    async with plaid.transaction() as connection:
        claims = {"iat": int(time.time()), "request_body_sha256": hashlib.sha256(body).hexdigest()}
        signature = await plaid.signature(connection, claims)
    headers = {"Content-Type": "application/json", "Plaid-Verification": signature}
    try:
        answer = str(await post(client, delivery["url"], content=body, headers=headers, mischief=mischief))
    except httpx.HTTPError as error:
        answer = type(error).__name__
    delivered, retries = answer.startswith("2"), plaid.retry_delays_s
    again_s = None if delivered or delivery["attempts"] > len(retries) else retries[delivery["attempts"] - 1]
    async with plaid.transaction() as connection:
        await connection.execute(
            "update vendor_plaid.delivery set last_answer = %s,"
            " delivered_at = case when %s then clock_timestamp() end,"
            " next_at = clock_timestamp() + %s::float8 * interval '1 s' where id = %s and delivered_at is null",
            (answer, delivered, again_s, delivery["id"]),
        )
