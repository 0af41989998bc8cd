"""What the ledger asks for by the clock."""

from paya_app.core import db
from paya_app.core.actor import Actor

HOLDS_AT_ONCE = 500
# fewer new entries than this are added up as fast as a checkpoint is read
CHECKPOINT_ENTRIES_MIN = 1000


async def expire_holds() -> int:
    """Book the release of every hold past its time; returns how many."""
    expired = 0
    while True:
        rows = await db.query(Actor.service(), "select ledger.expire_holds(:maximum)", {"maximum": HOLDS_AT_ONCE})
        expired += rows[0][0]
        if rows[0][0] < HOLDS_AT_ONCE:
            return expired


async def take_checkpoints() -> int:
    """Write a checkpoint for each summing account with much that is new; returns how many."""
    rows = await db.query(
        Actor.service(), "select ledger.take_checkpoints(:entries_min)", {"entries_min": CHECKPOINT_ENTRIES_MIN}
    )
    return rows[0][0]
