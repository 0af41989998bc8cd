"""Banks of people, and loads: money from a bank into the wallet.

A load is asked for here, sent to the vendor by a job, and booked from what the vendor says when asked; its
notices only say that it is time to ask. Money is minted when the bank that holds the reserve has it.
"""

from paya_app.banking.bookings import (
    ask_about_load,
    ask_about_stale,
    clear_due,
    follow_source,
    follow_transfer,
    receive_notice,
    submit_load,
    subscribe,
)
from paya_app.banking.debts import Debt, debts, repaid_by, repay_now
from paya_app.banking.errors import NothingToRepayWith
from paya_app.banking.loads import expectation, load, load_limits, loads, pending_cents, start_load
from paya_app.banking.models import Expectation, Load, LoadLimits, SandboxHint, Source, Stage
from paya_app.banking.sandbox import sandbox_hint
from paya_app.banking.sources import add_source, confirm_source, source, sources

__all__ = [
    "Debt",
    "Expectation",
    "Load",
    "LoadLimits",
    "NothingToRepayWith",
    "SandboxHint",
    "Source",
    "Stage",
    "add_source",
    "ask_about_load",
    "ask_about_stale",
    "clear_due",
    "confirm_source",
    "debts",
    "expectation",
    "follow_source",
    "follow_transfer",
    "load",
    "load_limits",
    "loads",
    "pending_cents",
    "receive_notice",
    "repaid_by",
    "repay_now",
    "sandbox_hint",
    "source",
    "sources",
    "start_load",
    "submit_load",
    "subscribe",
]
