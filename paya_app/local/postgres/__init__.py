"""The embedded Postgres: a real server of our own, with what hosted Supabase provides.

`ensure(home)` attaches to the server of a home, or starts it, or makes it first; it stays up until
`Cluster.stop()`. A supervisor that wants to own the server's process takes `create(home)` and
`foreground_command(cluster)` instead. `prepare(cluster)` then makes a database ready: bootstrap, migrations,
passwords.
"""

from paya_app.local.postgres.cluster import (
    Cluster,
    create,
    ensure,
    foreground_command,
    wait_for_release,
    wait_until_ready,
)
from paya_app.local.postgres.faults import PostgresFault
from paya_app.local.postgres.preparation import prepare

__all__ = [
    "Cluster",
    "PostgresFault",
    "create",
    "ensure",
    "foreground_command",
    "prepare",
    "wait_for_release",
    "wait_until_ready",
]
