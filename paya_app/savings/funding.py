"""Asking a plan's bank for the money of its buys, as many business days ahead as the plan says.

What its person agreed to is asked for in their name and under their limits; the load has the buy's id, so that it is
asked for once, whoever asks how often.
"""

import structlog

from paya_app import banking
from paya_app.core.actor import Actor
from paya_app.core.errors import PayaError
from paya_app.savings.schedule_ahead import bank_funded_due

log = structlog.get_logger()


async def load_ahead() -> int:
    """Start the loads that are to be started now; returns how many.

    One that is refused (a limit, an account that is restricted) is asked for again with the next tick until its buy
    is due: what the buy then finds no money for, it says.
    """
    started = 0
    for due in await bank_funded_due():
        person = Actor.user({"sub": str(due.person), "aud": "authenticated", "role": "authenticated"})
        try:
            await banking.start_load(person, load_id=due.buy_id, source_id=due.source_id, amount_cents=due.amount_cents)
            started += 1
        except PayaError as refusal:
            log.info("a plan's bank was not asked", buy=str(due.buy_id), code=refusal.code)
    return started
