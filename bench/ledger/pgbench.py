"""Rounds of pgbench: what the clients saw, and what the server spent."""

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.ledger.server import Server

CLIENTS = 16
TPCB = "tpcb-like"


class RoundFailed(Exception):
    """pgbench ended otherwise than it should; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Round:
    """One run: transfers per second, and per transfer the server's processor time and write-ahead log."""

    rate: float
    cpu_us: float
    wal_bytes: float


@dataclass(frozen=True, slots=True)
class MoneyPath:
    """A path to measure: its pgbench script, and how many transfers one transaction of it makes."""

    name: str
    script: str
    transfers: int = 1


def paths(server: Server) -> list[MoneyPath]:
    """The paths that pgbench can drive."""
    half, first = server.people // 2, server.first_account
    claims = """'{"sub":"00000000-0000-7000-8000-' || lpad((:n)::text, 12, '0') || '","role":"authenticated"}'"""
    giver = f"\\set n random(1, {half})\n"
    post = f"{giver}\\set t random({first + half}, {first + server.people - 1})\n"
    send = f"{giver}\\set t random({half + 1}, {server.people})\n"
    return [
        MoneyPath("post", f"{post}select bench.post_as({claims}, bench.new_id(), :t, 1);\n"),
        MoneyPath(
            "hot merchant",
            f"{giver}select bench.post_as({claims}, bench.new_id(), {_revenue(server)}, 1);\n",
        ),
        MoneyPath(
            "send",
            f"{send}select wallet.send_as({claims}, bench.new_id(), 'u' || lpad((:t)::text, 8, '0'), 1, 'for lunch', "
            "'public');\n",
        ),
        MoneyPath("post_many(100)", f"select bench.post_hundred({first}, {server.people});\n", 100),
    ]


def make_tpcb(server: Server, scale: int) -> None:
    """The yardstick's tables."""
    _pgbench(server, "-i", "-q", "-s", str(scale), server.url(database="tpcb"))


def run_tpcb(server: Server, seconds: int) -> Round:
    """One round of the yardstick."""
    return _measured(server, 1, seconds, "-b", TPCB, server.url(database="tpcb"))


def run_path(server: Server, path: MoneyPath, seconds: int, *, clients: int = CLIENTS) -> Round:
    """One round of a path, as the application's login role."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(path.script)
        script.flush()
        return _measured(server, path.transfers, seconds, "-f", script.name, server.url("paya_app"), clients=clients)


def _measured(server: Server, transfers: int, seconds: int, *arguments: str, clients: int = CLIENTS) -> Round:
    wal_from, cpu_from = server.value("select pg_current_wal_insert_lsn()::text"), server.processor_s()
    common = ("-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(seconds))
    said = _pgbench(server, *common, *arguments)
    cpu_s = server.processor_s() - cpu_from
    wal = float(server.value("select pg_current_wal_insert_lsn() - %s::pg_lsn", (wal_from,)))
    rate, count = _number(said, r"tps = ([\d.]+)"), _number(said, r"actually processed: (\d+)")
    if re.search(r"failed transactions: [1-9]", said) or not count:
        raise RoundFailed(said[-2000:])
    made = count * transfers
    return Round(rate * transfers, cpu_s / made * 1e6, wal / made)


def _pgbench(server: Server, *arguments: str) -> str:
    program = Path(server.cluster.binaries.program("pgbench"))
    ran = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise RoundFailed((ran.stdout + ran.stderr)[-2000:])
    return ran.stdout


def _number(said: str, pattern: str) -> float:
    found = re.search(pattern, said)
    return float(found.group(1)) if found else 0.0


def _revenue(server: Server) -> int:
    return server.value("select ledger.system_account('revenue')")
