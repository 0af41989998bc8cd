"""One account of the sandbox, as its developer uses it."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from paya_app import charges
from paya_app.core.ids import new_id
from tests.support.database import Database


class Shop:
    """`account_id`, and the verbs with ids made on the way."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.account_id = uuid4()

    async def charge(self, amount_minor: int = 10_000, card: str = "visa", **more: Any) -> dict[str, Any]:
        return await charges.authorize(
            self.account_id,
            charge_id=more.pop("charge_id", None) or new_id(),
            amount_minor=amount_minor,
            currency=more.pop("currency", "USD"),
            card=card,
            **more,
        )

    async def capture(self, charge: dict[str, Any], amount_minor: int | None = None, **more: Any) -> dict[str, Any]:
        return await charges.capture(
            self.account_id,
            capture_id=more.pop("capture_id", None) or new_id(),
            charge_id=UUID(charge["id"]),
            amount_minor=amount_minor,
            **more,
        )

    async def captured(self, amount_minor: int = 10_000, card: str = "visa", **more: Any) -> dict[str, Any]:
        return await self.capture(await self.charge(amount_minor, card, **more))

    async def increment(self, charge: dict[str, Any], amount_minor: int) -> dict[str, Any]:
        return await charges.increment(
            self.account_id, operation_id=new_id(), charge_id=UUID(charge["id"]), amount_minor=amount_minor
        )

    async def void(self, charge: dict[str, Any]) -> dict[str, Any]:
        return await charges.void(self.account_id, operation_id=new_id(), charge_id=UUID(charge["id"]))

    async def refund(self, what: dict[str, Any], amount_minor: int | None = None, **more: Any) -> dict[str, Any]:
        return await charges.refund(
            self.account_id,
            refund_id=more.pop("refund_id", None) or new_id(),
            amount_minor=amount_minor,
            **{f"{what['object']}_id": UUID(what["id"])},
            **more,
        )

    async def dispute(self, charge_id: str, amount_minor: int | None = None) -> dict[str, Any]:
        return await charges.open_dispute(
            self.account_id, dispute_id=new_id(), charge_id=UUID(charge_id), amount_minor=amount_minor
        )

    async def answer(self, dispute: dict[str, Any], evidence: str) -> dict[str, Any]:
        return await charges.submit_evidence(
            self.account_id, operation_id=new_id(), dispute_id=UUID(dispute["id"]), evidence=evidence
        )

    async def read(self, thing: dict[str, Any]) -> dict[str, Any]:
        return await charges.read(self.account_id, UUID(thing["id"]), thing["object"])

    async def status(self, charge: dict[str, Any]) -> str:
        return (await charges.read(self.account_id, UUID(charge.get("charge_id") or charge["id"])))["status"]

    async def freeze(self, text: str) -> None:
        """Stop this account's clock at a moment of New York, like 2027-03-01 09:00."""
        moment = await self.database.value("select %s::timestamp at time zone 'America/New_York'", [text])
        await charges.freeze_clock(self.account_id, moment)

    async def pass_time(self, **span: float) -> charges.Advanced:
        now = await charges.now(self.account_id)
        return await charges.advance(self.account_id, now + timedelta(**span))

    async def advance_to(self, text: str) -> None:
        moment = await self.database.value("select %s::timestamp at time zone 'America/New_York'", [text])
        await charges.advance(self.account_id, moment)

    async def balance(self, currency: str = "USD") -> dict[str, int]:
        """Of this currency, what is pending, available and so on, without `_minor`."""
        (found,) = [one for one in await charges.balances(self.account_id) if one["currency"] == currency]
        return {name.removesuffix("_minor"): value for name, value in found.items() if name != "currency"}

    async def events(self) -> list[tuple[str, datetime, dict[str, Any]]]:
        """Kind, time and data of each, in the order in which they were written."""
        return await self.database.rows(
            "select kind::text, occurred_at, data from charges.event where account_id = %s order by xid, created_at",
            [self.account_id],
        )

    async def kinds(self) -> list[str]:
        return [kind.removeprefix("payment.") for kind, _, _ in await self.events()]
