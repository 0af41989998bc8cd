"""What a run came to, for people and for programs."""

from typing import Any

from bench.bank.history import History
from bench.bank.nemesis import Nemesis
from bench.bank.scenario import Scenario


def figures(
    scenario: Scenario, history: History, *, nemesis: Nemesis, snapshots_taken: int, took_s: float
) -> dict[str, Any]:
    """What a run came to: operations, unknown outcomes and how they ended, faults, recoveries, violations."""
    counts = history.counts
    back = sorted(nemesis.back_s)
    return {
        "seed": scenario.seed,
        "seconds": scenario.seconds,
        "took_s": round(took_s, 1),
        "operations": len(history.operations),
        "acknowledged": history.count("acknowledged"),
        "refused": {
            name.removeprefix("refused_"): n for name, n in sorted(counts.items()) if name.startswith("refused_")
        },
        "undone_and_asked_again": {
            name.removeprefix("undone_"): n for name, n in sorted(counts.items()) if name.startswith("undone_")
        },
        "unknown": {
            "answers_lost": counts["unknown"],
            "was_committed": counts["unknown_was_committed"],
            "was_not_committed": counts["unknown_was_not_committed"],
            "was_refused": counts["unknown_was_refused"],
            "unresolved": history.count("unresolved"),
        },
        "snapshots": snapshots_taken,
        "faults": nemesis.done.total(),
        "faults_by_kind": dict(sorted(nemesis.done.items())),
        "recoveries": {
            "count": len(back),
            "median_s": round(back[len(back) // 2], 2) if back else None,
            "longest_s": round(back[-1], 2) if back else None,
        },
        "violations": dict(sorted(history.violations.items())),
        "examples": [f"{violation.kind}: {violation.detail}" for violation in history.examples],
    }
