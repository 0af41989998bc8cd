"""Banks of people, loads (money from a bank into the wallet) and redemptions (money from the wallet to a bank).

Each is asked for here, sent to the vendor by a job, and booked from what the vendor says when asked; its
notices only say that it is time to ask. Money is minted when the bank that holds the reserve has it.
"""

from paya_app.banking.bookings import (
    ask_about_operation,
    ask_about_stale,
    clear_due,
    follow_source,
    follow_transfer,
    receive_notice,
    submit_load,
    subscribe,
)
from paya_app.banking.cancellation import cancel, cancel_transfer
from paya_app.banking.debts import Debt, debts, repaid_by, repay_now
from paya_app.banking.errors import NothingToRepayWith
from paya_app.banking.external import ExternalFinding, check_backing, reconcile_external
from paya_app.banking.link_models import Bank, Link, TierLimits
from paya_app.banking.link_steps import (
    ask_about_links,
    follow_connection,
    follow_link,
    give_back,
    receive_link_notice,
    remove_source,
)
from paya_app.banking.linking import banks, link, make_default, start_link, tier_limits, unlink
from paya_app.banking.loads import expectation, load, load_limits, loads, pending_cents, start_load
from paya_app.banking.models import (
    Expectation,
    Load,
    LoadLimits,
    Redemption,
    RedemptionLimits,
    SandboxHint,
    Source,
    Stage,
)
from paya_app.banking.net_flow import DayFlow, net_flow
from paya_app.banking.redemption_bookings import submit_redemption
from paya_app.banking.redemptions import (
    redemption,
    redemption_expectation,
    redemption_limits,
    redemptions,
    start_redemption,
    use_environment,
)
from paya_app.banking.sandbox import sandbox_hint
from paya_app.banking.sources import add_source, confirm_source, source, sources

__all__ = [
    "Bank",
    "DayFlow",
    "Debt",
    "Expectation",
    "ExternalFinding",
    "Link",
    "Load",
    "LoadLimits",
    "NothingToRepayWith",
    "Redemption",
    "RedemptionLimits",
    "SandboxHint",
    "Source",
    "Stage",
    "TierLimits",
    "add_source",
    "ask_about_links",
    "ask_about_operation",
    "ask_about_stale",
    "banks",
    "cancel",
    "cancel_transfer",
    "check_backing",
    "clear_due",
    "confirm_source",
    "debts",
    "expectation",
    "follow_connection",
    "follow_link",
    "follow_source",
    "follow_transfer",
    "give_back",
    "link",
    "load",
    "load_limits",
    "loads",
    "make_default",
    "net_flow",
    "pending_cents",
    "receive_link_notice",
    "receive_notice",
    "reconcile_external",
    "redemption",
    "redemption_expectation",
    "redemption_limits",
    "redemptions",
    "remove_source",
    "repaid_by",
    "repay_now",
    "sandbox_hint",
    "source",
    "sources",
    "start_link",
    "start_load",
    "start_redemption",
    "submit_load",
    "submit_redemption",
    "subscribe",
    "tier_limits",
    "unlink",
    "use_environment",
]
