"""Accounts, the transfers between them, and money set aside.

The ledger is written in SQL (`supabase/migrations/*_ledger*.sql`): its functions are the only ones that move
money, and only other definer functions in the database may call them. Here is what the clock asks of it.
"""

from paya_app.ledger.reconciliation import Finding, reconcile
from paya_app.ledger.upkeep import expire_holds, take_checkpoints

__all__ = ["Finding", "expire_holds", "reconcile", "take_checkpoints"]
