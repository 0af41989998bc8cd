"""`paya verify`: everything booked, recomputed from the rows by code that shares nothing with the database's."""

from collections.abc import Callable

import psycopg

from paya_app.proof.findings import Report
from paya_app.proof.receipts import Head
from paya_app.proof.rows import Rows
from paya_app.proof.verify_ledger import verify_ledger
from paya_app.proof.verify_seals import verify_seals


def verify(database_url: str, say: Callable[[str], None], published: Head | None = None) -> Report:
    """Check all rows as they are at this moment, while PaYa runs; reads only, and keeps a page of rows at a time.

    Args:
        database_url: A login that may read the schemas proof, ledger and events.
        say: Gets a line of progress now and then.
        published: A head that somebody kept, which the log must still lead to.
    """
    report = Report(say)
    with psycopg.connect(database_url, application_name="paya verify", connect_timeout=3) as connection:
        rows = Rows(connection)
        changed = verify_seals(rows, report, published)
        verify_ledger(rows, report, changed)
    return report
