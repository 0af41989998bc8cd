"""How plans are spoken of: what they promise, what they say, and what became of each buy."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from paya_app import savings
from paya_app.banking.bank_days import after_bank_days
from paya_app.savings import Buy, FeeTerms, Happening, Plan, Schedule, Terms
from paya_app.savings.errors import PlanConditionInvalid, PlanFundingInvalid, ScheduleInvalid, ScheduleNever
from paya_app.web.plan_buys import buy_words, spent_words
from paya_app.web.plan_history import history_row
from paya_app.web.plan_orders import (
    PlanOrder,
    buys_ahead,
    changed_terms,
    changes_between,
    new_terms,
    order_of,
)
from paya_app.web.plans import (
    conditions,
    fee_words,
    moment_words,
    name_of,
    promise,
    rhythm,
    why_it_stands,
)
from paya_app.web.plans import zone_words as zone_words_of

NOW = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)
FRIDAYS = Schedule("weekly", "America/New_York", date(2026, 11, 21), 9 * 60, weekdays=(5,))
TERMS = Terms(name="Friday bitcoin", amount_cents=2500, schedule=FRIDAYS)
ORDER = PlanOrder(amount="25", frequency="weekly", weekdays="5", time="09:00", zone="America/New_York")


@pytest.mark.parametrize(
    ("schedule", "said", "name"),
    [
        (FRIDAYS, "every Friday at 09:00", "Friday bitcoin"),
        (replace(FRIDAYS, weekdays=(1, 3, 5)), "every Monday, Wednesday and Friday at 09:00", "Weekly bitcoin"),
        (replace(FRIDAYS, frequency="biweekly"), "every other Friday at 09:00", "Friday bitcoin"),
        (replace(FRIDAYS, frequency="daily", minute_of_day=1439), "every day at 23:59", "Daily bitcoin"),
        (replace(FRIDAYS, frequency="weekdays"), "every Monday to Friday at 09:00", "Weekday bitcoin"),
        (replace(FRIDAYS, frequency="hourly", minute_of_day=5), "every hour at 05 past", "Hourly bitcoin"),
        (replace(FRIDAYS, frequency="monthly", month_day=1), "on the 1st of every month at 09:00", "Monthly bitcoin"),
        (replace(FRIDAYS, frequency="monthly", month_day=12), "on the 12th of every month at 09:00", "Monthly bitcoin"),
        (replace(FRIDAYS, frequency="monthly", month_day=22), "on the 22nd of every month at 09:00", "Monthly bitcoin"),
        (
            replace(FRIDAYS, frequency="monthly", month_day=-1),
            "on the last day of every month at 09:00",
            "Monthly bitcoin",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_rhythm_is_said_in_words(schedule: Schedule, said: str, name: str):
    assert rhythm(schedule) == said
    assert name_of(schedule) == name


def test_the_promise_is_one_sentence_with_day_time_zone_and_money():
    assert promise(TERMS) == (
        "Every Friday at 09:00, New York time, $25.00 from your wallet buys bitcoin at the exchange's price of "
        "that moment."
    )


def test_a_moment_is_said_in_the_plans_zone_across_the_change_of_clocks():
    assert (
        moment_words(datetime(2026, 11, 27, 14, 0, tzinfo=UTC), "America/New_York", NOW) == "Fri, Nov 27\u00a0· 09:00"
    )
    assert (
        moment_words(datetime(2027, 3, 19, 13, 0, tzinfo=UTC), "America/New_York", NOW)
        == "Fri, Mar 19, 2027\u00a0· 09:00"
    )


def test_a_zone_is_said_by_its_place():
    assert zone_words_of("America/Argentina/Buenos_Aires") == "Buenos Aires time"
    assert zone_words_of("UTC") == "UTC"
    assert zone_words_of("Etc/GMT+5") == "GMT+5"


def test_every_condition_is_said():
    terms = replace(
        TERMS,
        buy_below_cents=8_000_000,
        dip_bps=250,
        dip_extra_cents=1000,
        cap_cents=100_000,
        on_shortfall="retry",
        catch_up="skip",
        schedule=replace(FRIDAYS, ends_on=date(2027, 11, 30)),
    )
    assert conditions(terms) == [
        ("Only below", "$80,000.00 per bitcoin"),
        ("On a dip", "$10.00 more, 2.5 % below the 24-hour high"),
        ("In all", "At most $1,000.00, then it ends"),
        ("Last day", "Tue, Nov 30, 2027"),
        ("Paid from", "Wallet; if short, tried for a day"),
        ("After our outage", "Missed buys are skipped"),
    ]


def buy(state: str, **values: Any) -> Buy:
    given = {
        "id": uuid4(),
        "plan_id": uuid4(),
        "due_at": NOW,
        "amount_cents": 2500,
        "state": state,
        "reason": "",
        "cost_cents": 0,
        "exchange_fee_cents": 0,
        "fee_cents": 0,
        "refund_cents": 0,
        "quantity_sats": 0,
        "version": 1,
    }
    return Buy(**(given | values))


def test_what_was_bought_is_said_with_price_and_fees():
    bought = buy("bought", cost_cents=2469, exchange_fee_cents=10, fee_cents=25, refund_cents=6, quantity_sats=29_018)
    assert buy_words(bought) == (
        "Bought 29,018 sats",
        "at $84,741 per bitcoin · exchange fee $0.10 · our fee $0.25 · $0.06 came back",
    )
    assert spent_words(bought) == "−$24.94"
    free = replace(bought, cost_cents=2459, exchange_fee_cents=0, fee_cents=0, refund_cents=0)
    assert buy_words(free)[1] == "at $84,741 per bitcoin, exchange fee included · no fee of ours"


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        *(
            ("skipped", reason)
            for reason in (
                "skipped_by_owner",
                "missed",
                "price_above",
                "cap_reached",
                "insufficient_funds",
                "bank_late",
                "anything",
            )
        ),
        *(("failed", reason) for reason in ("exchange_refused", "cut_off", "not_filled", "anything")),
        ("scheduled", "insufficient_funds"),
        ("scheduled", "bank_late"),
        ("scheduled", ""),
        ("collected", ""),
    ],
)
def test_every_other_end_says_why_and_where_the_money_is(state: str, reason: str):
    what, why = buy_words(buy(state, reason=reason))
    assert what
    assert "wallet" in why or "money" in why.lower()
    assert "_" not in why


def test_what_failed_or_was_skipped_took_nothing():
    assert spent_words(buy("failed", refund_cents=2500)) == ""
    assert spent_words(buy("skipped")) == ""
    assert spent_words(buy("collected")) == "−$25.00"


def plan(state: str = "active", terms: Terms = TERMS, **values: Any) -> Plan:
    given = {"next_buys": [], "spent_cents": 0, "pause_reason": "", "end_reason": "", "version": 1, "ended_at": None}
    return Plan(id=uuid4(), state=state, terms=terms, created_at=NOW, changed_at=NOW, **(given | values))  # pyright: ignore[reportArgumentType]


def test_why_a_plan_stands_is_said_with_what_next():
    assert why_it_stands(plan()) == ""
    assert "resume" in why_it_stands(plan("paused", pause_reason="paused_by_owner"))
    assert "Add money, then resume" in why_it_stands(plan("paused", pause_reason="insufficient_funds"))
    assert "is yours" in why_it_stands(plan("ended", end_reason="cap_reached"))


def test_an_order_becomes_terms_that_begin_today_where_the_plan_is():
    late = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
    assert new_terms(ORDER, late) == replace(TERMS, schedule=replace(FRIDAYS, starts_on=date(2026, 11, 20)))


def test_of_an_hourly_plan_the_minute_counts():
    terms = new_terms(ORDER.model_copy(update={"frequency": "hourly", "time": "00:45"}), NOW)
    assert terms.schedule.minute_of_day == 45
    assert terms.schedule.weekdays == ()


def test_the_next_three_are_said_before_they_happen():
    assert [each.words for each in buys_ahead(TERMS, NOW)] == [
        "Fri, Nov 27\u00a0· 09:00",
        "Fri, Dec 4\u00a0· 09:00",
        "Fri, Dec 11\u00a0· 09:00",
    ]
    with pytest.raises(ScheduleNever):
        buys_ahead(replace(TERMS, schedule=replace(FRIDAYS, ends_on=date(2026, 11, 24))), NOW)


def test_of_a_change_no_buy_is_said_that_was_skipped():
    skipped = {datetime(2026, 12, 4, 14, 0, tzinfo=UTC)}
    assert [each.words for each in buys_ahead(TERMS, NOW, skipped=skipped)] == [
        "Fri, Nov 27\u00a0· 09:00",
        "Fri, Dec 11\u00a0· 09:00",
        "Fri, Dec 18\u00a0· 09:00",
    ]


def test_no_buy_is_said_that_the_cap_has_no_room_for():
    capped = replace(TERMS, cap_cents=6000)
    assert [each.words for each in buys_ahead(capped, NOW, is_new=True)] == [
        "Fri, Nov 27\u00a0· 09:00",
        "Fri, Dec 4\u00a0· 09:00",
    ]
    assert len(buys_ahead(capped, NOW, spent_cents=2490)) == 1
    assert buys_ahead(capped, NOW, spent_cents=4980) == []
    with pytest.raises(PlanConditionInvalid, match="cap leaves no room"):
        buys_ahead(replace(TERMS, cap_cents=2499), NOW, is_new=True)
    spent = plan(terms=replace(TERMS, cap_cents=6000), spent_cents=4980)
    assert "Raise the cap" in why_it_stands(spent)
    assert why_it_stands(replace(spent, spent_cents=2490)) == ""


def test_a_form_that_is_sent_as_it_was_filled_changes_nothing():
    terms = replace(
        TERMS,
        amount_cents=1250,
        buy_below_cents=8_000_050,
        dip_bps=250,
        dip_extra_cents=1000,
        cap_cents=100_000,
        schedule=replace(FRIDAYS, ends_on=date(2027, 11, 30)),
    )
    sent = PlanOrder.model_validate(order_of(terms))
    assert changes_between(terms, changed_terms(plan(terms=terms), sent)) == {}


def test_a_change_asks_for_what_differs_and_an_unnamed_plan_is_named_anew():
    sent = PlanOrder.model_validate(order_of(TERMS) | {"weekdays": "1", "amount": "50"})
    assert changes_between(TERMS, changed_terms(plan(), sent)) == {
        "name": "Monday bitcoin",
        "amount_cents": 5000,
        "weekdays": [1],
    }
    named = replace(TERMS, name="For Maya")
    sent = PlanOrder.model_validate(order_of(named) | {"weekdays": "1"})
    assert changes_between(named, changed_terms(plan(terms=named), sent)) == {"weekdays": [1]}


def test_a_plan_that_a_bank_pays_stays_so_and_its_next_buys_wait_for_the_money():
    terms = replace(TERMS, funding="bank", source_id=uuid4(), lead_bank_days=3, on_shortfall="use_wallet")
    changed = changed_terms(plan(terms=terms), PlanOrder.model_validate(order_of(terms) | {"amount": "50"}))
    assert (changed.funding, changed.source_id, changed.lead_bank_days) == ("bank", terms.source_id, 3)
    assert buys_ahead(changed, NOW)[0].words == "Fri, Dec 4\u00a0· 09:00"  # Thanksgiving is no bank day


def test_a_new_plan_that_a_bank_pays_begins_when_its_money_can_be_there():
    source = uuid4()
    order = ORDER.model_copy(update={"source": str(source), "lead": "3", "on_shortfall": "use_wallet"})
    terms = new_terms(order, NOW)
    assert (terms.funding, terms.source_id, terms.lead_bank_days) == ("bank", source, 3)
    first = buys_ahead(terms, NOW, is_new=True)[0]
    assert (first.words, first.asked) == ("Fri, Nov 27\u00a0· 09:00", "your bank is asked by now")
    assert buys_ahead(terms, NOW, is_new=True)[1].asked == "your bank is asked on Mon, Nov 30"
    assert conditions(terms, "A Bank ··7890")[:3] == [
        ("Paid from", "A Bank ··7890"),
        ("Your bank is asked", "3 business days before each buy"),
        ("If its money is late", "Your wallet pays"),
    ]
    assert "your bank buys bitcoin" in promise(terms)


@pytest.mark.parametrize("lead", range(1, 11))
def test_the_day_on_which_a_bank_is_asked_is_the_first_on_which_the_job_asks(lead: int):
    for due in (datetime(2026, 12, 4, 14, tzinfo=UTC), datetime(2026, 11, 29, 3, tzinfo=UTC)):
        day = savings.asked_on(due, lead)
        at = datetime.combine(day, time(12), ZoneInfo("America/New_York"))
        assert after_bank_days(at, lead + 1) > due
        assert after_bank_days(at - timedelta(days=1), lead + 1) <= due


@pytest.mark.parametrize("changed", [{"source": "a bank"}, {"source": str(uuid4()), "lead": "soon"}, {"lead": "0"}])
def test_a_bank_or_a_lead_that_is_none_is_refused(changed: dict[str, str]):
    order = ORDER.model_copy(update={"source": str(uuid4()), "lead": "3"} | changed)
    with pytest.raises(PlanFundingInvalid):
        new_terms(order, NOW)


@pytest.mark.parametrize("percent", ["half", "-5", "5.123", "%", "٥"])
def test_a_percentage_that_is_none_is_refused(percent: str):
    with pytest.raises(PlanConditionInvalid):
        new_terms(ORDER.model_copy(update={"dip_percent": percent, "dip_extra": "5"}), NOW)


@pytest.mark.parametrize("time", ["", "9", "24:00", "09:60", "٠٩:٠٠", "09:00:00"])
def test_a_time_that_is_none_is_refused(time: str):
    with pytest.raises(ScheduleInvalid):
        new_terms(ORDER.model_copy(update={"time": time}), NOW)


@pytest.mark.parametrize(
    ("fee", "said"),
    [
        (FeeTerms(100, 0), "1\u00a0%\u00a0($0.25)"),
        (FeeTerms(100, 1), "$0.00 (1 free buy left), then 1\u00a0%\u00a0($0.25)"),
        (FeeTerms(150, 2), "$0.00 (2 free buys left), then 1.5\u00a0%\u00a0($0.38)"),
        (FeeTerms(0, 0), "$0.00"),
    ],
)
def test_the_fee_is_said_before_it_is_charged(fee: FeeTerms, said: str):
    assert fee_words(fee, 2500) == said


def test_what_waits_for_the_exchange_is_delayed_and_says_where_the_money_is():
    later = NOW + timedelta(minutes=3)
    assert buy_words(buy("scheduled"), NOW)[0] == "Due now"
    assert buy_words(buy("scheduled"), later)[0] == "Delayed"
    assert "Nothing has left your wallet" in buy_words(buy("scheduled"), later)[1]
    assert buy_words(buy("collected"), NOW)[0] == "Buying now"
    assert buy_words(buy("collected"), later)[0] == "Delayed"
    assert "set aside" in buy_words(buy("collected"), later)[1]


def happened(kind: str, *, is_own: bool = True, **facts: Any) -> tuple[str, str, list[str]]:
    event = Happening(7, NOW, kind, uuid4(), 2, is_own, facts)
    row = history_row(event, "America/New_York", NOW, {"b": "A Bank ··7890"})
    assert row.when == "Sat, Nov 21\u00a0· 12:00"
    return row.who, row.what, row.lines.split("\n") if row.lines else []


def test_a_change_is_told_with_before_and_after():
    before = {"amount_cents": 2500, "frequency": "weekly", "weekdays": [5], "minute_of_day": 540, "month_day": None}
    after = {"amount_cents": 3000, "frequency": "monthly", "weekdays": [], "minute_of_day": 0, "month_day": -1}
    assert happened("plan.changed", before=before, after=after) == (
        "You",
        "Changed",
        [
            "Amount: $25.00 to $30.00",
            "How often: every week to every month",
            "On: Friday to none",
            "Day of the month: none to last day",
            "At: 09:00 to 00:00",
        ],
    )
    before = {"funding": "wallet", "source_id": None, "lead_bank_days": 0, "on_shortfall": "skip", "cap_cents": 100_000}
    after = {"funding": "bank", "source_id": "b", "lead_bank_days": 1, "on_shortfall": "use_wallet", "cap_cents": None}
    assert happened("plan.changed", before=before, after=after)[2] == [
        "Paid from: wallet to bank",
        "Bank: none to A Bank ··7890",
        "The bank is asked: none to 1 business day before each buy",
        "At most, in all: $1,000.00 to none",
        "If money is short: skipped to your wallet pays",
    ]


def test_every_other_event_is_told_in_words_and_whose_doing_it_was():
    due = {"due_at": "2026-11-27T14:00:00+00:00", "amount_cents": 2500}
    of = "the buy of Fri, Nov 27\u00a0· 09:00"
    assert happened("plan.created", after={"amount_cents": 2500, "cap_cents": None})[1:] == (
        "Started",
        ["Amount: $25.00"],
    )
    assert happened("plan.paused", is_own=False, reason="bank_removed")[:2] == ("PaYa", "Paused")
    assert happened("plan.ended", is_own=False, reason="cap_reached")[2] == ["It spent what it may in all."]
    assert happened("plan.resumed") == ("You", "Resumed", [])
    assert happened("buy.skipped", reason="skipped_by_owner", **due) == ("You", f"Skipped {of}", [])
    assert "your limit" in happened("buy.skipped", is_own=False, reason="price_above", **due)[2][0]
    assert happened("buy.collected", is_own=False, fee_cents=25, **due)[1:] == (
        f"Set $25.00 aside for {of}",
        ["From your wallet, our fee of $0.25 in it."],
    )
    assert happened("buy.bought", is_own=False, quantity_sats=29_018, refund_cents=6, **due)[1:] == (
        "Bought 29,018 sats",
        [f"For $24.94 with all fees: {of}."],
    )
    assert "is back in your wallet" in happened("buy.failed", is_own=False, reason="cut_off", **due)[2][0]
    assert "every hour for a day" in happened("buy.waits", is_own=False, reason="bank_late", **due)[2][0]
    assert happened("plan.something_new")[1] == "Something new"
