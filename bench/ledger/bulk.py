"""Many wallets in one statement: a week's rewards, a morning's purchases; and growth to a million accounts."""

import time

from bench.ledger.server import Server

REWARD_CHUNK = 5_000
DUE_CHUNK = 2_000
PEOPLE_CHUNK = 50_000


def rewards_per_second(server: Server) -> float:
    """Wallets paid per second when everybody gets a reward, in chunks, a transaction each."""
    with server.connect() as connection:
        began, paid = time.perf_counter(), 0
        for first in range(server.first_account, server.first_account + server.people, REWARD_CHUNK):
            last = min(first + REWARD_CHUNK, server.first_account + server.people) - 1
            connection.execute(
                "select ledger.distribute(bench.new_id(), ledger.system_account('rewards_pool'), x.ids, x.cents, "
                "'reward') from (select array_agg(n) as ids, array_agg(7::bigint) as cents "
                "from generate_series(%s::bigint, %s::bigint) n) x",
                (first, last),
            )
            paid += last - first + 1
        return paid / (time.perf_counter() - began)


def due_per_second(server: Server, *, plans: int) -> float:
    """Plans run per second when all are due at once: claimed, paid and noted as done, in chunks."""
    with server.connect() as connection:
        connection.execute("delete from jobs.due_work where queue = 'bench'")
        connection.execute(
            "select jobs.add_due('bench', array_agg(bench.person(n)), array_agg(now() - interval '1 minute')) "
            "from generate_series(1, %s::bigint) n",
            (min(plans, server.people),),
        )
        connection.execute("analyze jobs.due_work")
        began, ran = time.perf_counter(), 0
        while True:
            row = connection.execute("select bench.run_due(%s)", (DUE_CHUNK,)).fetchone()
            if not row or not row[0]:
                return ran / (time.perf_counter() - began)
            ran += row[0]


def grow(server: Server, *, accounts: int, entries: int) -> Server:
    """The same server with `accounts` wallets and at least `entries` entries; the new ones belong to nobody else."""
    with server.connect() as connection:
        for first in range(server.people + 1, accounts + 1, PEOPLE_CHUNK):
            last = min(accounts, first + PEOPLE_CHUNK - 1)
            connection.execute(
                "insert into ledger.account (asset, kind, owner, min_balance) "
                "select 'USD', 'wallet', bench.person(n), 0 from generate_series(%s::bigint, %s::bigint) n order by n",
                (first, last),
            )
        ids = connection.execute(
            "select array_agg(id order by id) from ledger.account where kind = 'wallet'"
        ).fetchone()
        wallets = ids[0] if ids else []
        written = 0
        while written < entries:
            for first in range(0, len(wallets), 20_000):
                connection.execute(
                    "select ledger.distribute(bench.new_id(), ledger.system_account('reserve'), %s::bigint[], "
                    "array_fill(1000::bigint, array[%s]), 'bench_mint')",
                    (wallets[first : first + 20_000], len(wallets[first : first + 20_000])),
                )
            written += len(wallets)
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")
    return server
