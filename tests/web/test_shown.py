"""What is confirmed is what the page showed: a press about anything else moves nothing."""

from uuid import uuid4

import pytest

from tests.support.event_socket import event_socket
from tests.support.running import RunningPaya
from tests.web.test_handlers import HANDLERS

NOT_WHAT_WAS_REVIEWED = {
    "payment_id": str(uuid4()),
    "to_id": str(uuid4()),
    "amount": "$1.01",
    "note": "another",
    "audience": "public",
}


@pytest.mark.parametrize("part", NOT_WHAT_WAS_REVIEWED)
async def test_a_press_that_shows_another_payment_sends_nothing(paya: RunningPaya, part: str):
    ann, bob = await paya.sign_up(cents=5000), await paya.sign_up()
    where = {"path": "/pay/", "query": {"id": str(uuid4()), "to": bob.handle}}
    order = {"to_id": str(bob.user_id), "amount": "$1.00", "note": "tea", "audience": "private"}
    async with event_socket(paya.url, cookie=ann.secret) as socket:
        await socket.send(HANDLERS["PayState.enter"], **where)
        asked = await socket.send(HANDLERS["PayState.ask_review"], {"order": order}, **where)
        review = asked.value("pay_state", "review")
        other = review | {part: NOT_WHAT_WAS_REVIEWED[part]}
        refused = await socket.send(HANDLERS["PayState.submit"], {"shown": other}, **where)
        assert "Nothing left your wallet" in refused.value("pay_state", "fault")
        assert await paya.balance(ann) == 5000
        await socket.send(HANDLERS["PayState.ask_review"], {"order": order}, **where)
        sent = await socket.send(HANDLERS["PayState.submit"], {"shown": review}, **where)
        assert sent.redirects == [f"/activity/{where['query']['id']}/?new=1"]
    assert await paya.balance(ann) == 4900


async def test_an_amount_typed_for_somebody_else_is_not_reviewed(paya: RunningPaya):
    ann, bob, cat = await paya.sign_up(cents=5000), await paya.sign_up(), await paya.sign_up()
    where = {"path": "/pay/", "query": {"id": str(uuid4()), "to": cat.handle}}
    order = {"to_id": str(bob.user_id), "amount": "$1.00", "note": "", "audience": "private"}
    async with event_socket(paya.url, cookie=ann.secret) as socket:
        await socket.send(HANDLERS["PayState.enter"], **where)
        answer = await socket.send(HANDLERS["PayState.ask_review"], {"order": order}, **where)
    assert "Nothing left your wallet" in answer.value("pay_state", "fault")
    assert answer.value("pay_state", "reviewing") is not True


async def test_a_press_that_shows_another_load_asks_no_bank(paya: RunningPaya):
    ann = await paya.sign_up()
    where = {"path": "/add/", "query": {"id": str(uuid4())}}
    bank = {"holder": "Ann Field", "routing": "222222226", "account": "99994242", "kind": "checking"}
    async with event_socket(paya.url, cookie=ann.secret) as socket:
        await socket.send(HANDLERS["AddState.enter"], **where)
        await socket.send(HANDLERS["AddState.add_bank"], {"form": bank}, **where)
        await socket.send(HANDLERS["AddState.confirm_bank"], {"form": {"first": "0.03", "second": "0.09"}}, **where)
        asked = await socket.send(HANDLERS["AddState.ask_review"], {"amount": "$5.00"}, **where)
        other = asked.value("add_state", "review") | {"amount": "$6.00"}
        refused = await socket.send(HANDLERS["AddState.submit"], {"shown": other}, **where)
    assert "No money was moved" in refused.value("add_state", "fault")
    assert await paya.value("select count(*) from banking.load where person = %s", (ann.user_id,)) == 0
