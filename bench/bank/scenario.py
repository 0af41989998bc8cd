"""How hard a run is, for how long, and by which seed."""

from dataclasses import dataclass, field

from bench.bank import plan
from bench.bank.server import WALLETS_MAX
from bench.bank.workers import Habits


@dataclass(frozen=True)
class Scenario:
    """How hard, for how long, by which seed.

    Attributes:
        wallets: how many wallets all the payments are among; fewer means more contention.
        payers, batchers, holders: how many workers of each sort.
        gap_s: seconds between two faults, on average.
        rounds: when set, the run is over after every fault was done this often, however long that takes, up to
            `seconds`.
        damage: SQL run in the database before the start; the deliberate damage of a broken variant.
        limit_step: when set, nobody may send more than this many payments an hour, and this many more every
            quarter of a second, so that all workers meet the limit together again and again.
        is_over_at_violation: stop asking when the first promise is seen broken.
    """

    seconds: float
    seed: int = 1
    wallets: int = WALLETS_MAX
    payers: int = 8
    batchers: int = 8
    holders: int = 4
    faults: tuple[str, ...] = plan.FAULTS
    gap_s: float = 1.6
    rounds: int | None = None
    damage: bytes = b""
    habits: Habits = field(default_factory=Habits)
    limit_step: int | None = None
    is_over_at_violation: bool = False
