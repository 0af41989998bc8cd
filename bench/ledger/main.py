"""`paya bench ledger`: rounds, medians, bars."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import typer

from bench import reconcile
from bench.cast import as_json
from bench.ledger import bulk, calls
from bench.ledger.pgbench import MoneyPath, Round, paths, run_path, run_tpcb
from bench.ledger.server import Server, private_server

BATCHER_CALLERS = 32
WALLETS_PER_S_MIN = 60_000
DUE_PER_S_MIN = 20_000
GROWTH_MAX = 1.3
# as multiples of tpcb-like in the same round
RATIO_MIN = {"post": 1.5, "send": 1.25, "post_many(100)": 5.0, "hot merchant": 2.0}
POST_CPU_US_MAX = 220
POST_WAL_BYTES_MAX = 1200
BATCHER_RATIO_MIN = 3.0


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    rounds: int
    seconds: int
    people: int
    scale: int
    callers: tuple[int, ...]
    grown_accounts: int
    grown_entries: int
    reconciled_accounts: tuple[int, ...]


FULL = Size(3, 10, 10_000, 50, calls.CALLERS, 1_000_000, 10_000_000, reconcile.ACCOUNTS)
# everything once, to see that it runs; its figures mean nothing and its bars do not count
QUICK = Size(1, 1, 1_000, 1, (1, BATCHER_CALLERS), 2_000, 5_000, ())


@dataclass
class Report:
    """Lines as they come, figures for the end, and the bars that were missed."""

    say: Callable[[str], None]
    figures: dict[str, Any] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)

    def bar(self, name: str, value: float, *, at_least: float | None = None, at_most: float | None = None) -> None:
        """Compare a figure with what it must be."""
        if at_least is not None and value < at_least:
            self.missed.append(f"{name} is {value:.2f}, should be at least {at_least:g}")
        if at_most is not None and value > at_most:
            self.missed.append(f"{name} is {value:.2f}, should be at most {at_most:g}")


def measure(size: Size, report: Report) -> None:
    """Everything, on one private server."""
    report.say(f"starting a private server with {size.people} people (load of this machine {os.getloadavg()[0]:.1f})")
    with private_server(people=size.people, scale=size.scale) as server:
        _paths(server, size, report)
        _calls(server, size, report)
        _bulk(server, report)
        if size.grown_accounts:
            _growth(server, size, report)
    for accounts in size.reconciled_accounts:
        _reconciliation(accounts, report)
    report.figures["missed"] = report.missed


def _paths(server: Server, size: Size, report: Report) -> None:
    """Every path after a round of the yardstick; the ratio is to the mean of the yardstick's rounds around it."""
    all_paths = paths(server)
    rounds: dict[str, list[Round]] = {path.name: [] for path in all_paths}
    ratios: dict[str, list[float]] = {path.name: [] for path in all_paths}
    yardstick = [run_tpcb(server, size.seconds)]
    for number in range(size.rounds):
        for path in all_paths:
            rounds[path.name].append(run_path(server, path, size.seconds))
            yardstick.append(run_tpcb(server, size.seconds))
            around = (yardstick[-2].rate + yardstick[-1].rate) / 2
            ratios[path.name].append(rounds[path.name][-1].rate / around)
            report.say(
                f"round {number + 1} of {size.rounds}: {path.name} {rounds[path.name][-1].rate:,.0f}/s, "
                f"{ratios[path.name][-1]:.2f}x tpcb-like, {rounds[path.name][-1].cpu_us:.0f} µs"
            )
    report.figures["tpcb_like"] = {
        "per_s": _spread([one.rate for one in yardstick]),
        "cpu_us": _spread([one.cpu_us for one in yardstick]),
    }
    for name, taken in rounds.items():
        report.figures[name] = {
            "ratio": _spread(ratios[name]),
            "per_s": _spread([one.rate for one in taken]),
            "cpu_us": _spread([one.cpu_us for one in taken]),
            "wal_bytes": _spread([one.wal_bytes for one in taken]),
        }
        report.bar(f"{name}, times tpcb-like", median(ratios[name]), at_least=RATIO_MIN[name])
    report.bar("post, µs of the server", median(one.cpu_us for one in rounds["post"]), at_most=POST_CPU_US_MAX)
    report.bar("post, bytes of WAL", median(one.wal_bytes for one in rounds["post"]), at_most=POST_WAL_BYTES_MAX)


def _calls(server: Server, size: Size, report: Report) -> None:
    with calls.application(server):
        for callers in size.callers:
            single, batched = [], []
            for _ in range(size.rounds):
                for is_batched, rounds in ((False, single), (True, batched)):
                    taken = calls.measure(server, callers=callers, is_batched=is_batched, seconds=size.seconds)
                    rounds.append(asyncio.run(_and_dispose(taken)))
            ratio = median(b.rate / s.rate for s, b in zip(single, batched, strict=True))
            report.figures[f"python_{callers}_callers"] = {
                "single": _calls_figures(single),
                "batcher": _calls_figures(batched),
                "ratio": round(ratio, 2),
            }
            report.say(
                f"{callers} callers: batcher {median(b.rate for b in batched):,.0f}/s, {ratio:.2f}x single calls; "
                f"p99 {median(b.p99_ms for b in batched)} ms, single {median(s.p99_ms for s in single)} ms"
            )
            if callers == BATCHER_CALLERS:
                report.bar(f"batcher at {callers} callers, times single calls", ratio, at_least=BATCHER_RATIO_MIN)
                report.bar(
                    f"batcher at {callers} callers, p99 in ms",
                    median(b.p99_ms for b in batched),
                    at_most=median(s.p99_ms for s in single),
                )


async def _and_dispose(taken: Any) -> calls.Calls:
    from paya_app.core import db

    try:
        return await taken
    finally:
        await db.dispose()


def _calls_figures(rounds: list[calls.Calls]) -> dict[str, Any]:
    return {
        "per_s": _spread([one.rate for one in rounds]),
        "p50_ms": _spread([one.p50_ms for one in rounds]),
        "p99_ms": _spread([one.p99_ms for one in rounds]),
    }


def _bulk(server: Server, report: Report) -> None:
    rewards = [bulk.rewards_per_second(server) for _ in range(3)]
    due = [bulk.due_per_second(server, plans=server.people) for _ in range(3)]
    report.figures["rewards_wallets_per_s"] = _spread(rewards)
    report.figures["due_plans_per_s"] = _spread(due)
    report.say(f"rewards {median(rewards):,.0f} wallets/s, due work {median(due):,.0f} plans/s")
    report.bar("rewards, wallets per second", median(rewards), at_least=WALLETS_PER_S_MIN)
    report.bar("due work, plans per second", median(due), at_least=DUE_PER_S_MIN)


def _growth(server: Server, size: Size, report: Report) -> None:
    """What a transfer costs the server among few accounts and among many: two servers, asked in turn."""
    report.say(f"growing to {size.grown_accounts:,} accounts and {size.grown_entries:,} entries: some minutes")
    with private_server(people=server.people, scale=1) as second:
        bulk.grow(second, accounts=size.grown_accounts, entries=size.grown_entries)
        grown = Server(second.cluster, size.grown_accounts, second.first_account)
        before, after = _post_of(server), _post_of(grown)
        run_path(grown, after, size.seconds)  # the first round reads what growing pushed out of memory
        small, large = [], []
        for number in range(2 * size.rounds):
            small.append(run_path(server, before, size.seconds).cpu_us)
            large.append(run_path(grown, after, size.seconds).cpu_us)
            report.say(f"round {number + 1} of {2 * size.rounds}: {small[-1]:.0f} µs small, {large[-1]:.0f} µs grown")
    ratio = median(grown_us / small_us for small_us, grown_us in zip(small, large, strict=True))
    report.figures["growth"] = {
        "accounts": size.grown_accounts,
        "entries": size.grown_entries,
        "cpu_us_before": _spread(small),
        "cpu_us_after": _spread(large),
        "ratio": round(ratio, 2),
    }
    report.say(f"growth: {median(small):.0f} µs to {median(large):.0f} µs per transfer, {ratio:.2f}x")
    report.bar("growth, processor time per transfer", ratio, at_most=GROWTH_MAX)


def _post_of(server: Server) -> MoneyPath:
    return next(path for path in paths(server) if path.name == "post")


def _reconciliation(accounts: int, report: Report) -> None:
    """What `paya bench reconcile` measures, on a server of its own."""
    figures = reconcile.measure(accounts)
    name = f"reconciliation_{accounts}_accounts"
    report.figures[name] = figures
    report.say(f"reconciliation among {accounts:,} accounts: {figures['incremental_s_median']:.2f} s")
    report.bar(f"{name}, seconds", figures["incremental_s_median"], at_most=reconcile.BAR_S)


def _spread(figures: list[float]) -> dict[str, float]:
    return {"median": round(median(figures), 2), "min": round(min(figures), 2), "max": round(max(figures), 2)}


def main(*, is_quick: bool, as_json_only: bool, rounds: int | None = None, seconds: int | None = None) -> int:
    """Measure, print, and return the exit code: 1 when a bar was missed. A quick run has no bars."""
    size = QUICK if is_quick else FULL
    if rounds or seconds:
        from dataclasses import replace

        size = replace(size, rounds=rounds or size.rounds, seconds=seconds or size.seconds)
    report = Report(say=(lambda _line: None) if as_json_only else typer.echo)
    measure(size, report)
    typer.echo(as_json({"load": os.getloadavg()[0], **report.figures}))
    if is_quick:
        return 0
    for line in report.missed:
        typer.echo(f"MISSED: {line}", err=True)
    return 1 if report.missed else 0
