"""What an account may redeem, and that it is said before anything is refused."""

from datetime import timedelta

import pytest

from paya_app import banking
from paya_app.banking.errors import RedemptionLimit
from paya_app.core.actor import Actor


async def limits_of(actor: Actor) -> banking.RedemptionLimits:
    found = await banking.redemption_limits(actor)
    assert found is not None
    return found


async def real_money(bank) -> None:
    """The vendor moves real money from here on."""
    await bank.database.rows("select banking.use_environment('production')")


async def test_a_new_account_waits_fourteen_days_where_money_is_real(bank, people, advance_clock):
    ann = await people.join("ann", cents=5000)
    source = await bank.link(ann)
    await real_money(bank)
    limits = await limits_of(ann)
    joined_at = await bank.database.value("select created_at from public.profiles")
    assert limits.opens_at == joined_at + timedelta(days=14)
    assert (limits.room_cents, limits.most_cents) == (0, 0)
    with pytest.raises(RedemptionLimit) as refusal:
        await bank.redeem(ann, 1000, source)
    assert refusal.value.message == (
        "Not cashed out. New accounts wait before they cash out. You can in about 14 days."
        " Your money is in your wallet."
    )
    await advance_clock(days=13, hours=23)
    with pytest.raises(RedemptionLimit):
        await bank.redeem(ann, 1000, source)
    await advance_clock(hours=2)
    assert (await limits_of(ann)).opens_at is None
    assert (await bank.redeem(ann, 1000, source)).state == "queued"


async def test_until_the_server_said_anything_the_money_is_real(bank, people, database):
    assert await bank.database.value("select banking.environment_in_force()") == "sandbox"
    await banking.use_environment()
    assert await bank.database.value("select count(*) from banking.vendor_environment") == 1, "noted once"
    await bank.database.rows("set session_replication_role = replica; delete from banking.vendor_environment")
    assert await bank.database.value("select banking.environment_in_force()") == "production"


async def test_one_and_a_week_have_their_limits_and_the_week_rolls(bank, people, advance_clock):
    ann = await people.join("ann", cents=3_000_000)
    source = await bank.link(ann)
    with pytest.raises(RedemptionLimit) as refusal:
        await bank.redeem(ann, 500_001, source)
    assert refusal.value.message == ("Not cashed out. One transfer can be $5,000.00 at most. Nothing left your wallet.")
    for _ in range(3):
        await bank.redeem(ann, 500_000, source)
        await advance_clock(days=1)
    await bank.redeem(ann, 450_000, source)
    limits = await limits_of(ann)
    assert (limits.week_used_cents, limits.week_max_cents, limits.room_cents) == (1_950_000, 2_000_000, 50_000)
    assert limits.more_at is None
    assert limits.resets_at == (await banking.redemptions(ann))[-1].created_at + timedelta(days=7)
    with pytest.raises(RedemptionLimit) as refusal:
        await bank.redeem(ann, 50_001, source)
    assert refusal.value.message == (
        "Not cashed out. You can cash out $20,000.00 in 7 days. You can cash out $500.00 now."
        " There is room again in about 4 days. Nothing left your wallet."
    )
    await bank.redeem(ann, 50_000, source)
    full = await limits_of(ann)
    oldest = min(one.created_at for one in await banking.redemptions(ann))
    assert (full.room_cents, full.more_at) == (0, oldest + timedelta(days=7))
    await advance_clock(days=4, hours=1)
    assert (await limits_of(ann)).room_cents == 500_000


async def test_what_came_back_does_not_count(bank, people):
    ann = await people.join("ann")
    source = await bank.fund(ann, 5000)
    await bank.redeem(ann, 5000, source)
    assert (await limits_of(ann)).week_used_cents == 5000
    await bank.dwolla.rename(await bank.vendor_id(source), "R03")
    await bank.work()
    await bank.settle()
    assert (await limits_of(ann)).week_used_cents == 0


async def test_all_that_is_there_may_go_and_no_more_is_offered(bank, people):
    ann = await people.join("ann", cents=50)
    limits = await limits_of(ann)
    assert (limits.least_cents, limits.most_cents) == (50, 50)


async def test_a_limit_that_is_missing_refuses(bank, people):
    ann = await people.join("ann", cents=5000)
    source = await bank.link(ann)
    await bank.database.rows("update risk.limit_in_force set maxima = maxima - 'redeem_week_cents'")
    with pytest.raises(RedemptionLimit):
        await bank.redeem(ann, 1000, source)
