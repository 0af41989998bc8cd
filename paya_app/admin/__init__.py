"""For those who look after the network: what was asked of vendors, and work that was given up.

Every verb asks the database whether the actor holds the role, and leaves a record of it; the database's functions ask
again.
"""

from paya_app.admin.operations import STATES, DeadLetter, Operation, dead_letters, is_admin, operations, replay

__all__ = ["STATES", "DeadLetter", "Operation", "dead_letters", "is_admin", "operations", "replay"]
