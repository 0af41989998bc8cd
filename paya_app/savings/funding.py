"""Asking a plan's bank for the money of its buys, as many business days ahead as the plan says.

What its person agreed to is asked for in their name and under their limits; the load has the buy's id, so that it is
asked for once, whoever asks how often.
"""

from datetime import date, datetime, timedelta

import structlog

from paya_app import banking
from paya_app.banking.bank_days import NEW_YORK, after_bank_days
from paya_app.banking.stages import ACH_BANK_DAYS
from paya_app.core.actor import Actor
from paya_app.core.errors import PayaError
from paya_app.savings.checking import LEAD_BANK_DAYS
from paya_app.savings.schedule_ahead import bank_funded_due

log = structlog.get_logger()


async def lead_needed(actor: Actor) -> int:
    """How many business days before a buy the actor's bank is to be asked, so that its money is there in time.

    Raises:
        SignedOut: nobody is signed in.
    """
    held = (await banking.expectation(actor)).hold_bank_days
    return min(max(ACH_BANK_DAYS + held, LEAD_BANK_DAYS.start), LEAD_BANK_DAYS.stop - 1)


def asked_on(due_at: datetime, lead_bank_days: int) -> date:
    """The first day, in New York, on which the bank is asked for the money of a buy: `load_ahead` asks from then on."""
    day = due_at.astimezone(NEW_YORK)
    while after_bank_days(day - timedelta(days=1), lead_bank_days + 1) > due_at:
        day -= timedelta(days=1)
    return day.date()


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
