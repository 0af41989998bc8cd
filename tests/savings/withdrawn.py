"""People with bitcoin and an address for it: what a test of withdrawals begins with."""

from uuid import UUID

from paya_app import savings
from paya_app.core.actor import Actor
from paya_app.core.ids import new_id
from tests.savings.buys import a_due_buy, a_plan
from tests.support.database import Database

ADDRESS = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"
OTHER = "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"
FEE_SATS = 1_000


async def with_bitcoin(database: Database, who: Actor, cents: int = 30_000) -> int:
    """Have somebody buy for so much; how many satoshis they have then."""
    await a_due_buy(database, await a_plan(database, who, cents))
    await savings.buy_due()
    for (order,) in await database.rows("select id from savings.exchange_order where ended_at is null"):
        await savings.submit_order(order)
        await savings.follow_order(order)
    return (await savings.withdrawal_limits(who)).available_sats


async def an_address(who: Actor, address: str = ADDRESS) -> UUID:
    """An address of somebody's that has just been added."""
    return (await savings.add_address(who, address_id=new_id(), label="Safe at home", address=address)).id


async def ask(who: Actor, address_id: UUID, sats: int = 100_000, **how: object) -> savings.Withdrawal:
    """Ask for a withdrawal at the usual fee."""
    asked = {"withdrawal_id": new_id(), "fee_sats_max": FEE_SATS} | how
    return await savings.withdraw(who, address_id=address_id, quantity_sats=sats, **asked)  # pyright: ignore[reportArgumentType]


async def now_is(who: Actor, withdrawal: savings.Withdrawal) -> savings.Withdrawal:
    """The withdrawal as its owner sees it now."""
    found = await savings.withdrawal(who, withdrawal.id)
    assert found is not None
    return found
