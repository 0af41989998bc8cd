"""`paya bench reconcile`: the nightly check after 10,000 transfers, among 10,000 and among 1,000,000 accounts.

A private server with the buffers of `paya bench ledger`, everything on. The bar is the same for both: what a run
costs follows the new transfers.
"""

import json
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg
import typer

from bench.ledger.server import SETTINGS, Server
from paya_app.local import postgres
from paya_app.local.postgres.preparation import prepare

ACCOUNTS = (10_000, 1_000_000)
TRANSFERS = 10_000
ROUNDS = 5
BAR_S = 0.3
CHUNK = 20_000
BATCH = 500
CENTS = 10_000

_OPEN = """
insert into ledger.account (asset, kind, owner, min_balance)
select 'USD', 'wallet', gen_random_uuid(), 0 from generate_series(1, %s)"""
_FUND = """
select ledger.distribute(
  gen_random_uuid(), ledger.system_account('reserve'), array_agg(w.id), array_agg(%s::bigint), 'bench')
from (select id from ledger.account where kind = 'wallet' and id > %s order by id limit %s) w"""
_POST = """
select count(*) from ledger.post_many(
  (select array_agg(gen_random_uuid()) from generate_series(1, %(n)s)), %(givers)s::bigint[], %(takers)s::bigint[],
  array_fill(1::bigint, array[%(n)s]), array_fill('bench'::text, array[%(n)s])) p where p.refusal is null"""


def measure(accounts: int, rounds: int = ROUNDS, transfers: int = TRANSFERS) -> dict[str, Any]:
    """Seconds of each incremental run after so many transfers, and of one full run."""
    with tempfile.TemporaryDirectory(prefix="paya-reconcile-") as home:
        cluster = postgres.ensure(Path(home), settings=SETTINGS)
        try:
            prepare(cluster, "postgres", clock=False)
            with psycopg.connect(cluster.url("supabase_admin"), autocommit=True) as connection:
                times = rounds_on(Server(cluster, 0, 0), connection, accounts, rounds, transfers)
        finally:
            cluster.stop()
    return {"accounts": accounts, "transfers": transfers, **times}


def rounds_on(
    server: Server, connection: psycopg.Connection[Any], accounts: int, rounds: int, transfers: int
) -> dict[str, Any]:
    """Fill the database and measure; `processor_s` says what a run costs when others keep the machine busy."""
    chance = random.Random(1)  # noqa: S311 - who pays whom here is no secret
    connection.execute(_OPEN, (accounts,))
    first, last = connection.execute("select min(id), max(id) from ledger.account where kind = 'wallet'").fetchall()[0]
    for start in range(first - 1, last, CHUNK):
        connection.execute(_FUND, (CENTS, start, CHUNK))
    connection.execute("vacuum analyze")
    full_s, _ = _run(server, connection, is_full=True)
    runs = []
    for _ in range(rounds):
        for _ in range(0, transfers, BATCH):
            pairs = [chance.sample(range(first, last + 1), 2) for _ in range(BATCH)]
            giving, taking = zip(*pairs, strict=True)
            connection.execute(_POST, {"n": BATCH, "givers": list(giving), "takers": list(taking)})
        runs.append(_run(server, connection, is_full=False))
    times, processor = zip(*runs, strict=True)
    return {
        "full_s": full_s,
        "incremental_s": times,
        "incremental_s_median": sorted(times)[rounds // 2],
        "incremental_processor_s_median": sorted(processor)[rounds // 2],
    }


def _run(server: Server, connection: psycopg.Connection[Any], *, is_full: bool) -> tuple[float, float]:
    """One run as a job makes it, in a session of its own: seconds, and seconds of processor."""
    used = server.processor_s()
    with psycopg.connect(connection.info.dsn, password=connection.info.password) as job:
        began = time.perf_counter()
        found = job.execute("select * from ledger.reconcile(%s)", (is_full,)).fetchall()
        took_s = time.perf_counter() - began
        used = server.processor_s() - used
    if found:
        raise AssertionError(f"a healthy ledger has findings: {found[:3]}")
    return round(took_s, 3), round(used, 3)


def main(*, as_json_only: bool = False) -> int:
    """Print the figures; 1 when the median misses the bar."""
    figures = [measure(accounts) for accounts in ACCOUNTS]
    if as_json_only:
        typer.echo(json.dumps(figures))
    else:
        for figure in figures:
            typer.echo(
                f"{figure['accounts']:>9,} accounts: {figure['incremental_s_median']:.3f} s after "
                f"{TRANSFERS:,} transfers (bar {BAR_S}), "
                f"{figure['incremental_processor_s_median']:.2f} s of processor; "
                f"a full run {figure['full_s']:.1f} s"
            )
    return int(any(figure["incremental_s_median"] > BAR_S for figure in figures))
