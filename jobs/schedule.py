"""The whole timetable. A line means: every so many seconds, do everything of this kind that is due."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One line: every `every_s` seconds, counted from midnight UTC, `task` is enqueued once."""

    task: str
    queue: str
    every_s: int


TIMETABLE = (
    # what a worker left behind when it died
    Line("sweep_stalled", "upkeep", every_s=5),
    # whether vendors that are down answer again
    Line("probe_vendors", "upkeep", every_s=10),
    # operations at the bank that nobody heard of for too long
    Line("ask_about_stale", "banking", every_s=30),
    # visits to the bank picker that nobody came back from
    Line("ask_about_links", "banking", every_s=60),
    # loads whose hold is over
    Line("clear_due", "banking", every_s=60),
    # plans that too few buys are ahead of
    Line("schedule_ahead", "savings", every_s=60),
    # money that a plan's bank is to be asked for, business days ahead
    Line("load_ahead", "savings", every_s=300),
    # plans whose time has come
    Line("buy_due", "savings", every_s=10),
    # yesterday's price of a bitcoin, once it is over
    Line("keep_candles", "savings", every_s=60),
    # what people are to be told of
    Line("follow_events", "notifications", every_s=5),
    # orders at the exchange that nobody heard of for too long
    Line("ask_about_orders", "savings", every_s=30),
    # withdrawals that nobody heard of for too long
    Line("ask_about_withdrawals", "savings", every_s=30),
    # money that was set aside until a time that has passed
    Line("expire_holds", "upkeep", every_s=60),
    # payments that somebody should look at
    Line("raise_flags", "upkeep", every_s=60),
    # what the accounts that nobody locks add up to
    Line("take_checkpoints", "upkeep", every_s=600),
    # settlements of the payments sandbox, and all else that falls due there
    Line("advance_charges", "upkeep", every_s=60),
    # what the sandbox keeps no longer
    Line("sweep_sandbox", "upkeep", every_s=3600),
    # whether the ledger still keeps its rules
    Line("reconcile", "upkeep", every_s=86400),
    # whether the bank transfers' vendor and our bank say the same
    Line("reconcile_external", "banking", every_s=86400),
    # the vendor's subscription, should somebody have removed or paused it
    Line("subscribe", "banking", every_s=3600),
    # old ticks, and jobs that ended long ago
    Line("tidy", "upkeep", every_s=3600),
)
