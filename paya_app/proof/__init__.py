"""Proof: seals over everything that was booked, the public head, receipts, and their verification.

The database seals (`supabase/migrations/*_seals.sql`); what verifies here shares no code with it.
"""

from paya_app.proof.errors import NotSealedYet, ReceiptRefused
from paya_app.proof.receipts import check_receipt, parse_head, parse_receipt
from paya_app.proof.service import head, receipt

__all__ = [
    "NotSealedYet",
    "ReceiptRefused",
    "check_receipt",
    "head",
    "parse_head",
    "parse_receipt",
    "receipt",
]
