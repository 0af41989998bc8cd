"""What `paya verify` says, and with which exit code: 0 it holds, 1 it does not, 2 it could not be checked."""

from collections.abc import Callable
from pathlib import Path

import httpx

from paya_app.proof.errors import ReceiptRefused
from paya_app.proof.receipts import Head, check_receipt, parse_head, parse_receipt
from paya_app.proof.verify import verify

HOLDS, BROKEN, UNCHECKED = 0, 1, 2
PATIENCE_S = 10

Say = Callable[[str], None]


def tell_receipt(file: Path, head: str | None, say: Say) -> int:
    """Check the receipt in `file` against a public head; without one, against the head that it carries itself."""
    try:
        receipt = parse_receipt(file.read_bytes())
        public = _read_head(head, receipt.head.size) if head else receipt.head
        check_receipt(receipt, public)
    except ReceiptRefused as refused:
        say(f"No. {refused}")
        return BROKEN
    except (OSError, httpx.HTTPError, httpx.InvalidURL) as error:
        say(f"Not checked: {error}")
        return UNCHECKED
    transfer, seal = receipt.transfer, receipt.seal
    say(
        f"Yes. Transfer {transfer.id} of {transfer.amount:,} cents or sats is what seal {seal.n} covers, "
        f"and seal {seal.n} is in the log of {public.size} seals with the root {public.log_root}."
    )
    if head is None:
        say(
            "The head is the one that the receipt carries. Compare that root with the public one: "
            f"/v1/proof/head?size={public.size}"
        )
    return HOLDS


def tell_verify(database_url: str, head: str | None, say: Say, progress: Say) -> int:
    """Check the whole database, and that its log still leads to a head that was published."""
    try:
        published = _read_head(head, None) if head else None
    except ReceiptRefused as refused:
        say(f"Not checked: {refused}")
        return UNCHECKED
    except (OSError, httpx.HTTPError, httpx.InvalidURL) as error:
        say(f"Not checked: {error}")
        return UNCHECKED
    report = verify(database_url, progress, published)
    for finding in report.findings:
        say(f"{finding.table} {finding.id}{': ' + finding.column if finding.column else ''}. {finding.sentence}")
    counts = ", ".join(f"{rows:,} {what}" for what, rows in report.counts.items())
    if report.findings:
        say(f"No: {len(report.findings)} findings, the first one first. Read: {counts}.")
        return BROKEN
    say(f"Yes: everything is as it was sealed, and adds up. Read: {counts}. The log's root is {report.root.hex()}.")
    return HOLDS


def _read_head(where: str, size: int | None) -> Head:
    """A head from a file, or from an address that serves it.

    Raises:
        ReceiptRefused: what is there is no head.
        OSError, httpx.HTTPError: nothing could be read.
    """
    if not where.startswith(("http://", "https://")):
        return parse_head(Path(where).read_bytes())
    query = {} if size is None else {"size": str(size)}
    answer = httpx.get(httpx.URL(where).copy_merge_params(query), timeout=PATIENCE_S, follow_redirects=True)
    answer.raise_for_status()
    return parse_head(answer.content)
