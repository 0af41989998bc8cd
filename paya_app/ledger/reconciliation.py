"""Reconciliation, internal: the database checks the rules of the ledger and opens a case for what breaks them."""

from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import psycopg

from paya_app.events.errors import RecordRestored

_SENTENCES = {
    "account_does_not_add_up": "{subject} is not the sum of its entries.",
    "transfer_does_not_fit": "{subject} does not fit its accounts or their entries.",
    "held_is_not_its_holds": "{subject} holds back more or less than its open holds say.",
    "asset_does_not_sum_to_zero": "All accounts of {subject} together do not make zero.",
    "payment_does_not_fit": "{subject} lacks its transfer, its event or itself.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: what kind, about what (like `account:17`), the evidence, and its open case."""

    kind: str
    subject: str
    evidence: list[Any]
    case_id: UUID
    is_new: bool

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self) | {"case_id": str(self.case_id)}

    @property
    def sentence(self) -> str:
        """What people read."""
        said = _SENTENCES[self.kind].format(subject=self.subject.replace(":", " ").capitalize())
        seen = "; ".join(_said(item) for item in self.evidence[:3])
        return f"{said} Seen: {seen}. Case {self.case_id}{'' if self.is_new else ', open already'}."


def _said(evidence: Any) -> str:
    if not isinstance(evidence, dict):
        return str(evidence)
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in evidence.items())


async def reconcile(database_url: str, *, is_full: bool) -> list[Finding]:
    """Check what is new since the last run, or everything, as paya_worker; cases for what is found are open then.

    Raises:
        RecordRestored: the database was restored and not rebased since.
        psycopg.Error: the database does not answer.
    """
    async with await psycopg.AsyncConnection.connect(
        database_url, application_name="paya reconcile", connect_timeout=3
    ) as connection:
        await connection.execute("set local role service_role")
        try:
            cursor = await connection.execute(
                "select kind, subject, evidence, case_id, is_new from ledger.reconcile(%s)", (is_full,)
            )
            return [Finding(*row) for row in await cursor.fetchall()]
        except psycopg.Error as error:
            if error.diag.message_primary == "record_restored":
                raise RecordRestored from error
            raise
