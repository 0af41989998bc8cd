"""What verification found wrong, and how far it has come."""

from collections.abc import Callable
from dataclasses import dataclass, field

FINDINGS_MAX = 50
SAY_EVERY_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One row that is not as it was sealed, or does not fit the others. `column` is empty when it cannot be told."""

    table: str
    id: str
    column: str
    sentence: str


@dataclass
class Report:
    """The outcome: what was counted, and the findings in the order met; `root` is the log's."""

    say: Callable[[str], None]
    counts: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    root: bytes = b""

    def count(self, what: str, rows: int = 1) -> None:
        """Note that so many more rows were read; says so now and then."""
        before = self.counts.get(what, 0)
        self.counts[what] = before + rows
        if before // SAY_EVERY_ROWS != (before + rows) // SAY_EVERY_ROWS:
            self.say(f"{what}: {before + rows:,}")

    def find(self, table: str, row_id: object, column: str, sentence: str) -> None:
        """Note a finding; each row and column once, and no endless list."""
        known = any((f.table, f.id, f.column) == (table, str(row_id), column) for f in self.findings)
        if not known and len(self.findings) < FINDINGS_MAX:
            self.findings.append(Finding(table, str(row_id), column, sentence))
