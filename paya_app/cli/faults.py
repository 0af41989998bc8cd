"""`paya faults`: attacks on a PaYa of their own."""

from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True, help="Attacks on a PaYa of their own; each exits non-zero when money went wrong."
)


@app.command("worker")
def faults_worker(
    *,
    loads: Annotated[int, typer.Option(min=1, help="How many loads go through meanwhile.")] = 500,
    seed: Annotated[int, typer.Option(help="Chooses who loads how much, and when the worker dies.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures only.")] = False,
) -> None:
    """Kill -9 the worker every five seconds while loads go through: sums exact, no duplicate at the bank's books."""
    from bench.killed_worker import main

    raise typer.Exit(main(loads=loads, seed=seed, as_json_only=as_json))


@app.command()
def kill(
    *,
    seed: Annotated[int, typer.Option(help="Chooses who pays whom.")] = 1,
    rounds: Annotated[int, typer.Option(min=1, help="How often each program is killed.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures only.")] = False,
) -> None:
    """Kill -9 each program in turn, the database too, while payments and loads run."""
    from bench.kill import main

    raise typer.Exit(main(seed=seed, rounds=rounds, as_json_only=as_json))


@app.command()
def bank(
    *,
    seconds: Annotated[
        int, typer.Option(min=1, help="How long; from 120 on, fewer than 40 faults are a failure.")
    ] = 60,
    seed: Annotated[int, typer.Option(help="Decides what is asked and what goes wrong.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures only.")] = False,
) -> None:
    """Twenty workers on eight wallets while the database is killed, stopped, paused and cut off from them."""
    from bench.bank import main

    raise typer.Exit(main(seconds=seconds, seed=seed, as_json_only=as_json))


@app.command("savings")
def faults_savings(
    *,
    waves: Annotated[int, typer.Option(min=1, help="How often everybody's plan is due; the first seven differ.")] = 14,
    seed: Annotated[int, typer.Option(help="Chooses who buys how much, and what goes wrong when.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures only.")] = False,
) -> None:
    """Plans buy while the exchange fails in every way and the worker is killed: both books the same to the satoshi."""
    from bench.savings_faults import main

    raise typer.Exit(main(waves=waves, seed=seed, as_json_only=as_json))
