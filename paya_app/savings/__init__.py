"""Savings plans: a little bitcoin at exactly the times that a person chose.

A plan says what, when and with which money; its buys are rows before they happen, made from its schedule
(`schedule.py`) and kept ahead by a job (`schedule_ahead.py`), so that what is shown is what will be done.
"""

from paya_app.savings.buying import Bought, ask_about_orders, buy_due, follow_order, stop_plans, submit_order
from paya_app.savings.errors import (
    BuyAmountInvalid,
    NothingToSkip,
    PlanAccountUnavailable,
    PlanBankUnconfirmed,
    PlanConditionInvalid,
    PlanEnded,
    PlanFundingInvalid,
    PlanKeyReused,
    PlanNameInvalid,
    PlansLimit,
    ScheduleInvalid,
    ScheduleNever,
    SkipTooLate,
)
from paya_app.savings.fees import FeeTerms, fee_terms
from paya_app.savings.funding import asked_on, lead_needed, load_ahead
from paya_app.savings.holdings import Holdings, Lot, holdings, lots
from paya_app.savings.models import Buy, Happening, NextBuy, Plan
from paya_app.savings.order_errors import FillMalformed, OrderSentTwice
from paya_app.savings.plans import buys, change, create, end, history, next_buy, pause, plan, plans, resume, skip_next
from paya_app.savings.schedule import Schedule, next_after, upcoming
from paya_app.savings.schedule_ahead import BankFunded, bank_funded_due, schedule_ahead, skip_missed
from paya_app.savings.terms import Terms

__all__ = [
    "BankFunded",
    "Bought",
    "Buy",
    "BuyAmountInvalid",
    "FeeTerms",
    "FillMalformed",
    "Happening",
    "Holdings",
    "Lot",
    "NextBuy",
    "NothingToSkip",
    "OrderSentTwice",
    "Plan",
    "PlanAccountUnavailable",
    "PlanBankUnconfirmed",
    "PlanConditionInvalid",
    "PlanEnded",
    "PlanFundingInvalid",
    "PlanKeyReused",
    "PlanNameInvalid",
    "PlansLimit",
    "Schedule",
    "ScheduleInvalid",
    "ScheduleNever",
    "SkipTooLate",
    "Terms",
    "ask_about_orders",
    "asked_on",
    "bank_funded_due",
    "buy_due",
    "buys",
    "change",
    "create",
    "end",
    "fee_terms",
    "follow_order",
    "history",
    "holdings",
    "lead_needed",
    "load_ahead",
    "lots",
    "next_after",
    "next_buy",
    "pause",
    "plan",
    "plans",
    "resume",
    "schedule_ahead",
    "skip_missed",
    "skip_next",
    "stop_plans",
    "submit_order",
    "upcoming",
]
