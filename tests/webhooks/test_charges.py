"""A charge's whole life, as a receiver hears of it: what charges write is what is told, as it happened."""

from tests.charges.shop import Shop
from tests.webhooks.receiving import Sandbox, send


async def test_a_charge_is_told_from_authorization_to_dispute_in_order(database, receiver):
    shop = Shop(database)
    sandbox = Sandbox(database, shop.account_id)
    made = await sandbox.endpoint(receiver.url)
    receiver.answer = lambda _: 503
    charge = await shop.charge(1000)
    await send()
    capture = await shop.capture(charge, 900)
    await shop.refund(capture, 200)
    await shop.pass_time(days=5)
    await shop.dispute(charge["id"], 300)
    declined = await shop.charge(1000, card="declined")
    # the first of the charge is not taken yet, so nothing else of it has come; another charge waits for nobody
    receiver.came.clear()
    receiver.answer = lambda came: 503 if charge["id"] in came.body.decode() else 200
    await send()
    assert {came.read(made.secret)["type"] for came in receiver.came} == {"payment.authorized", "payment.declined"}
    receiver.came.clear()
    receiver.answer = lambda _: 200
    await shop.pass_time(hours=1)
    await send()
    told = [came.read(made.secret) for came in receiver.came]
    assert [each["type"] for each in told] == [
        "payment.authorized", "payment.captured", "payment.refunded", "payment.settled", "payment.refunded",
        "payment.dispute.opened",
    ]  # fmt: skip
    assert [each["event"] for each in told if each["type"] == "payment.settled"] == ["transaction_settled"]
    versions = [each["data"].get("charge", each["data"])["version"] for each in told]
    assert versions == sorted(set(versions))
    assert told[0]["data"] == charge
    assert told[1]["data"] == capture
    assert declined["status"] == "declined"
    moments = [each["timestamp"] for each in told]
    assert moments == sorted(moments)
