"""What an account sees of its charges: one object, a page of them, its settlements and balances."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from paya_app.core import db


async def _value(sql: str, **params: object) -> Any:
    return (await db.call(sql, params))[0][0]


async def read(account_id: UUID, object_id: UUID, object_kind: str = "charge") -> dict[str, Any]:
    """One charge (with its captures, refunds and disputes), capture, refund, dispute or settlement.

    Raises:
        NotFound: the account has none of this kind and id.
    """
    return await _value("select charges.read(:account, :id, :kind)", account=account_id, id=object_id, kind=object_kind)


async def list_charges(
    account_id: UUID, filters: Mapping[str, Any] | None = None, *, after: UUID | None = None, maximum: int = 20
) -> dict[str, Any]:
    """A page of charges, the newest first: `data`, `has_more`, `next_cursor` (the next page's `after`).

    `filters`: status, created_gte and created_lt (RFC 3339, the account's time), card_id, metadata.

    Raises:
        ChargeFieldInvalid: a filter that is none, or `maximum` not from 1 to 100.
    """
    return await _value(
        "select charges.list(:account, cast(:filters as jsonb), :after, :maximum)",
        account=account_id,
        filters=json.dumps(filters or {}),
        after=after,
        maximum=maximum,
    )


async def list_settlements(account_id: UUID, *, after: UUID | None = None, maximum: int = 20) -> dict[str, Any]:
    """A page of settlements, the latest first, as `list_charges`."""
    return await _value(
        "select charges.list_settlements(:account, :after, :maximum)", account=account_id, after=after, maximum=maximum
    )


async def balances(account_id: UUID) -> list[dict[str, Any]]:
    """Per currency what is pending, available, on its way back, disputed, and what fees came to, in minor units."""
    return await _value("select charges.balances(:account)", account=account_id)
