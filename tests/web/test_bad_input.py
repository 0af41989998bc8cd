"""Every field with everything that people and programs may put there: a sentence or inert text, never a fault.

What counts as a fault is an exception that no handler expected: it would be in the app's log.
"""

from typing import Any
from uuid import uuid4

import pytest
from websockets.exceptions import ConnectionClosed

from tests.support.event_socket import EventSocket, event_socket
from tests.support.running import RunningPaya, Somebody
from tests.web.hostile import SHAPES, TEXTS
from tests.web.test_handlers import HANDLERS

FAULT = "a handler failed"

# A handler, its argument, and the fields of it when it is a form; with what a good one holds.
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
    "AddState.submit": ("shown", {"load_id": "", "source_id": "", "amount": "$1.00"}),
    "AddState.set_reviewing": ("wanted", None),
    "CashOutState.choose_bank": ("source_id", None),
    "CashOutState.ask_review": ("amount", None),
    "CashOutState.submit": ("shown", {"redemption_id": "", "source_id": "", "amount": "$1.00"}),
    "CashOutState.set_reviewing": ("wanted", None),
    "OperationsState.choose": ("state", None),
    "OperationsState.search": ("sought", None),
    "OperationsState.replay": ("job_id", None),
    "BanksState.make_default": ("source_id", None),
    "BanksState.ask_unlink": ("source_id", None),
    "BanksState.set_leaving": ("wanted", None),
    "BanksState.unlink": ("source_id", None),
    "SettingsState.choose_received": ("audience", None),
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
    "enter",
    "refresh",
    "leave",
    "show_more",
    "show_newest",
    "show_banks",
    "link_another",
    "type_instead",
    "look_again",
    "go_to_bank",
    "end_others",
}


async def prepared(socket: EventSocket, name: str, to: Somebody) -> dict[str, Any]:
    """Bring the page's state to where the handler is used; the page's address."""
    if name.startswith("PayState."):
        where: dict[str, Any] = {"path": "/pay/", "query": {"id": str(uuid4()), "to": to.handle}}
        await socket.send(HANDLERS["PayState.enter"], **where)
        return where
    if name.startswith("AddState."):
        where = {"path": "/add/", "query": {"id": str(uuid4())}}
        await socket.send(HANDLERS["AddState.enter"], **where)
        return where
    return {"path": "/"}


@pytest.mark.parametrize("name", FIELDS)
async def test_no_text_or_shape_is_a_fault(paya: RunningPaya, name: str):
    ann, bob = await paya.sign_up(cents=5000), await paya.sign_up()
    argument, form = FIELDS[name]
    before = faults(paya)
    async with event_socket(paya.url, cookie=ann.secret) as socket:
        where = await prepared(socket, name, bob)
        for value in (TEXTS | SHAPES).values():
            payloads = [value] if form is None else [value, *({**form, field: value} for field in form)]
            for payload in payloads:
                answer = await socket.send(HANDLERS[name], {argument: payload}, **where)
                assert "Traceback" not in answer.text
    assert faults(paya) == before
    assert await paya.balance(ann) == 5000
    assert await paya.value("select count(*) from public.payments where sender_id = %s", (ann.user_id,)) == 0
    assert await paya.value("select handle from public.profiles where id = %s", (ann.user_id,)) == ann.handle


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
