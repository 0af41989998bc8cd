"""What runs beside the API: the clock of the banks, and the delivery of webhooks with retries."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import logging
from typing import Any

import httpx
import psycopg

from paya_app.local.chaos.mischief import Mischief, Mischiefs
from paya_app.local.chaos.post import post
from paya_app.local.vendors.dwolla.events import document
from paya_app.local.vendors.dwolla.processing import Pass, due_in_s, process
from paya_app.local.vendors.dwolla.state import Dwolla

ANSWER_WAIT_S = 10
AT_ONCE = 10
LOOK_EVERY_S = 5.0

_log = logging.getLogger(__name__)


async def run(dwolla: Dwolla) -> None:
    """Process what is due and deliver what is owed until cancelled; sleep until the next thing otherwise."""
    mischiefs = Mischiefs(dwolla.database_url)
    async with (
        contextlib.aclosing(mischiefs),
        httpx.AsyncClient(timeout=ANSWER_WAIT_S, follow_redirects=False, trust_env=False) as client,
    ):
        while True:
            dwolla.wake.clear()
            wait_s = LOOK_EVERY_S
            try:
                wait_s = await _step(dwolla, client, mischiefs)
            except psycopg.OperationalError as error:
                _log.warning("the database does not answer: %s", type(error).__name__)
                wait_s = 0.5
            try:
                await asyncio.wait_for(dwolla.wake.wait(), wait_s)
            except TimeoutError:
                continue


async def _step(dwolla: Dwolla, client: httpx.AsyncClient, mischiefs: Mischiefs) -> float:
    if dwolla.leg_s > 0:
        async with dwolla.transaction() as connection:
            await process(Pass(dwolla, connection), only_due=True)
    while batch := await _claim(dwolla):
        mischief = await mischiefs.of("dwolla")
        await asyncio.gather(*(_deliver(dwolla, client, delivery, mischief) for delivery in batch))
    async with dwolla.transaction() as connection:
        due = await due_in_s(connection) if dwolla.leg_s > 0 else None
        found = await connection.execute(
            "select extract(epoch from min(next_at) - clock_timestamp())::float8 as due from vendor_dwolla.delivery"
        )
        row = await found.fetchone()
    waits = [LOOK_EVERY_S, *(w for w in (due, row["due"] if row else None) if w is not None)]
    return max(min(waits), 0.01)


async def _claim(dwolla: Dwolla) -> list[dict[str, Any]]:
    """Take deliveries that are due; should this process die, they come up again after the lease."""
    async with dwolla.transaction() as connection:
        found = await connection.execute(
            "update vendor_dwolla.delivery d set attempts = d.attempts + 1,"
            " next_at = clock_timestamp() + %s * interval '1 s'"
            " from vendor_dwolla.subscription s, vendor_dwolla.event e"
            " where s.id = d.subscription_id and e.id = d.event_id and (d.event_id, d.subscription_id) in ("
            "   select event_id, subscription_id from vendor_dwolla.delivery"
            "   where next_at <= clock_timestamp() order by next_at limit %s for update skip locked)"
            " returning d.attempts, d.subscription_id, s.url, s.secret, e.*",
            (ANSWER_WAIT_S * 2, AT_ONCE),
        )
        return await found.fetchall()


async def _deliver(dwolla: Dwolla, client: httpx.AsyncClient, delivery: dict[str, Any], mischief: Mischief) -> None:
    written = document(dwolla, delivery)
    body = json.dumps(written | {"timestamp": written["created"]}).encode()
    headers = {
        "Content-Type": "application/json",
        "X-Dwolla-Topic": delivery["topic"],
        "X-Request-Signature-SHA-256": sign(delivery["secret"], body),
    }
    try:
        answer = str(await post(client, delivery["url"], content=body, headers=headers, mischief=mischief))
    except httpx.HTTPError as error:
        answer = type(error).__name__
    delivered = answer.startswith("2")
    retries = dwolla.retry_delays_s
    again_s = None if delivered or delivery["attempts"] > len(retries) else retries[delivery["attempts"] - 1]
    async with dwolla.transaction() as connection:
        await connection.execute(
            "update vendor_dwolla.delivery set last_answer = %(answer)s,"
            " delivered_at = case when %(delivered)s then clock_timestamp() end,"
            " next_at = clock_timestamp() + %(again)s::float8 * interval '1 s'"
            " where event_id = %(event)s and subscription_id = %(subscription)s and delivered_at is null",
            {
                "answer": answer,
                "delivered": delivered,
                "again": again_s,
                "event": delivery["id"],
                "subscription": delivery["subscription_id"],
            },
        )


def sign(secret: str, body: bytes) -> str:
    """Dwolla's signature of a webhook: hex HMAC-SHA256 of the raw body."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
