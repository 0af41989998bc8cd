"""`paya faults savings`: plans buy while the exchange is down, fills in parts, loses answers, and the worker is killed.

People withdraw what was bought meanwhile, each to addresses of their own, and the worker is killed there too.
Two schedulers tick at once. At the end each buy has happened once or not at all, and what the stand-in exchange's own
books say has changed is what ours say, to the satoshi and the millionth of a dollar.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer

from bench.bankside import BankSide, Say, bankside
from bench.cast import as_json, join
from bench.kill import FLAWS as LEDGER_FLAWS
from paya_app import savings
from paya_app.core.actor import Actor
from paya_app.core.ids import new_id
from paya_app.local.chaos import Mischief

PEOPLE, PURSE_CENTS = 20, 100_000_000
LEAST_SATS, FEE_SATS = 20_000, 1_000
WAVE_S, SENT_S_MAX = 6.0, 30.0
QUIET_S_MAX = 240
WAYS = ("lost", "killed", "in parts", "down", "slow", "busy", "well")
AT_THE_ORDER = {"lost": "lost", "killed": "slow"}
HELD = "select units from vendor_kraken.balance where asset = %s"
BOUGHT = "select count(*) from savings.buy where state = 'bought'"
CARRIED = "select carried_micros from savings.exchange_carry"
OURS = "select ledger.balance_of(ledger.system_account(%s, %s))"
LEFT = """
select (select count(*) from savings.buy where state = 'collected' or (state = 'scheduled' and due_at <= private.now()))
  + (select count(*) from savings.exchange_order where ended_at is null)
  + (select count(*) from savings.withdrawal where ended_at is null)"""
ADDRESSES = """
insert into savings.withdrawal_address (id, person, label, address, created_at, usable_at)
select gen_random_uuid(), p.id, 'Mine', 'bc1q' || translate(left(md5(p.handle || n), 30), 'b1', 'zz'), now(), now()
from public.profiles p, generate_series(1, 9) n where p.handle = any(%s)"""
# an answer that is lost keeps its address for a minute and a half: the next wave takes another one
MINE = """
select w.id, coalesce((select a.balance from ledger.account a where a.id = ledger.wallet_of(w.person, 'BTC')), 0)
from savings.withdrawal_address w where w.person = %s and not exists (
  select from savings.withdrawal o where o.address_id = w.id and o.ended_at is null)
order by w.address limit 1"""
LIMITS = ("withdrawal_day_count", "withdrawal_day_sats")
PLAN = """
insert into savings.plan (id, person, name, amount_cents, frequency, zone, starts_on, minute_of_day, catch_up,
  scheduled_until, created_at, changed_at)
select gen_random_uuid(), p.id, 'Every hour', %s, 'hourly', 'UTC', current_date - 9, 0, %s, 'infinity',
  now() - interval '9 days', now() from public.profiles p where p.handle = %s returning id"""
WAVE = """
insert into savings.buy (plan_id, person, due_at, amount_cents, created_at)
select p.id, p.person, now(), p.amount_cents, now() from savings.plan p where p.state = 'active'"""
# every hour of three days in which nobody worked
MISSED = """
insert into savings.buy (plan_id, person, due_at, amount_cents, created_at)
select p.id, p.person, now() - make_interval(hours => h), p.amount_cents, now()
from savings.plan p, generate_series(2, 74) h where p.state = 'active'"""
# From the moment at which an order may have been sent the exchange answers so: its answer to the order is the first.
FROM_THE_ORDER_ON = """
create or replace function public.from_the_order_on() returns trigger language plpgsql security definer as $$
begin
  insert into vendor_chaos.mischief (vendor, answers, webhooks)
  select 'kraken', a.answers, 'well' from public.answers_then a
  on conflict (vendor) do update set answers = excluded.answers;
  return null;
end $$;
create table public.answers_then (answers text);
create trigger from_the_order_on after update of state on savings.exchange_order
for each row when (new.state = 'submitted') execute function public.from_the_order_on();
create trigger from_the_withdrawal_on after update of state on savings.withdrawal
for each row when (new.state = 'submitted') execute function public.from_the_order_on()"""
SENT = "select count(*) from savings.exchange_order where first_sent_at is not null"
HANDED_OVER = "select count(*) from savings.withdrawal where last_sent_at is not null"
GIVEN_UP = """
select coalesce(string_agg(distinct j.task_name, ', '), '') from jobs.procrastinate_jobs j
where j.status in ('failed', 'aborted')"""
DIFFERENCES = {
    **LEDGER_FLAWS,
    "buys with more than one order": """
        select count(*) from (select o.cl_ord_id from vendor_kraken.client_order o
        group by o.cl_ord_id having count(*) > 1) f""",
    "orders at the exchange that nobody asked for": """
        select count(*) from vendor_kraken.client_order o
        where not exists (
          select from savings.exchange_order e where e.id::text = o.cl_ord_id and e.vendor_ref = o.txid)""",
    "orders booked otherwise than they were filled": """
        select count(*) from savings.exchange_order e join (
          select o.cl_ord_id, coalesce(sum(t.volume_sats), 0) as sats, coalesce(sum(t.cost_micros), 0) as micros
          from vendor_kraken.client_order o left join vendor_kraken.trade t using (txid) group by o.cl_ord_id
        ) f on f.cl_ord_id = e.id::text where (e.quantity_sats, e.cost_micros) is distinct from (f.sats, f.micros)""",
    "buys whose cents do not add up": """
        select count(*) from savings.buy where state in ('bought', 'failed')
        and amount_cents <> cost_cents + fee_cents + refund_cents""",
    "withdrawals at the exchange that nobody asked for": """
        select count(*) from vendor_kraken.withdrawal v
        where not exists (select from savings.withdrawal w where w.vendor_ref = v.refid)""",
    "withdrawals booked otherwise than they were sent": """
        select count(*) from savings.withdrawal w left join vendor_kraken.withdrawal v on v.refid = w.vendor_ref
        where w.state = 'sent' and (w.arrives_sats, w.fee_sats, w.txid, w.address)
          is distinct from (v.quantity_sats, v.fee_sats, v.txid, v.address)""",
    "withdrawals that were refused and moved something": """
        select count(*) from savings.withdrawal w join ledger.transfer t on t.id = w.id
        where w.state = 'failed' and not exists (
          select from ledger.transfer b where b.kind = 'withdrawal_returned' and b.to_account = t.from_account
            and b.amount = t.amount and b.id = private.part_of(w.bookings_id, 'back'))""",
    "satoshis in transit": "select abs(ledger.balance_of(ledger.system_account('btc_in_transit', 'BTC')))",
    "satoshis that nobody has": """
        select abs(-ledger.balance_of(ledger.system_account('btc_custody', 'BTC'))
        - ledger.balance_of(ledger.system_account('rounding', 'BTC'))
        - ledger.balance_of(ledger.system_account('btc_in_transit', 'BTC'))
        - (select coalesce(sum(balance), 0) from ledger.account where asset = 'BTC' and kind = 'wallet'))""",
    "cents between wallets and the exchange": """
        select abs(ledger.balance_of(ledger.system_account('exchange_in_transit')))""",
    "jobs that were given up": "select count(*) from jobs.procrastinate_jobs where status in ('failed', 'aborted')",
}


async def measure(waves: int, seed: int, say: Say) -> dict[str, Any]:
    """Run it and return the figures."""
    chance = random.Random(seed)  # noqa: S311 - what is bought here is no secret
    async with bankside(say, PAYA_BREAKER_S="1") as the:
        handles = [f"person_{n:04}" for n in range(PEOPLE)]
        with the.superuser() as connection:
            people = list((await join(connection, handles, cents=PURSE_CENTS)).values())
            connection.execute(FROM_THE_ORDER_ON)
            connection.execute(ADDRESSES, (handles,))
            for name in LIMITS:
                connection.execute(
                    "insert into risk.limit_value (name, value_max, reason) values (%s, 1000000000, 'a measurement')",
                    (name,),
                )
        before = {asset: the.value(HELD, asset) for asset in ("XXBT", "ZUSD")}
        with _second_scheduler():
            outage = _three_days_down(the, handles, chance)
            await _quiet(the, say)
            outage |= {
                "bought_after_three_days_down": the.value("select count(*) from savings.buy where state = 'bought'")
            }
            kills = 0
            for wave in range(waves):
                way = WAYS[wave] if wave < len(WAYS) else chance.choice(WAYS)
                say(f"wave {wave + 1} of {waves}: {way}")
                kills += await _wave(the, people, way, chance)
            await _well(the)
            rest = await _quiet(the, say)
        cash = the.value(OURS, "exchange_cash", "USD") * 10_000 + the.value(
            "select carried_micros from savings.exchange_carry"
        )
        return {
            "waves": waves,
            "kills": kills,
            "rest": rest,
            **outage,
            "bought": the.value(BOUGHT),
            "not_bought": the.value("select count(*) from savings.buy where state in ('skipped', 'failed')"),
            "orders": the.value("select count(*) from vendor_kraken.client_order"),
            "withdrawals_asked": the.value("select count(*) from savings.withdrawal"),
            "withdrawals_sent": the.value("select count(*) from savings.withdrawal where state = 'sent'"),
            "withdrawals_back": the.value("select count(*) from savings.withdrawal where state = 'failed'"),
            "sats_at_the_exchange": the.value(HELD, "XXBT") - before["XXBT"],
            "sats_in_our_custody": -the.value(OURS, "btc_custody", "BTC"),
            "micros_the_exchange_took": before["ZUSD"] - the.value(HELD, "ZUSD"),
            "micros_in_our_books": cash,
            "given_up": the.value(GIVEN_UP),
            "differences": {name: int(the.value(sql)) for name, sql in DIFFERENCES.items()},
        }


def _three_days_down(the: BankSide, handles: list[str], chance: random.Random) -> dict[str, int]:
    """Plans of both kinds of catch-up, and three days of hours that nobody kept. How many of each there are."""
    count = {"one": 0, "skip": 0}
    with the.superuser() as connection:
        for handle in handles:
            catch_up = chance.choice(("one", "skip"))
            connection.execute(PLAN, (chance.randrange(1000, 20_000), catch_up, handle))
            count[catch_up] += 1
        connection.execute(MISSED)
    return {"plans_that_catch_up_once": count["one"], "plans_that_skip": count["skip"]}


async def _wave(the: BankSide, people: list[Actor], way: str, chance: random.Random) -> int:
    """Everybody withdraws, and their plans are due, while the exchange behaves like this; how many kills there were."""
    await _well(the)
    sent, handed_over = the.value(SENT), the.value(HANDED_OVER)
    if way == "in parts":
        the.value("update vendor_kraken.switch set parts = 3, part_s = 1 returning parts")
    elif way in AT_THE_ORDER:
        the.value("insert into public.answers_then values (%s) returning 1", AT_THE_ORDER[way])
    elif way != "well":
        await the.mischiefs.set(Mischief("kraken", way))
    kills = 0
    if await _withdraw(the, people, way, chance) and way == "killed":
        await _until_changed(lambda: the.value(HANDED_OVER), handed_over, SENT_S_MAX)
        kills += await _kill(the, chance)
    the.value(WAVE + " returning 1")
    if way in AT_THE_ORDER:
        await _until_changed(lambda: the.value(SENT), sent, SENT_S_MAX)
        if way == "killed":
            kills += await _kill(the, chance)
    await asyncio.sleep(WAVE_S)
    return kills


async def _kill(the: BankSide, chance: random.Random) -> int:
    await asyncio.sleep(chance.uniform(0, 0.5))
    os.kill(the.pids()["worker"], signal.SIGKILL)
    return 1


async def _withdraw(the: BankSide, people: list[Actor], way: str, chance: random.Random) -> int:
    """Everybody asks for some of what they have; how many did. What is busy is tried at a withdrawal too."""
    if way == "busy":
        # the next of them are refused, and the one after is done without an answer
        the.value(
            "insert into vendor_kraken.fault (verb, error, is_after, calls_left)"
            " values ('Withdraw', 'EFunding:Unknown withdraw key', false, 2),"
            " ('Withdraw', 'EGeneral:Internal error', true, 1) returning 1"
        )
    asked = 0
    for actor in people:
        with the.superuser() as connection:
            row = connection.execute(MINE, (actor.user_id,)).fetchone()
        if row is None or row[1] < LEAST_SATS:
            continue
        sats = chance.randrange(LEAST_SATS, max(LEAST_SATS + 1, row[1] // 4))
        try:
            await savings.withdraw(
                actor, withdrawal_id=new_id(), address_id=row[0], quantity_sats=sats, fee_sats_max=FEE_SATS
            )
        except savings.WithdrawalUnderWay:
            continue
        asked += 1
    return asked


async def _until_changed(look: Callable[[], Any], before: Any, seconds_max: float) -> None:
    """Return when it is another than before, or after so long."""
    ends = time.monotonic() + seconds_max
    while time.monotonic() < ends:
        if await asyncio.to_thread(look) != before:
            return
        await asyncio.sleep(0.02)


async def _well(the: BankSide) -> None:
    the.value("delete from public.answers_then returning 1")
    the.value("update vendor_kraken.switch set parts = 1, part_s = 0 returning parts")
    await the.mischiefs.set(Mischief("kraken"))


async def _quiet(the: BankSide, say: Say) -> int:
    """What is left when nothing is due and no order is open, or when nothing has ended for too long."""
    deadline = time.monotonic() + QUIET_S_MAX
    told = time.monotonic()
    while (left := await asyncio.to_thread(the.value, LEFT)) and time.monotonic() < deadline:
        if time.monotonic() - told > 5:  # noqa: PLR2004 - a line every five seconds
            told = time.monotonic()
            say(f"{left} buys and orders are not over")
        await asyncio.sleep(0.2)
    return left


@contextmanager
def _second_scheduler() -> Iterator[None]:
    second = subprocess.Popen(
        [sys.executable, "-m", "paya_app", "scheduler"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        second.terminate()
        second.wait(20)


def is_whole(figures: dict[str, Any]) -> bool:
    """Whether both books say the same, nothing is left, and three days down made one buy for each who wished so."""
    return (
        figures["rest"] == 0
        and figures["sats_at_the_exchange"] == figures["sats_in_our_custody"] > 0
        and figures["micros_the_exchange_took"] == figures["micros_in_our_books"]
        and figures["withdrawals_sent"] > 0
        and figures["withdrawals_sent"] + figures["withdrawals_back"] == figures["withdrawals_asked"]
        and figures["bought_after_three_days_down"] == figures["plans_that_catch_up_once"]
        and not any(figures["differences"].values())
    )


def main(*, waves: int, seed: int, as_json_only: bool) -> int:
    """Run, print the figures, and return the exit code."""
    say = (lambda _line: None) if as_json_only else typer.echo
    figures = asyncio.run(measure(waves, seed, say))
    typer.echo(as_json({"seed": seed, **figures}))
    return 0 if is_whole(figures) else 1
