"""What the vendor has otherwise than it was asked for: nothing is booked, and a person looks before we ask again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import structlog

from paya_app.banking.errors import Disputed
from paya_app.core.as_service import as_service

log = structlog.get_logger()


@asynccontextmanager
async def disputes(operation_id: UUID, vendor_ref: str) -> AsyncIterator[None]:
    """Whatever is booked inside and disputed opens a case about the operation, once, and goes on as the error it is."""
    try:
        yield
    except Disputed as dispute:
        log.error("the vendor has what was not asked for", operation=str(operation_id), code=dispute.code)
        await as_service(
            "select banking.open_dispute(:id, :ref, :code)", id=operation_id, ref=vendor_ref, code=dispute.code
        )
        raise
