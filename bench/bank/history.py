"""What the workers asked for and what they were told: the record that the database is judged by."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

Verb = Literal["send", "authorize", "capture", "release"]
State = Literal["asked", "acknowledged", "refused", "unresolved"]


@dataclass(eq=False, slots=True)
class Operation:
    """One thing that somebody wants done once.

    `legs` are (who gets it, US cents) in order: one for a payment, several for a capture, none otherwise. A leg to
    `REVENUE` goes to the system's account of that name.

    Attributes:
        key: the id under which it is asked for; `keys` are all that were ever used (one, from a sound client).
        cents: the whole amount, in US cents; 0 for a release.
        unknown: how often an answer was lost.
        expects: the refusal that is the only right answer, if one is.
        is_raced: whether the same is asked by two clients at once; one may be refused just before the other is not.
    """

    verb: Verb
    key: UUID
    giver: str
    cents: int = 0
    legs: tuple[tuple[str, int], ...] = ()
    hold: UUID | None = None
    is_final: bool = False
    expects: str | None = None
    is_raced: bool = False
    keys: list[UUID] = field(default_factory=list)
    state: State = "asked"
    code: str | None = None
    unknown: int = 0

    def __post_init__(self) -> None:
        self.keys.append(self.key)

    def ask_under(self, key: UUID) -> None:
        """Ask from now on under another id, as no sound client does."""
        self.key = key
        self.keys.append(key)


REVENUE = "revenue"


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken: which, and one example."""

    kind: str
    detail: str


@dataclass
class History:
    """Every operation of a run, and every promise seen broken.

    `refused` are those that must have left nothing behind: not those under a used key, not those that two asked for
    at once, and no releases, which name something that is there.
    `on_violation` is called at each first violation of a kind.
    """

    operations: list[Operation] = field(default_factory=list)
    acknowledged: list[Operation] = field(default_factory=list)
    refused: list[Operation] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    examples: list[Violation] = field(default_factory=list)
    on_violation: Callable[[Violation], None] = lambda _violation: None

    def begin(self, operations: Iterable[Operation]) -> None:
        """These are about to be asked for."""
        self.operations += operations

    def acknowledge(self, operation: Operation, answer: dict[str, Any]) -> None:
        """The database said that it is done."""
        operation.state = "acknowledged"
        self.acknowledged.append(operation)
        if operation.unknown:
            self.counts["unknown_was_committed" if answer.get("is_replay") else "unknown_was_not_committed"] += 1

    def refuse(self, operation: Operation, code: str) -> None:
        """The database said that it is not done, for good."""
        operation.state, operation.code = "refused", code
        if operation.expects is None and not operation.is_raced and operation.verb != "release":
            self.refused.append(operation)
        self.counts[f"refused_{code}"] += 1
        if operation.unknown:
            self.counts["unknown_was_refused"] += 1

    def give_up(self, operation: Operation) -> None:
        """Nobody will ever tell what became of it."""
        operation.state = "unresolved"
        self.violate("unresolved", f"{operation.verb} {operation.key}")

    def violate(self, kind: str, detail: object) -> None:
        """A promise was broken."""
        self.violations[kind] += 1
        if self.violations[kind] == 1:
            self.examples.append(violation := Violation(kind, str(detail)))
            self.on_violation(violation)

    def count(self, state: State) -> int:
        """How many operations are in this state."""
        return sum(operation.state == state for operation in self.operations)
