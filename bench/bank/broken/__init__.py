"""Broken variants: each damages one thing that keeps money whole, and the checker has to see it.

A checker that finds nothing shows little until it is seen to find something. `<name>.sql` beside this file is
installed into the harness's own database, where it replaces a function of ours or takes a safeguard away; the
two that damage the client are habits of its workers.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.bank.client import Client, OutOfTime, Refused, Undone, Unknown
from bench.bank.history import Operation
from bench.bank.plan import Ids, chance_of
from bench.bank.scenario import Scenario
from bench.bank.workers import Habits

FOLDER = Path(__file__).parent
SEEN_S_MAX = 10


@dataclass(frozen=True)
class Variant:
    """One damage.

    Attributes:
        scenario: faults and contention that bring it out, without the damage: its healthy control.
        shows: the kinds of violation that give it away; one of them has to be found.
    """

    name: str
    scenario: Scenario
    shows: frozenset[str]
    habits: Habits = Habits()  # noqa: RUF009 - sound habits have no state

    @property
    def damaged(self) -> Scenario:
        """The scenario with the damage: longer where need be, and over as soon as it is seen."""
        damage = b""
        if (FOLDER / f"{self.name}.sql").exists():
            parts = ("first.sql", f"{self.name}.sql")
            damage = b"set role postgres;\n" + b"".join((FOLDER / part).read_bytes() for part in parts)
        return replace(
            self.scenario,
            seconds=SEEN_S_MAX,
            damage=damage,
            habits=self.habits,
            is_over_at_violation=True,
        )


class NewKeyOnRetry(Habits):
    """Broken: asks again under a new id, as if nothing had been asked before."""

    def __init__(self) -> None:
        self._ids = Ids(chance_of(0, "new keys"))

    def before_asking_again(self, operations: Sequence[Operation]) -> None:
        """A fresh id for each."""
        for operation in operations:
            operation.ask_under(self._ids.next())


class EntriesAfterwards(Habits):
    """Broken: a second call writes the entries, if it comes to that."""

    async def after_answer(self, client: Client, operation: Operation) -> None:
        """Write them; nobody asks again when that fails."""
        with contextlib.suppress(Refused, Undone, Unknown, OutOfTime):
            await client.ask("select bench.write_owed_entries(%s)", (operation.key,), patience_s=1)


# No faults, sixteen payers on two or three wallets: whatever is decided on stale data shows within a second.
_CROWDED = Scenario(seconds=2, wallets=3, payers=16, batchers=0, holders=0, faults=())
_LOSING_ANSWERS = replace(_CROWDED, wallets=8, faults=("swallow_acks", "drop_connections"), gap_s=0.15)
_SUMS = frozenset({"balance_is_not_its_entries", "assets_do_not_sum_to_zero"})
_HOLDS = frozenset({"held_is_not_its_holds", "hold_captured_beyond", "below_floor", "hold_not_closed_once"})

SOUND = Variant("sound", replace(_LOSING_ANSWERS, wallets=3), frozenset())
VARIANTS = (
    Variant("new_key_on_retry", _LOSING_ANSWERS, frozenset({"done_twice"}), NewKeyOnRetry()),
    Variant("read_then_write", _CROWDED, _SUMS),
    Variant(
        "async_commit",
        replace(_CROWDED, seconds=3, wallets=8, faults=("kill_postmaster",), gap_s=1.0),
        frozenset({"acknowledged_not_visible", "acknowledged_lost", "history_shrank"}),
    ),
    Variant("no_lookup", _LOSING_ANSWERS, _SUMS),
    Variant("stale_overdraft", replace(_CROWDED, wallets=2), frozenset({"below_floor"})),
    Variant("entries_afterwards", _LOSING_ANSWERS, _SUMS, EntriesAfterwards()),
    Variant("unordered_locks", replace(_CROWDED, payers=6), frozenset({"deadlock"})),
    Variant("key_first", _CROWDED, frozenset({"deadlock"})),
    Variant("half_a_batch", replace(_CROWDED, wallets=8, payers=0, batchers=8), frozenset({"refused_but_there"})),
    Variant("limit_before_lock", replace(_CROWDED, wallets=2, limit_step=3), frozenset({"limit_exceeded"})),
    Variant("unread_replay", _CROWDED, frozenset({"reused_key_accepted"})),
    Variant("captured_twice", replace(_CROWDED, payers=0, holders=8), _HOLDS),
    Variant("released_after_capture", replace(_CROWDED, payers=0, holders=8), _HOLDS),
)
