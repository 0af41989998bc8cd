"""`paya bench`: measured figures."""

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Measured figures; each exits non-zero when its bar is missed.")


@app.command()
def live(*, as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False) -> None:
    """Click on "Pay" until it is painted on a signed-out watcher's feed (bar: p95 at most 300 ms)."""
    from bench.live import main

    raise typer.Exit(main(as_json=as_json))


@app.command()
def ledger(
    *,
    quick: Annotated[bool, typer.Option(help="Everything once and briefly, to see that it runs; no bars.")] = False,
    rounds: Annotated[int | None, typer.Option(min=1, help="How often each path is measured (3).")] = None,
    seconds: Annotated[int | None, typer.Option(min=1, help="How long each round lasts (10).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON only.")] = False,
) -> None:
    """The money core against pgbench's tpcb-like on one private server, as ratios (about 15 minutes)."""
    from bench.ledger.main import main

    raise typer.Exit(main(is_quick=quick, as_json_only=as_json, rounds=rounds, seconds=seconds))


@app.command("reconcile")
def bench_reconcile(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False
) -> None:
    """The nightly check after 10,000 transfers, among 10,000 and 1,000,000 accounts (bar: 0.3 s, about 2 minutes)."""
    from bench.reconcile import main

    raise typer.Exit(main(as_json_only=as_json))


@app.command()
def outage(
    *,
    operations: Annotated[
        int, typer.Option(min=1, help="How many loads are asked for while the bank is down.")
    ] = 10_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures only.")] = False,
) -> None:
    """Loads queued over an hour without the bank service, then sent (bars: no duplicate, no rest; about 5 minutes)."""
    from bench.outage import main

    raise typer.Exit(main(operations=operations, as_json_only=as_json))


@app.command("bank")
def bench_bank(*, as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False) -> None:
    """A load or a redemption taken in by the server: checked, held, queued, committed (bar: p95 at most 100 ms)."""
    from bench.enqueue import main

    raise typer.Exit(main(as_json_only=as_json))


@app.command("savings-years")
def bench_savings_years(
    *,
    seed: Annotated[int, typer.Option(help="Another number, other plans.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON only.")] = False,
) -> None:
    """Two years of 200 plans in twelve zones: each occurrence once, none before its time (bar: 10 minutes)."""
    from bench.savings_years import main

    raise typer.Exit(main(seed=seed, as_json_only=as_json))


@app.command("api")
def bench_api(*, as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False) -> None:
    """Plans made over HTTP by 16 programs at once (bar: p95 at most 50 ms in the server, about a minute)."""
    from bench.api import main

    raise typer.Exit(main(as_json_only=as_json))


@app.command("charges")
def bench_charges(
    *,
    quick: Annotated[bool, typer.Option(help="Few requests, to see that it runs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON only.")] = False,
) -> None:
    """Charges authorized over HTTP beside a route that does one INSERT, as ratios (about three minutes)."""
    from bench.charges import main

    raise typer.Exit(main(quick=quick, as_json_only=as_json))


@app.command("savings")
def bench_savings(
    *,
    quick: Annotated[bool, typer.Option(help="A fiftieth of the plans, to see that it runs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON only.")] = False,
) -> None:
    """Plans that are due, taken, ordered together and booked (bar: 100,000 in 10 s of the database)."""
    from bench.savings import main

    raise typer.Exit(main(quick=quick, as_json_only=as_json))
