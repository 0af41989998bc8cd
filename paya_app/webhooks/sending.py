"""From events to receivers: making deliveries, and sending what is due.

Each try is noted in a transaction of its own, then sent while nothing is held, then settled. Who dies in between leaves
a try that is found lost a minute later and made again with the same webhook-id: receivers are told at least once, and
know a repetition by its id.
"""

import asyncio
import json
import ssl
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.as_service import as_service
from paya_app.core.clock import now
from paya_app.core.config import settings
from paya_app.core.crypto import Unsealable
from paya_app.core.errors import PayaError, ServiceUnavailable
from paya_app.webhooks.guard import Resolver, by_system
from paya_app.webhooks.posting import ANSWER_TIMEOUT_S, Result, post
from paya_app.webhooks.signing import signed_headers, unsealed, wrong_secret

AT_ONCE = 32
# one endpoint that answers slowly holds up its own messages and nobody else's
AT_EACH_ENDPOINT = 4
# longer than any try takes
LEASE = timedelta(seconds=60)
# within the lease, should the database be away for a moment
SETTLES_MAX = 5
SETTLE_PAUSE_S = 1.0
POLL_S = 0.3
# endpoints are held while these are placed
PLACED_AT_ONCE = 2000
FOLLOW_TIMEOUT_S = 300

log = structlog.get_logger()


async def follow() -> None:
    """Make the deliveries of all that happened since."""
    is_more = True
    while is_more:
        async with db.transaction(Actor.service()) as connection:
            # a month that passes in a minute is many events at once
            await connection.execute(text(f"set local statement_timeout = '{FOLLOW_TIMEOUT_S}s'"))
            found = await connection.execute(text("select webhooks.follow(:maximum)"), {"maximum": PLACED_AT_ONCE})
            is_more = found.scalar_one()


async def work(stop: asyncio.Event, *, resolve: Resolver = by_system) -> None:
    """Follow and send until `stop`, over lost connections; tries under way are cut off when the task is cancelled.

    Any number of workers may do this at once: the database gives each try to one of them.
    """
    running: set[asyncio.Task[None]] = set()
    stopping = asyncio.create_task(stop.wait())
    try:
        while not stop.is_set():
            started = await _start_due(running, resolve)
            # with more than fits at once, go on as soon as there is room; else look again in a while
            waited_for = {stopping, *running} if started else {stopping}
            await asyncio.wait(waited_for, timeout=POLL_S, return_when=asyncio.FIRST_COMPLETED)
            running = {task for task in running if not task.done()}
    except asyncio.CancelledError:
        for task in running:
            task.cancel()
        raise
    finally:
        stopping.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def send_due(
    *, resolve: Resolver = by_system, timeout_s: float = ANSWER_TIMEOUT_S, tls: ssl.SSLContext | None = None
) -> int:
    """Follow, and send everything that is due until nothing is; returns how many tries that were."""
    await follow()
    tries = 0
    while claimed := await claim(AT_ONCE):
        await asyncio.gather(*(deliver(each, resolve=resolve, timeout_s=timeout_s, tls=tls) for each in claimed))
        tries += len(claimed)
    return tries


async def claim(maximum: int) -> list[dict[str, Any]]:
    """Take what is due, `maximum` tries at most, each noted as begun; to be delivered within the lease."""
    rows = await db.query(
        Actor.service(),
        "select webhooks.claim(:maximum, :each, :lease)",
        {"maximum": maximum, "each": AT_EACH_ENDPOINT, "lease": LEASE},
    )
    return [row[0] for row in rows]


async def deliver(
    claimed: dict[str, Any],
    *,
    resolve: Resolver = by_system,
    timeout_s: float = ANSWER_TIMEOUT_S,
    tls: ssl.SSLContext | None = None,
) -> None:
    """Make one try that was claimed, and settle what became of it."""
    try:
        headers = _signed(claimed)
    except Unsealable:
        log.error("a webhook's secret cannot be opened", endpoint_id=claimed["endpoint_id"])
        result = Result(answer="We cannot open this endpoint's secret. Rotate it.")
    else:
        result = await post(
            claimed["url"],
            claimed["body"],
            headers,
            resolve=resolve,
            loopback_allowed=settings().embedded,
            timeout_s=timeout_s,
            tls=tls,
        )
    for left in reversed(range(SETTLES_MAX)):
        try:
            await _settle(claimed, result)
        except ServiceUnavailable:
            if not left:
                raise
            await asyncio.sleep(SETTLE_PAUSE_S)  # what is not settled is sent twice: worth asking again
        else:
            return


async def _settle(claimed: dict[str, Any], result: Result) -> None:
    """Note what became of a try; again changes nothing."""
    await as_service(
        "select webhooks.settle(:id, :number, :outcome, :status, :took_ms, cast(:headers as jsonb), :answer)",
        id=UUID(claimed["delivery_id"]),
        number=claimed["number"],
        outcome=result.outcome,
        status=result.status,
        took_ms=result.took_ms,
        headers=json.dumps(result.headers),
        answer=result.answer,
    )


async def _start_due(running: set[asyncio.Task[None]], resolve: Resolver) -> int:
    """Start what is due and fits; returns how many tries. A database that is away is asked again in a while."""
    if len(running) >= AT_ONCE:
        return len(running)
    try:
        if not (await db.call("select webhooks.has_work()", {}))[0][0]:
            return 0
        await follow()
        claimed = await claim(AT_ONCE - len(running))
    except ServiceUnavailable as error:
        log.warning("webhooks wait for the database", error=str(error))
        return 0
    running.update(asyncio.create_task(_deliver_and_say(each, resolve)) for each in claimed)
    return len(claimed)


async def _deliver_and_say(claimed: dict[str, Any], resolve: Resolver) -> None:
    """One try; what could not be settled is found lost later, and tried again, ten times in all."""
    try:
        await deliver(claimed, resolve=resolve)
    except Exception as error:  # noqa: BLE001 - a message that we cannot send must not end the telling of others
        kind = error.code if isinstance(error, PayaError) else type(error).__name__
        log.error("a webhook's try could not be settled", delivery_id=claimed["delivery_id"], error=kind)


def _signed(claimed: dict[str, Any]) -> dict[str, str]:
    """The headers of a try: two signatures during a rotation, one that nobody can check if test mode wants that."""
    endpoint_id, message_id = UUID(claimed["endpoint_id"]), claimed["message_id"]
    if "bad_signature" in claimed["mischief"]:
        secrets = [wrong_secret(message_id)]
    else:
        kept = (claimed["secret_sealed"], claimed["previous_sealed"])
        secrets = [unsealed(each, endpoint_id) for each in kept if each]
    return signed_headers(claimed["body"], message_id=message_id, at=now(), secrets=secrets)
