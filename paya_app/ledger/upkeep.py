"""What the ledger asks for by the clock."""

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.events.errors import RecordRestored

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
    """Write a checkpoint for each summing account with much that is new; returns how many.

    Raises:
        RecordRestored: the database was restored and not rebased since; its transaction ids cut nothing yet.
    """
    rows = await db.query(
        Actor.service(),
        "select ledger.take_checkpoints(:entries_min) where not events.is_restored()",
        {"entries_min": CHECKPOINT_ENTRIES_MIN},
    )
    if not rows:
        raise RecordRestored
    return rows[0][0]
