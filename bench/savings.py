"""`paya bench savings`: plans that are due, taken, paid for, ordered together and booked; seconds of the database.

One private server, everything durable. The exchange takes no part: its answer is what the booking begins with.
"""

import json
import time
from typing import Any

import psycopg
import typer

from bench.ledger.server import Server, private_server
from paya_app.core.ids import new_id

PLANS, QUICK_PLANS = 100_000, 2_000
AT_ONCE = 20_000
CENTS = 1_000
PRICE_CENTS = 10_000_000
SECONDS_MAX = 10.0
_PLANS = """
with made as (
  insert into savings.plan
    (id, person, name, amount_cents, frequency, zone, starts_on, minute_of_day, created_at, changed_at)
  select bench.new_id(), bench.person(n), 'Every day', %(cents)s, 'daily', 'UTC', current_date, 0, now(), now()
  from generate_series(1, %(plans)s) n returning id, person
)
insert into savings.buy (plan_id, person, due_at, amount_cents, created_at)
select id, person, date_trunc('minute', now()), %(cents)s, now() from made"""


def main(*, quick: bool, as_json_only: bool) -> int:
    """Measure, print, and return the exit code: 0 when every satoshi is somebody's, and unless quick the bar held."""
    plans = QUICK_PLANS if quick else PLANS
    typer.echo(f"a private server with {plans:,} people, each with a plan that is due …", err=True)
    with private_server(people=plans, scale=1) as server:
        figures = measure(server, plans)
    held = figures["seconds"] <= SECONDS_MAX * plans / PLANS
    exact = figures["sats_unaccounted"] == 0 == figures["cents_unaccounted"]
    figures |= {"held": held, "exact": exact}
    typer.echo(json.dumps(figures, indent=2))
    if not as_json_only:
        typer.echo(
            f"{plans:,} plans: {figures['seconds']:.1f} s of the database ({plans / figures['seconds']:,.0f}/s);"
            f" taken and collected {figures['taken_s']:.1f} s, booked {figures['booked_s']:.1f} s."
            f" Bar: {SECONDS_MAX:.0f} s for {PLANS:,}, {'held' if held else 'missed'}."
        )
    return 0 if exact and (held or quick) else 1


def measure(server: Server, plans: int) -> dict[str, Any]:
    """Seconds for each part, and what is left over of what the exchange was said to have filled."""
    with server.connect() as connection:
        connection.execute(_PLANS, {"plans": plans, "cents": CENTS})
        # as making a plan does
        connection.execute("select ledger.open_account(person, 'wallet', 'BTC') from savings.plan")
        connection.execute("vacuum analyze")
        taken_s, orders = _take(connection)
        booked_s = [_book(connection, order, count) for order, count in orders]
        sats_left, cents_left = connection.execute(
            "select -ledger.balance_of(ledger.system_account('btc_custody', 'BTC'))"
            " - (select coalesce(sum(balance), 0) from ledger.account where asset = 'BTC' and kind = 'wallet')"
            " - ledger.balance_of(ledger.system_account('rounding', 'BTC')),"
            " ledger.balance_of(ledger.system_account('exchange_in_transit'))"
        ).fetchall()[0]
    return {
        "plans": plans,
        "orders": len(orders),
        "seconds": round(sum(taken_s) + sum(booked_s), 2),
        "taken_s": round(sum(taken_s), 2),
        "booked_s": round(sum(booked_s), 2),
        "plans_taken_per_s": round(plans / sum(taken_s)),
        "sats_unaccounted": int(sats_left),
        "cents_unaccounted": int(cents_left),
    }


def _take(connection: psycopg.Connection[Any]) -> tuple[list[float], list[tuple[Any, int]]]:
    times, orders = [], []
    while True:
        order = new_id()
        begun = time.perf_counter()
        row = connection.execute(
            "select seen, ordered from savings.order_due(%s, %s, %s, %s)", (order, AT_ONCE, PRICE_CENTS, PRICE_CENTS)
        ).fetchone()
        times.append(time.perf_counter() - begun)
        if row is None or not row[0]:
            return times, orders
        orders.append((order, row[1]))
        typer.echo(f"{row[1]:,} ordered in {times[-1]:.2f} s", err=True)


def _book(connection: psycopg.Connection[Any], order: Any, count: int) -> float:
    sats = count * CENTS * 100_000_000 // PRICE_CENTS - 7
    begun = time.perf_counter()
    connection.execute(
        "select savings.book_fill(%s, %s, %s, %s, 0, 0)", (order, f"O-{order}", sats, count * CENTS * 10_000 - 1234)
    )
    spent_s = time.perf_counter() - begun
    typer.echo(f"{count:,} booked in {spent_s:.2f} s", err=True)
    return spent_s
