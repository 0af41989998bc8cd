"""Thirty demo people who keep the embedded feed quietly alive.

They sign up, link the test bank, load money and pay through the same verbs as everybody; their profiles say
that they are demo people. In a new home they make the feed's first ten payments as soon as their money is there, so
that the first look at it finds it alive; from then on they pay at most once a minute, and only while somebody watches.
Never in tests, never hosted.
"""

import asyncio
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from paya_app import banking, identity, wallet
from paya_app.core import clock, db
from paya_app.core.actor import Actor
from paya_app.core.errors import PayaError
from paya_app.core.ids import new_id
from paya_app.identity.people import Person
from paya_app.local.demo_cast import CAST, NOTES, NUMBERS
from paya_app.providers import supabase_auth
from paya_app.providers.outcome import ProviderFailure

PAYS_AT_MOST_EVERY = timedelta(minutes=1)
OPENING_PAYMENTS = 10
LOOKS_EVERY_S = 1.0
LOAD_CENTS = 5000
LOW_CENTS = 2000

log = structlog.get_logger()


async def run(stop: asyncio.Event, watchers: Callable[[], int], *, seed: int = 7) -> None:
    """Bring the demo people in, let them open the feed, then pay while `watchers()` is above zero, until `stop`."""
    chance = random.Random(seed)  # noqa: S311 - which demo person pays whom is no secret
    cast: list[Person] = []
    opened = False
    paid_at = datetime.min.replace(tzinfo=clock.now().tzinfo)
    while not stop.is_set():
        try:
            if len(cast) < len(CAST):
                cast = await _cast()
            elif not opened and not (opened := await is_opened()):
                await pay(chance, cast)
            elif watchers() > 0 and clock.now() - paid_at >= PAYS_AT_MOST_EVERY and await pay(chance, cast):
                paid_at = clock.now()
        except (PayaError, ProviderFailure) as error:
            # a bank or a database that is away for a moment is no reason to end
            log.info("demo waits", reason=str(error))
        try:
            await asyncio.wait_for(stop.wait(), LOOKS_EVERY_S)
        except TimeoutError:
            continue


async def _cast() -> list[Person]:
    """The demo people, joined now where they have not yet."""
    sql = "select id, handle, name, is_demo, created_at from public.profiles where is_demo"
    known = {row.handle: Person(*row) for row in await db.query(Actor.visitor(), sql)}
    for phone, (handle, name) in zip(NUMBERS, CAST, strict=True):
        if handle not in known:
            user_id = await supabase_auth.create_user(phone=phone, app_metadata={"demo": True})
            actor = _as(user_id)
            known[handle] = await identity.claim_handle(actor, handle=handle, name=name)
            await _load(actor, name)
    return [known[handle] for handle, _ in CAST]


async def is_opened() -> bool:
    """Whether demo people have made the feed's first payments, in this run or an earlier one."""
    sql = """
        select count(*) from (
          select from public.payments p join public.profiles s on s.id = p.sender_id
          where s.is_demo and p.is_public limit :enough
        ) made
    """
    rows = await db.query(Actor.visitor(), sql, {"enough": OPENING_PAYMENTS})
    return rows[0][0] >= OPENING_PAYMENTS


async def pay(chance: random.Random, cast: list[Person]) -> bool:
    """One public payment between two of them; False when nobody asked had enough yet."""
    for giver in chance.sample(cast, 5):
        actor = _as(giver.id)
        available_cents = (await wallet.balance(actor)).available_cents
        if available_cents < LOW_CENTS and await banking.pending_cents(actor) == 0:
            await _load(actor, giver.name)
        cents = chance.randrange(300, LOW_CENTS)
        if available_cents >= cents:
            taker = chance.choice([person for person in cast if person.id != giver.id])
            await wallet.send(
                actor,
                payment_id=new_id(),
                to=taker.handle,
                amount_cents=cents,
                note=chance.choice(NOTES),
                audience="public",
            )
            return True
    return False


async def _load(actor: Actor, name: str) -> None:
    """Load from the test bank, linking and confirming it first when needed."""
    hint = banking.sandbox_hint()
    if hint is None or actor.user_id is None:
        return
    known = await banking.sources(actor)
    source = (
        known[0]
        if known
        else await banking.add_source(
            actor,
            source_id=new_id(),
            holder_name=name,
            routing=hint.routing,
            account=f"{actor.user_id.int % 10**10:010}",
            kind="checking",
        )
    )
    if source.state == "unverified":
        source = await banking.confirm_source(actor, source.id, hint.amounts_cents)
    if source.state == "verified":
        await banking.start_load(actor, load_id=new_id(), source_id=source.id, amount_cents=LOAD_CENTS)


def _as(user_id: UUID) -> Actor:
    return Actor.user({"sub": str(user_id), "aud": "authenticated", "role": "authenticated"})
