"""What the exchange holds for us, and sending bitcoin from there to an address that it knows."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

import structlog

from paya_app.providers.exchange import amounts
from paya_app.providers.exchange.connection import connection
from paya_app.providers.outcome import Rejected, Retryable, Unknown

ASSET = "XBT"
PAGE = 50
PAGES_MAX = 100
# Signed calls wait for one another. Who looks for a withdrawal later than this must not be followed by it.
SENT_WITHIN_S = 30.0

WithdrawalState = Literal["pending", "done", "failed"]
_STATES: dict[str, WithdrawalState] = {"Success": "done", "Failure": "failed", "Canceled": "failed"}

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Balances:
    """What is ours there, less what is being withdrawn; rounded down."""

    usd_micros: int
    sats: int


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A withdrawal as it stands.

    Attributes:
        ref: the exchange's id.
        address_key: what the address is called there.
        quantity_sats: what arrives; with `fee_sats` it is what left the account.
        txid: of the bitcoin transaction, once there is one.
    """

    ref: str
    address_key: str
    state: WithdrawalState
    quantity_sats: int
    fee_sats: int
    txid: str
    asked_at: datetime


async def balances() -> Balances:
    """What the exchange holds for us now."""

    def read(result: Any) -> Balances:
        held = dict(result)
        return Balances(
            usd_micros=amounts.floored(held.get("ZUSD", "0"), amounts.MICROS_PER_USD),
            sats=amounts.floored(held.get("XXBT", "0"), amounts.SATS_PER_BTC),
        )

    return await connection().ask("Balance", {}, read_as=read)


async def withdrawal_fee_sats(*, address_key: str, quantity_sats: int) -> int:
    """What the network would take of a withdrawal of so much."""
    params = {"asset": ASSET, "key": address_key, "amount": amounts.btc(quantity_sats)}
    return await connection().ask(
        "WithdrawInfo", params, read_as=lambda result: amounts.raised(result["fee"], amounts.SATS_PER_BTC)
    )


async def withdraw(
    *, client_id: UUID, address_key: str, quantity_sats: int, fee_sats_max: int | None = None, address: str = ""
) -> str:
    """Take `quantity_sats` out of the account and send them, less the network's fee; the exchange's id of it.

    The exchange takes no id of ours and makes it again each time: after `Unknown` only `find_withdrawal` says
    whether to call again. `client_id` is for the log.

    Args:
        client_id: what we call it.
        address_key: the name that the address was registered under at the exchange.
        quantity_sats: what leaves the account.
        fee_sats_max: with a higher fee it is refused.
        address: when the name stands for another address it is refused.

    Raises:
        Rejected: not done: `EFunding:Unknown withdraw key`, `EFunding:Insufficient funds`, …
        Retryable: not done.
        Unknown: perhaps it was done.
    """
    body = {"asset": ASSET, "key": address_key, "amount": amounts.btc(quantity_sats)}
    body |= {} if fee_sats_max is None else {"max_fee": amounts.btc(fee_sats_max)}
    body |= {"address": address} if address else {}
    try:
        ref = await connection().make("Withdraw", body, read_as=_ref, within_s=SENT_WITHIN_S)
    except Unknown as unknown:
        log.warning("nobody knows whether a withdrawal was made", id=str(client_id), reason=unknown.reason)
        raise
    log.info("a withdrawal was made", id=str(client_id), ref=ref)
    return ref


async def withdrawal(ref: str) -> Withdrawal:
    """A withdrawal by the exchange's id.

    Raises:
        Retryable: `not_listed` too: the list may lag behind.
    """
    found = [each for each in await _list(until=ref) if each.ref == ref]
    if not found:
        raise Retryable("not_listed", is_outage=False)
    return found[0]


async def find_withdrawal(
    *, address_key: str, quantity_sats: int, since: datetime, known: frozenset[str] = frozenset()
) -> Withdrawal | None:
    """The withdrawal of so much (fee included) to this address that was asked for after `since`, or None.

    Several may fit: the caller says which of them are others (`known`), and asks for one at a time.

    Raises:
        Retryable: it cannot be found out now.
        Unknown: `two_withdrawals` fit, or `not_told:…`: somebody has to look.
    """
    start = since.astimezone(UTC).replace(microsecond=0)
    try:
        listed = await _list(since=start)
    except Rejected as refusal:
        # who does not tell what there is has not said that there is nothing
        raise Unknown(f"not_told:{refusal.code}", is_outage=False) from refusal
    fitting = [
        each
        for each in listed
        if each.address_key == address_key
        and each.quantity_sats + each.fee_sats == quantity_sats
        and each.asked_at >= start
        and each.ref not in known
    ]
    if len(fitting) > 1:
        raise Unknown("two_withdrawals", is_outage=False)
    return fitting[0] if fitting else None


async def _list(*, since: datetime | None = None, until: str = "") -> list[Withdrawal]:
    """Withdrawals, newest first: those from `since` on, or all down to the one called `until`."""
    params = {"asset": ASSET, "limit": str(PAGE), "cursor": "true"}
    params |= {"start": str(int(since.timestamp()))} if since else {}
    found: list[Withdrawal] = []
    for _ in range(PAGES_MAX):
        page, following = await connection().ask("WithdrawStatus", params, read_as=_page)
        found += page
        if not following or (until and any(each.ref == until for each in page)):
            return found
        params["cursor"] = following
    raise Retryable("too_many_pages", is_outage=False)


def _page(result: Any) -> tuple[list[Withdrawal], str]:
    page = result["withdrawals"]
    return [_withdrawal(each) for each in page], str(result.get("next_cursor") or "")


def _withdrawal(told: Any) -> Withdrawal:
    is_back = told.get("status-prop") in ("canceled", "return")
    return Withdrawal(
        ref=told["refid"],
        address_key=told.get("key") or "",
        state="failed" if is_back else _STATES.get(told["status"], "pending"),
        quantity_sats=amounts.exact(told["amount"], amounts.SATS_PER_BTC),
        fee_sats=amounts.raised(told["fee"], amounts.SATS_PER_BTC),
        txid=told.get("txid") or "",
        asked_at=datetime.fromtimestamp(int(told["time"]), UTC),
    )


def _ref(result: Any) -> str:
    if not isinstance(result["refid"], str) or not result["refid"]:
        raise ValueError("no id")
    return result["refid"]
