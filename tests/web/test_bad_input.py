"""Every field with everything that people and programs may put there: a sentence or inert text, never a fault.

What counts as a fault is an exception that no handler expected: it would be in the app's log.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from websockets.exceptions import ConnectionClosed

from tests.support.event_socket import EventSocket, event_socket
from tests.support.running import RunningPaya, Somebody
from tests.web.hostile import SHAPES, TEXTS
from tests.web.test_handlers import HANDLERS, in_three_days, make_api_key, make_plan

FAULT = "a handler failed"
# pages that show nothing to whoever has no account for programs
DEVELOPERS = ("WebhooksState.", "DeliveryState.", "PaymentsState.", "ChargeState.")

PLAN = {
    "amount": "25",
    "frequency": "monthly",
    "weekdays": "5",
    "month_day": "1",
    "time": "09:00",
    "zone": "UTC",
    "name": "",
    "below": "",
    "dip_percent": "5",
    "dip_extra": "10",
    "cap": "",
    "ends_on": "",
    "on_shortfall": "skip",
    "catch_up": "one",
    "source": "",
    "lead": "",
}

# A handler, its argument, and the fields of it when it is a form; with what a good one holds. Without the name of an
# argument the fields are the arguments themselves.
FIELDS: dict[str, tuple[str, dict[str, Any] | None]] = {
    "VerifyState.claim": ("form", {"name": "Ann Field", "handle": "ann_field"}),
    "HomeState.show": ("scope", None),
    "ActivityState.choose": ("kind", None),
    "ActivityState.search": ("sought", None),
    "ItemState.choose_audience": ("audience", None),
    "ItemState.cancel": ("item", None),
    "PayState.find": ("form", {"sought": "bob"}),
    "PayState.ask_review": ("order", {"to_id": "", "amount": "$1.00", "note": "", "audience": "private"}),
    "PayState.submit": ("shown", {"payment_id": "", "to_id": "", "amount": "$1.00", "note": "", "audience": "private"}),
    "PayState.set_reviewing": ("wanted", None),
    "AddState.add_bank": (
        "form",
        {"holder": "Ann Field", "routing": "222222226", "account": "1234567890", "kind": "checking"},
    ),
    "AddState.confirm_bank": ("form", {"first": "0.03", "second": "0.09"}),
    "AddState.choose_bank": ("source_id", None),
    "AddState.choose_kind": ("kind", None),
    "AddState.ask_review": ("amount", None),
    "AddState.submit": ("shown", {"transfer_id": "", "source_id": "", "amount": "$1.00"}),
    "AddState.set_reviewing": ("wanted", None),
    "CashOutState.choose_bank": ("source_id", None),
    "CashOutState.ask_review": ("amount", None),
    "CashOutState.submit": ("shown", {"transfer_id": "", "source_id": "", "amount": "$1.00"}),
    "CashOutState.set_reviewing": ("wanted", None),
    "WithdrawState.add_address": ("form", {"label": "Mine", "address": "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"}),
    "WithdrawState.drop_address": ("address_id", None),
    "WithdrawState.choose_address": ("address_id", None),
    "WithdrawState.ask_review": ("form", {"amount": "0.001"}),
    "WithdrawState.submit": (
        "shown",
        {"withdrawal_id": "", "address_id": "", "amount": "", "arrives": "", "fee": "", "fours": ""},
    ),
    "WithdrawState.set_reviewing": ("wanted", None),
    "NewPlanState.ask_review": ("order", PLAN),
    "NewPlanState.submit": ("shown", {"plan_id": "", "amount": "$25.00", "promise": "", "rest": "", "fee": ""}),
    "NewPlanState.set_reviewing": ("wanted", None),
    "LabState.run": ("order", PLAN | {"back_days": "90", "ahead_days": "90"}),
    "PlanState.ask": ("verb", None),
    "PlanState.act": ("asked", {"plan": "", "verb": "skip", "key": str(uuid4()), "due_at": ""}),
    "PlanState.set_asking": ("wanted", None),
    "ChangePlanState.ask_review": ("order", PLAN),
    "ChangePlanState.submit": (
        "shown",
        {"plan_id": "", "key": "", "name": "", "amount": "", "promise": "", "rest": "", "fee": ""},
    ),
    "ChangePlanState.set_reviewing": ("wanted", None),
    "OperationsState.choose": ("state", None),
    "OperationsState.search": ("sought", None),
    "OperationsState.replay": ("job_id", None),
    "BanksState.make_default": ("source_id", None),
    "BanksState.ask_unlink": ("source_id", None),
    "BanksState.set_leaving": ("wanted", None),
    "BanksState.unlink": ("source_id", None),
    "ApiKeysState.create": ("form", {"draft": "", "name": "Shop", "payments_read": "on"}),
    "ApiKeysState.ask": ("", {"verb": "revoke", "key_id": ""}),
    "ApiKeysState.set_asking": ("wanted", None),
    "ApiKeysState.act": ("", {"verb": "revoke", "key_id": ""}),
    "WebhooksState.create": (
        "form",
        {"draft": str(uuid4()), "url": "https://shop.example/hooks", "description": "", "captured": "on"},
    ),
    "WebhooksState.ask": ("", {"verb": "rotate", "endpoint_id": ""}),
    "WebhooksState.set_asking": ("wanted", None),
    "WebhooksState.act": ("", {"verb": "test", "endpoint_id": "", "key": ""}),
    "WebhooksState.choose": ("state", None),
    "DeliveryState.replay": ("delivery_id", None),
    "PaymentsState.choose": ("status", None),
    "PaymentsState.turn": ("", {"span": "day", "shown_at": "2026-01-01T00:00:00+00:00"}),
    "PaymentsState.set_freezing": ("wanted", None),
    "SettingsState.choose_received": ("audience", None),
    "NoticesState.choose": ("choice", {"kind": "buy.bought", "channel": "email", "is_wanted": True}),
    "NoticesState.save_address": ("form", {"email": "ann@example.com"}),
    "NoticesState.set_quiet": ("is_wanted", None),
    "NoticesState.save_hours": (
        "form",
        {"quiet_from": "22:00", "quiet_to": "07:00", "zone": "UTC", "remind_hours": "24"},
    ),
    "NoticesState.add_device": (
        "subscription",
        {"endpoint": "https://fcm.googleapis.com/x", "keys": {"p256dh": "BA", "auth": "AA"}},
    ),
    "NoticesState.forget_endpoint": ("endpoint", None),
    "NoticesState.remove_device": ("device_id", None),
    "SessionsState.end": ("session_id", None),
}


def faults(paya: RunningPaya) -> int:
    """How many unexpected exceptions the app has logged."""
    return (paya.home / "logs" / "app.log").read_text(errors="replace").count(FAULT)


def test_every_handler_with_an_argument_is_tried():
    ours = {
        name for name in HANDLERS if "State." in name and not name.startswith(("State.", "OnLoad", "Update", "Front"))
    }
    without = {name for name in ours if name.rpartition(".")[2] in _NO_ARGUMENT}
    assert ours - without == set(FIELDS)


_NO_ARGUMENT = {
    "repay",
    "put_away",
    "take_all",
    "freeze",
    "enter",
    "refresh",
    "leave",
    "show_more",
    "show_newest",
    "show_older",
    "show_latest",
    "show_banks",
    "link_another",
    "type_instead",
    "look_again",
    "go_to_bank",
    "end_others",
    "remove_address",
}


async def prepared(socket: EventSocket, name: str, to: Somebody, plan_id: str = "") -> dict[str, Any]:
    """Bring the page's state to where the handler is used; the page's address."""
    if name.startswith("NewPlanState."):
        where: dict[str, Any] = {"path": "/save/new/", "query": {"id": str(uuid4())}}
        await socket.send(HANDLERS["NewPlanState.enter"], **where)
        return where
    if name.startswith("WithdrawState."):
        where = {"path": "/save/withdraw/", "query": {"id": str(uuid4())}}
        await socket.send(HANDLERS["WithdrawState.enter"], **where)
        return where
    if name.startswith("PlanState."):
        where = {"path": f"/save/{plan_id}/", "query": {"plan": plan_id}}
        await socket.send(HANDLERS["PlanState.enter"], **where)
        return where
    if name.startswith("ChangePlanState."):
        where = {"path": f"/save/{plan_id}/change/", "query": {"plan": plan_id, "id": str(uuid4())}}
        await socket.send(HANDLERS["ChangePlanState.enter"], **where)
        return where
    if name.startswith("PayState."):
        where = {"path": "/pay/", "query": {"id": str(uuid4()), "to": to.handle}}
        await socket.send(HANDLERS["PayState.enter"], **where)
        return where
    if name.startswith("AddState."):
        where = {"path": "/add/", "query": {"id": str(uuid4())}}
        await socket.send(HANDLERS["AddState.enter"], **where)
        return where
    if name.startswith("WebhooksState."):
        await socket.send(HANDLERS["WebhooksState.enter"], path="/developers/webhooks/")
    return {"path": "/"}


@pytest.mark.parametrize("name", FIELDS)
async def test_no_text_or_shape_is_a_fault(paya: RunningPaya, name: str):
    ann, bob = await paya.sign_up(cents=5000), await paya.sign_up()
    argument, form = FIELDS[name]
    before = faults(paya)
    if name.startswith(DEVELOPERS):
        await make_api_key(paya, ann)
    plan_id = await make_plan(paya, ann) if name.startswith(("PlanState.", "ChangePlanState.")) else ""
    if name == "PlanState.act":
        form = {**(form or {}), "plan": plan_id}
    for value in (TEXTS | SHAPES).values():
        whole = [{argument: value}] if argument else []
        parts = [{**(form or {}), field: value} for field in form or {}]
        payloads = whole + [{argument: part} if argument else part for part in parts]
        # a socket of its own for each value: what one may say at once is limited
        async with event_socket(paya.url, cookie=ann.secret) as socket:
            where = await prepared(socket, name, bob, plan_id)
            for payload in payloads:
                await socket.raise_event(HANDLERS[name], payload, **where)
            answer = await socket.answer()
            assert "Traceback" not in answer.text
    assert faults(paya) == before
    assert await paya.balance(ann) == 5000
    assert await paya.value("select count(*) from public.payments where sender_id = %s", (ann.user_id,)) == 0
    assert await paya.value("select handle from public.profiles where id = %s", (ann.user_id,)) == ann.handle


# What is wrong with a plan, and the part of the sentence that says so.
BAD_PLANS = {
    "an amount below the least": ({"amount": "4.99"}, "One buy is $5.00 at least"),
    "an amount above the most": ({"amount": "1000.01"}, "$1,000.00 at most"),
    "no amount": ({"amount": "much"}, "Write the amount in dollars and cents"),
    "an unknown zone": ({"zone": "Mars/Olympus"}, "That is no time zone"),
    "day 32": ({"frequency": "monthly", "month_day": "32"}, "Choose a day of the month from 1 to 31"),
    "no day of the week": ({"weekdays": ""}, "Choose the days of the week"),
    "two days every two weeks": ({"frequency": "biweekly", "weekdays": "1,5"}, "for every two weeks, one of them"),
    "hour 24": ({"time": "24:00"}, "Choose a time of the day"),
    "an end before the start": ({"ends_on": "2020-01-01"}, "The last day comes after the first"),
    "an end that is no day": ({"ends_on": "soon"}, "The last day comes after the first"),
    "an end before any buy": ({"ends_on": str((datetime.now(UTC) + timedelta(days=1)).date())}, "No buy falls between"),
    "a price that never comes": ({"below": "1"}, "Bitcoin will not cost that little"),
    "half a dip": ({"dip_percent": "5"}, "by how much the price falls and how much more to buy"),
    "a dip of everything": ({"dip_percent": "99", "dip_extra": "5"}, "The price will not fall that much"),
    "a dip above the most": ({"dip_percent": "5", "dip_extra": "999"}, "is more than one buy may be"),
    "a cap without room": ({"cap": "5"}, "The cap leaves no room for another buy"),
    "a long name": ({"name": "x" * 41}, "A plan's name has 1 to 40 characters"),
    "the bank's way out": ({"on_shortfall": "use_wallet"}, "When there is too little money"),
    "a bank that is none": ({"source": "mine", "lead": "3"}, "Choose the bank that it is paid from"),
    "a bank of nobody": ({"source": str(uuid4()), "lead": "3"}, "There is no such bank"),
    "a bank without lead": ({"source": str(uuid4())}, "1 to 10 business days of lead"),
    "a bank every hour": (
        {"source": str(uuid4()), "lead": "3", "frequency": "hourly"},
        "A bank cannot be asked every hour",
    ),
}


@pytest.mark.parametrize("case", BAD_PLANS)
async def test_what_is_wrong_with_a_plan_is_said_and_nothing_is_made(paya: RunningPaya, case: str):
    ann = await paya.sign_up(cents=5000)
    changed, said = BAD_PLANS[case]
    async with event_socket(paya.url, cookie=ann.secret) as socket:
        where = await prepared(socket, "NewPlanState.ask_review", ann)
        answer = await socket.send(HANDLERS["NewPlanState.ask_review"], {"order": in_three_days() | changed}, **where)
        if answer.value("new_plan_state", "reviewing"):  # what the limits forbid is known when it is saved
            review = answer.value("new_plan_state", "review")
            answer = await socket.send(HANDLERS["NewPlanState.submit"], {"shown": review}, **where)
    assert said in answer.value("new_plan_state", "fault")
    assert answer.redirects == []
    assert await paya.value("select count(*) from savings.plan where person = %s", (ann.user_id,)) == 0


@pytest.mark.parametrize("part", ["plan_id", "amount", "promise", "rest"])
async def test_a_press_that_shows_another_plan_starts_none(paya: RunningPaya, part: str):
    ann = await paya.sign_up(cents=5000)
    async with event_socket(paya.url, cookie=ann.secret) as socket:
        where = await prepared(socket, "NewPlanState.submit", ann)
        asked = await socket.send(HANDLERS["NewPlanState.ask_review"], {"order": in_three_days()}, **where)
        other = asked.value("new_plan_state", "review") | {part: str(uuid4())}
        refused = await socket.send(HANDLERS["NewPlanState.submit"], {"shown": other}, **where)
    assert "Nothing was bought" in refused.value("new_plan_state", "fault")
    assert await paya.value("select count(*) from savings.plan where person = %s", (ann.user_id,)) == 0


@pytest.mark.parametrize("text", [TEXTS[k] for k in TEXTS if k != "emoji"], ids=[k for k in TEXTS if k != "emoji"])
async def test_no_such_amount_comes_to_review(paya: RunningPaya, text: str):
    ann, bob = await paya.sign_up(cents=5000), await paya.sign_up()
    async with event_socket(paya.url, cookie=ann.secret) as socket:
        where = await prepared(socket, "PayState.ask_review", bob)
        order = {"to_id": str(bob.user_id), "amount": text, "note": "", "audience": "private"}
        answer = await socket.send(HANDLERS["PayState.ask_review"], {"order": order}, **where)
        assert answer.value("pay_state", "fault")
        assert answer.value("pay_state", "reviewing") is not True
        await socket.send(HANDLERS["PayState.submit"], {"shown": {"amount": text}}, **where)
    assert await paya.balance(ann) == 5000


async def test_a_note_is_kept_as_inert_text(paya: RunningPaya):
    ann, bob = await paya.sign_up(cents=50000), await paya.sign_up()
    kept = {
        TEXTS["markup"]: TEXTS["markup"],
        TEXTS["sql"]: TEXTS["sql"],
        TEXTS["emoji"]: TEXTS["emoji"],
        TEXTS["right to left"]: "abcdef",
    }
    for given, expected in kept.items():
        async with event_socket(paya.url, cookie=ann.secret) as socket:
            where = await prepared(socket, "PayState.ask_review", bob)
            order = {"to_id": str(bob.user_id), "amount": "$1.00", "note": given, "audience": "public"}
            asked = await socket.send(HANDLERS["PayState.ask_review"], {"order": order}, **where)
            shown = asked.value("pay_state", "review")
            answer = await socket.send(HANDLERS["PayState.submit"], {"shown": shown}, **where)
            assert answer.redirects, answer.text
        note = await paya.value(
            "select note from public.payments where sender_id = %s order by created_at desc limit 1", (ann.user_id,)
        )
        assert note == expected


async def test_ten_megabytes_close_the_socket_and_memory_stays_flat(paya: RunningPaya):
    ann = await paya.sign_up()
    worker = paya.app_pids()[-1]
    before = _resident_mb(worker)
    for _ in range(8):
        async with event_socket(paya.url, cookie=ann.secret) as socket:
            try:
                await socket.send_raw('["event", {"name": "' + "x" * 10_000_000 + '"}]')
                code = await socket.wait_closed()
            except ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd else 1006
            assert code in (1009, 1006)
    assert _resident_mb(worker) - before < 60


def _resident_mb(pid: int) -> float:
    with open(f"/proc/{pid}/status") as status:  # noqa: PTH123
        line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
