"""Every event handler, as anyone may call it: refused to visitors, and another's ids open nothing.

A handler without a row here fails the first test.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb

from tests.support.event_socket import Answer, event_socket
from tests.support.running import RunningPaya, Somebody
from tests.support.waiting import until

STATE = "reflex___state____state"
SIGNED_OUT = "You are signed out"
CANARY = "canary-7f3a"


@dataclass(frozen=True)
class Theirs:
    """What somebody else must not get at."""

    ann: Somebody
    payment: str
    session: str
    source: str
    load: str
    plan: str
    address: str = ""
    withdrawal: str = ""
    api_key: str = ""
    endpoint: str = ""
    delivery: str = ""
    charge: str = ""

    @property
    def secrets(self) -> list[str]:
        """Texts that must be in no answer to anyone else."""
        return [CANARY, self.ann.secret, self.ann.phone, self.ann.phone[-8:], "77.77", "··4242", "313.13"]


@dataclass(frozen=True)
class Row:
    """How to call a handler with another's ids, and what visitors and others get."""

    visitor: str
    other: str = ""
    payload: Callable[[Theirs], dict[str, Any]] = field(default=lambda _: {})
    path: Callable[[Theirs], str] = field(default=lambda _: "/")
    query: Callable[[Theirs], dict[str, str]] = field(default=lambda _: {})


LED_AWAY = "/welcome/"
ANYONE = ""
NOT_ALLOWED = "That is not allowed from here"
NOT_YOURS = "or it is not yours to see"
NO_ENDPOINT = "There is no such endpoint"
NO_DELIVERY = "There is no such delivery"

ROWS = {
    # Reflex's own
    "State.hydrate": Row(ANYONE),
    "State.set_is_hydrated": Row(ANYONE, payload=lambda _: {"value": True}),
    "State.hydrate_and_load": Row(ANYONE),
    "FrontendEventExceptionState.handle_frontend_exception": Row(
        ANYONE, payload=lambda _: {"info": "a page broke", "component_stack": ""}
    ),
    "UpdateVarsInternalState.update_vars_internal": Row(ANYONE, payload=lambda _: {"vars": {}}),
    "OnLoadInternalState.on_load_internal": Row(ANYONE),
    "OnLoadInternalState.set_is_hydrated": Row(ANYONE, payload=lambda _: {"value": True}),
    # the frame
    "Viewer.enter": Row('"phase_rx_state_": "out"'),
    "Viewer.dismiss": Row(ANYONE),
    "Viewer.report_trouble": Row("Something went wrong"),
    # pages for anyone
    "HomeState.enter": Row('"phase_rx_state_": "out"'),
    "HomeState.refresh": Row(SIGNED_OUT),
    "HomeState.repay": Row(SIGNED_OUT, "You owe nothing"),
    "HomeState.show": Row("yours", payload=lambda _: {"scope": "yours"}),
    "PersonState.enter": Row("is_me", path=lambda t: f"/u/{t.ann.handle}/", query=lambda t: {"handle": t.ann.handle}),
    "WelcomeState.enter": Row('"phase_rx_state_": "out"', path=lambda _: "/welcome/"),
    "VerifyState.enter": Row('"step_rx_state_": "code"', path=lambda _: "/verify/"),
    "VerifyState.claim": Row(
        SIGNED_OUT,
        "You already have a handle",
        payload=lambda _: {"form": {"name": "Eve", "handle": "eve_again"}},
        path=lambda _: "/verify/",
    ),
    # pages of one's own
    "ActivityState.enter": Row(LED_AWAY, path=lambda _: "/activity/"),
    "ActivityState.choose": Row(SIGNED_OUT, payload=lambda _: {"kind": "all"}),
    "ActivityState.search": Row(SIGNED_OUT, payload=lambda _: {"sought": "canary"}),
    "ActivityState.show_more": Row(SIGNED_OUT),
    "ActivityState.show_newest": Row(SIGNED_OUT),
    "ItemState.enter": Row(
        LED_AWAY, NOT_YOURS, path=lambda t: f"/activity/{t.payment}/", query=lambda t: {"item": t.payment}
    ),
    "ItemState.refresh": Row(
        SIGNED_OUT, NOT_YOURS, path=lambda t: f"/activity/{t.load}/", query=lambda t: {"item": t.load}
    ),
    "ItemState.choose_audience": Row(
        SIGNED_OUT,
        NOT_YOURS,
        payload=lambda t: {"audience": "public", "item": t.payment},
        path=lambda t: f"/activity/{t.payment}/",
        query=lambda t: {"item": t.payment},
    ),
    "ItemState.cancel": Row(
        SIGNED_OUT,
        NOT_YOURS,
        payload=lambda t: {"item": t.load},
        path=lambda t: f"/activity/{t.load}/",
        query=lambda t: {"item": t.load},
    ),
    "PayState.enter": Row(LED_AWAY, path=lambda _: "/pay/", query=lambda t: {"id": t.payment, "to": t.ann.handle}),
    "PayState.find": Row(SIGNED_OUT, "/pay/", payload=lambda t: {"form": {"sought": t.ann.handle}}),
    "PayState.leave": Row(ANYONE),
    "PayState.refresh": Row(SIGNED_OUT),
    "PayState.ask_review": Row(
        SIGNED_OUT, "Nobody", payload=lambda _: {"order": {"amount": "$1.00", "note": "", "audience": "private"}}
    ),
    "PayState.set_reviewing": Row(ANYONE, payload=lambda _: {"wanted": True}),
    "PayState.submit": Row(SIGNED_OUT, "Nothing left your wallet", payload=lambda _: {"shown": {"amount": "$1.00"}}),
    "CashOutState.leave": Row(ANYONE),
    "CashOutState.enter": Row(LED_AWAY, path=lambda _: "/cash-out/", query=lambda t: {"id": t.load}),
    "CashOutState.show_banks": Row(SIGNED_OUT, "unlinked"),
    "CashOutState.choose_bank": Row(SIGNED_OUT, "unlinked", payload=lambda t: {"source_id": t.source}),
    "CashOutState.ask_review": Row(SIGNED_OUT, "Check the transfer once more", payload=lambda _: {"amount": "$5.00"}),
    "CashOutState.set_reviewing": Row(ANYONE, payload=lambda _: {"wanted": True}),
    "CashOutState.submit": Row(
        SIGNED_OUT, "Nothing left your wallet", payload=lambda _: {"shown": {"amount": "$1.00"}}
    ),
    "AddState.leave": Row(ANYONE),
    "AddState.enter": Row(LED_AWAY, path=lambda _: "/add/", query=lambda t: {"id": t.load}),
    "AddState.add_bank": Row(
        SIGNED_OUT,
        "no routing number",
        payload=lambda _: {"form": {"holder": "Eve Hill", "routing": "123456789", "account": "12345", "kind": "x"}},
    ),
    "AddState.confirm_bank": Row(SIGNED_OUT, payload=lambda _: {"form": {"first": "0.03", "second": "0.09"}}),
    "AddState.show_banks": Row(SIGNED_OUT, "link"),
    "AddState.choose_bank": Row(SIGNED_OUT, "bank", payload=lambda t: {"source_id": t.source}),
    "AddState.choose_kind": Row(SIGNED_OUT, "savings", payload=lambda _: {"kind": "savings"}),
    "AddState.link_another": Row(SIGNED_OUT, "link"),
    "AddState.type_instead": Row(SIGNED_OUT, "bank"),
    "AddState.ask_review": Row(SIGNED_OUT, "Check the transfer once more", payload=lambda _: {"amount": "$5.00"}),
    "AddState.set_reviewing": Row(ANYONE, payload=lambda _: {"wanted": True}),
    "AddState.submit": Row(SIGNED_OUT, "No money was moved", payload=lambda _: {"shown": {"amount": "$1.00"}}),
    "SaveState.enter": Row(LED_AWAY, path=lambda _: "/save/"),
    "SaveState.refresh": Row(SIGNED_OUT),
    "WithdrawState.leave": Row(ANYONE),
    "WithdrawState.enter": Row(LED_AWAY, path=lambda _: "/save/withdraw/", query=lambda t: {"id": t.withdrawal}),
    "WithdrawState.refresh": Row(SIGNED_OUT),
    "WithdrawState.add_address": Row(
        SIGNED_OUT, "wrong or missing letter", payload=lambda _: {"form": {"label": "Mine", "address": "bc1qcanary"}}
    ),
    "WithdrawState.drop_address": Row(SIGNED_OUT, NOT_YOURS, payload=lambda t: {"address_id": t.address}),
    "WithdrawState.choose_address": Row(SIGNED_OUT, NOT_YOURS, payload=lambda t: {"address_id": t.address}),
    "WithdrawState.take_all": Row(SIGNED_OUT),
    "WithdrawState.ask_review": Row(
        SIGNED_OUT, "Check the withdrawal once more", payload=lambda _: {"form": {"amount": "0.001"}}
    ),
    "WithdrawState.set_reviewing": Row(ANYONE, payload=lambda _: {"wanted": True}),
    "WithdrawState.submit": Row(SIGNED_OUT, "Nothing was sent", payload=lambda _: {"shown": {"amount": "0.001 BTC"}}),
    "NewPlanState.leave": Row(ANYONE),
    "NewPlanState.enter": Row(LED_AWAY, path=lambda _: "/save/new/", query=lambda t: {"id": t.plan}),
    "NewPlanState.ask_review": Row(
        SIGNED_OUT, "Check the plan once more", payload=lambda _: {"order": {"amount": "$5.00"}}
    ),
    "NewPlanState.set_reviewing": Row(ANYONE, payload=lambda _: {"wanted": True}),
    "NewPlanState.submit": Row(SIGNED_OUT, "Nothing was bought", payload=lambda _: {"shown": {"amount": "$1.00"}}),
    "LabState.leave": Row(ANYONE),
    "LabState.enter": Row(LED_AWAY, path=lambda _: "/save/lab/", query=lambda t: {"plan": t.plan}),
    "LabState.run": Row(
        SIGNED_OUT,
        "The lab looks back by 30 to 1830 days",
        payload=lambda _: {"order": in_three_days() | {"back_days": "", "ahead_days": "365"}},
    ),
    "PlanState.enter": Row(LED_AWAY, NOT_YOURS, path=lambda t: f"/save/{t.plan}/", query=lambda t: {"plan": t.plan}),
    "PlanState.refresh": Row(
        SIGNED_OUT, NOT_YOURS, path=lambda t: f"/save/{t.plan}/", query=lambda t: {"plan": t.plan}
    ),
    "PlanState.show_more": Row(
        SIGNED_OUT, NOT_YOURS, path=lambda t: f"/save/{t.plan}/", query=lambda t: {"plan": t.plan}
    ),
    "PlanState.show_newest": Row(
        SIGNED_OUT, NOT_YOURS, path=lambda t: f"/save/{t.plan}/", query=lambda t: {"plan": t.plan}
    ),
    "PlanState.show_older": Row(
        SIGNED_OUT, NOT_YOURS, path=lambda t: f"/save/{t.plan}/", query=lambda t: {"plan": t.plan}
    ),
    "PlanState.show_latest": Row(
        SIGNED_OUT, NOT_YOURS, path=lambda t: f"/save/{t.plan}/", query=lambda t: {"plan": t.plan}
    ),
    "PlanState.ask": Row(
        SIGNED_OUT,
        NOT_YOURS,
        payload=lambda t: {"verb": "end", "item": t.plan},
        path=lambda t: f"/save/{t.plan}/",
        query=lambda t: {"plan": t.plan},
    ),
    "PlanState.set_asking": Row(ANYONE, payload=lambda _: {"wanted": True}),
    "PlanState.act": Row(
        SIGNED_OUT,
        NOT_YOURS,
        payload=lambda t: {"asked": {"plan": t.plan, "verb": "end", "key": str(uuid4()), "due_at": ""}},
        path=lambda t: f"/save/{t.plan}/",
        query=lambda t: {"plan": t.plan},
    ),
    "ChangePlanState.leave": Row(ANYONE),
    "ChangePlanState.enter": Row(
        LED_AWAY,
        NOT_YOURS,
        path=lambda t: f"/save/{t.plan}/change/",
        query=lambda t: {"plan": t.plan, "id": str(uuid4())},
    ),
    "ChangePlanState.ask_review": Row(
        SIGNED_OUT,
        NOT_YOURS,
        payload=lambda _: {"order": {"amount": "$5.00"}},
        path=lambda t: f"/save/{t.plan}/change/",
        query=lambda t: {"plan": t.plan, "id": str(uuid4())},
    ),
    "ChangePlanState.set_reviewing": Row(ANYONE, payload=lambda _: {"wanted": True}),
    "ChangePlanState.submit": Row(
        SIGNED_OUT, "The plan goes on as it was", payload=lambda _: {"shown": {"amount": "$1.00"}}
    ),
    "LinkBankState.enter": Row(LED_AWAY, "start", path=lambda _: "/link-bank/", query=lambda t: {"id": t.load}),
    "LinkBankState.look_again": Row(SIGNED_OUT),
    "LinkBankState.go_to_bank": Row(SIGNED_OUT, "/hl/", path=lambda _: "/link-bank/"),
    "BanksState.enter": Row(LED_AWAY, path=lambda _: "/settings/banks/"),
    "BanksState.make_default": Row(SIGNED_OUT, NOT_YOURS, payload=lambda t: {"source_id": t.source}),
    "BanksState.ask_unlink": Row(SIGNED_OUT, NOT_YOURS, payload=lambda t: {"source_id": t.source}),
    "BanksState.set_leaving": Row(ANYONE, payload=lambda _: {"wanted": True}),
    "BanksState.unlink": Row(SIGNED_OUT, NOT_YOURS, payload=lambda t: {"source_id": t.source}),
    "ApiKeysState.leave": Row(ANYONE),
    "ApiKeysState.put_away": Row(ANYONE),
    "ApiKeysState.enter": Row(LED_AWAY, path=lambda _: "/developers/keys/"),
    "ApiKeysState.create": Row(
        SIGNED_OUT,
        "already made another key",
        payload=lambda t: {"form": {"draft": t.api_key, "name": CANARY, "payments_read": "on"}},
    ),
    "ApiKeysState.ask": Row(SIGNED_OUT, NOT_YOURS, payload=lambda t: {"verb": "revoke", "key_id": t.api_key}),
    "ApiKeysState.set_asking": Row(ANYONE, payload=lambda _: {"wanted": True}),
    "ApiKeysState.act": Row(SIGNED_OUT, NOT_YOURS, payload=lambda t: {"verb": "rotate", "key_id": t.api_key}),
    "WebhooksState.leave": Row(ANYONE),
    "WebhooksState.put_away": Row(ANYONE),
    "WebhooksState.enter": Row(LED_AWAY, path=lambda _: "/developers/webhooks/"),
    "WebhooksState.refresh": Row(SIGNED_OUT),
    "WebhooksState.create": Row(
        SIGNED_OUT,
        "This id was used for another request",
        payload=lambda t: {"form": {"draft": t.endpoint, "url": "https://eve.example/hooks"}},
    ),
    "WebhooksState.ask": Row(SIGNED_OUT, NO_ENDPOINT, payload=lambda t: {"verb": "remove", "endpoint_id": t.endpoint}),
    "WebhooksState.set_asking": Row(ANYONE, payload=lambda _: {"wanted": True}),
    "WebhooksState.act": Row(
        SIGNED_OUT, NO_ENDPOINT, payload=lambda t: {"verb": "replace", "endpoint_id": t.endpoint, "key": str(uuid4())}
    ),
    "WebhooksState.choose": Row(SIGNED_OUT, payload=lambda _: {"state": "given_up"}),
    "WebhooksState.show_more": Row(SIGNED_OUT),
    "WebhooksState.show_newest": Row(SIGNED_OUT),
    "DeliveryState.enter": Row(
        LED_AWAY,
        NO_DELIVERY,
        path=lambda t: f"/developers/webhooks/{t.delivery}/",
        query=lambda t: {"delivery": t.delivery},
    ),
    "DeliveryState.refresh": Row(
        SIGNED_OUT,
        NO_DELIVERY,
        path=lambda t: f"/developers/webhooks/{t.delivery}/",
        query=lambda t: {"delivery": t.delivery},
    ),
    "DeliveryState.replay": Row(SIGNED_OUT, NO_DELIVERY, payload=lambda t: {"delivery_id": t.delivery}),
    "PaymentsState.enter": Row(LED_AWAY, path=lambda _: "/developers/payments/"),
    "PaymentsState.choose": Row(SIGNED_OUT, payload=lambda _: {"status": "authorized"}),
    "PaymentsState.show_more": Row(SIGNED_OUT),
    "PaymentsState.show_newest": Row(SIGNED_OUT),
    "PaymentsState.turn": Row(SIGNED_OUT, payload=lambda _: {"span": "day", "shown_at": datetime.now(UTC).isoformat()}),
    "PaymentsState.set_freezing": Row(ANYONE, payload=lambda _: {"wanted": True}),
    "PaymentsState.freeze": Row(SIGNED_OUT, "stands still"),
    "ChargeState.enter": Row(
        LED_AWAY, NOT_YOURS, path=lambda t: f"/developers/payments/{t.charge}/", query=lambda t: {"charge": t.charge}
    ),
    "OperationsState.enter": Row(LED_AWAY, NOT_ALLOWED, path=lambda _: "/admin/operations/"),
    "OperationsState.choose": Row(SIGNED_OUT, NOT_ALLOWED, payload=lambda _: {"state": "queued"}),
    "OperationsState.search": Row(SIGNED_OUT, NOT_ALLOWED, payload=lambda t: {"sought": t.load}),
    "OperationsState.replay": Row(SIGNED_OUT, NOT_ALLOWED, payload=lambda _: {"job_id": "1"}),
    "SettingsState.enter": Row(LED_AWAY, path=lambda _: "/settings/"),
    "SettingsState.choose_received": Row(SIGNED_OUT, payload=lambda _: {"audience": "private"}),
    "NoticesState.enter": Row(LED_AWAY, path=lambda _: "/settings/notifications/"),
    "NoticesState.refresh": Row(SIGNED_OUT),
    "NoticesState.choose": Row(
        SIGNED_OUT, payload=lambda _: {"choice": {"kind": "buy.bought", "channel": "sms", "is_wanted": True}}
    ),
    "NoticesState.save_address": Row(SIGNED_OUT, payload=lambda _: {"form": {"email": "eve@example.com"}}),
    "NoticesState.remove_address": Row(SIGNED_OUT),
    "NoticesState.set_quiet": Row(SIGNED_OUT, payload=lambda _: {"is_wanted": False}),
    "NoticesState.save_hours": Row(
        SIGNED_OUT,
        payload=lambda _: {"form": {"quiet_from": "22", "quiet_to": "7", "zone": "UTC", "remind_hours": "24"}},
    ),
    "NoticesState.add_device": Row(SIGNED_OUT, "push service", payload=lambda _: {"subscription": {"endpoint": "x"}}),
    "NoticesState.forget_endpoint": Row(SIGNED_OUT, payload=lambda _: {"endpoint": "https://push.example/x"}),
    "NoticesState.remove_device": Row(SIGNED_OUT, payload=lambda t: {"device_id": t.source}),
    "SessionsState.enter": Row(LED_AWAY, path=lambda _: "/settings/sessions/"),
    "SessionsState.end": Row(SIGNED_OUT, NOT_YOURS, payload=lambda t: {"session_id": t.session}),
    "SessionsState.end_others": Row(SIGNED_OUT),
}


def registered() -> dict[str, str]:
    """Every handler of the application: its short name, and the name that the socket takes."""
    from reflex_base.registry import RegistrationContext

    import paya_app.paya_app  # noqa: F401 - registers the states

    found = {}
    for full_name, handler in RegistrationContext.get().event_handlers.items():
        state = handler.handler.state
        assert state is not None
        found[f"{state.__name__}.{full_name.rpartition('.')[2]}"] = full_name
    return found


ALL = registered()
HANDLERS = {name: full for name, full in ALL.items() if not name.endswith(".setvar")}
SETVARS = {name: full for name, full in ALL.items() if name.endswith(".setvar")}


def test_every_handler_has_a_row():
    assert sorted(set(HANDLERS) - set(ROWS)) == []
    assert sorted(set(ROWS) - set(HANDLERS)) == []


@pytest.fixture(scope="session")
def _theirs() -> dict[int, tuple[Theirs, Somebody]]:
    return {}


@pytest.fixture
async def theirs(paya: RunningPaya, _theirs: dict[int, tuple[Theirs, Somebody]]) -> tuple[Theirs, Somebody]:
    """Ann, with a private payment, a bank and a load; and eve."""
    if paya.port not in _theirs:
        ann, bob, eve = await paya.sign_up(cents=9000), await paya.sign_up(), await paya.sign_up(cents=1000)
        payment = await paya.pay(ann, bob, 1223, CANARY)
        load_id = str(uuid4())
        where: dict[str, Any] = {"path": "/add/", "query": {"id": load_id}}
        bank = {"holder": "Ann Field", "routing": "222222226", "account": "99994242", "kind": "checking"}
        async with event_socket(paya.url, cookie=ann.secret) as socket:
            await socket.send(HANDLERS["AddState.enter"], **where)
            await socket.send(HANDLERS["AddState.add_bank"], {"form": bank}, **where)
            await socket.send(HANDLERS["AddState.confirm_bank"], {"form": {"first": "0.03", "second": "0.09"}}, **where)
            shown = await socket.send(HANDLERS["AddState.ask_review"], {"amount": "$77.77"}, **where)
            answer = await socket.send(
                HANDLERS["AddState.submit"], {"shown": shown.value("add_state", "review")}, **where
            )
        assert answer.redirects == [f"/activity/{load_id}/?new=1"], answer.text
        source = await paya.value("select source_id from banking.load where id = %s", (load_id,))
        plan_id = await make_plan(paya, ann, "313.13")

        async def cleared() -> bool:
            return await paya.balance(ann) == 9000 - 1223 + 7777

        await until(cleared, patience_s=40)
        address, withdrawal = await make_withdrawal(paya, ann)
        api_key = await make_api_key(paya, ann)
        await make_api_key(paya, eve, "Eve's own")
        endpoint, delivery = await make_endpoint(paya, ann)
        charge = await make_charge(paya, ann)
        _theirs[paya.port] = (
            Theirs(
                ann,
                str(payment),
                str(ann.session_id),
                str(source),
                load_id,
                plan_id,
                address,
                withdrawal,
                api_key,
                endpoint,
                delivery,
                charge,
            ),
            eve,
        )
    return _theirs[paya.port]


def in_three_days(amount: str = "25") -> dict[str, str]:
    """A weekly plan as its form sends it, with nothing to buy while the tests run."""
    weekday = (datetime.now(UTC) + timedelta(days=3)).isoweekday()
    return {"amount": amount, "frequency": "weekly", "weekdays": str(weekday), "time": "09:00", "zone": "UTC"}


async def make_plan(paya: RunningPaya, who: Somebody, amount: str = "25") -> str:
    """A plan of this person, made through the pages' events; its id."""
    plan_id = str(uuid4())
    where: dict[str, Any] = {"path": "/save/new/", "query": {"id": plan_id}}
    async with event_socket(paya.url, cookie=who.secret) as socket:
        await socket.send(HANDLERS["NewPlanState.enter"], **where)
        shown = await socket.send(HANDLERS["NewPlanState.ask_review"], {"order": in_three_days(amount)}, **where)
        review = shown.value("new_plan_state", "review")
        answer = await socket.send(HANDLERS["NewPlanState.submit"], {"shown": review}, **where)
    assert answer.redirects == [f"/save/{plan_id}/?new=1"], answer.text
    return plan_id


async def make_withdrawal(paya: RunningPaya, who: Somebody) -> tuple[str, str]:
    """An address of this person's, and a withdrawal to it that failed; their ids."""
    address_id, withdrawal_id = str(uuid4()), str(uuid4())
    await paya.rows(
        "insert into savings.withdrawal_address (id, person, label, address, created_at, usable_at)"
        " values (%s, %s, %s, %s, private.now(), private.now())",
        (address_id, who.user_id, CANARY, "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"),
    )
    await paya.rows(
        "insert into savings.withdrawal (id, person, address_id, label, address, quantity_sats, fee_sats_max, state,"
        " reason, created_at, next_at, ended_at)"
        " values (%s, %s, %s, %s, %s, 20000, 0, 'failed', 'cut_off', private.now(), private.now(), private.now())",
        (withdrawal_id, who.user_id, address_id, CANARY, "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"),
    )
    return address_id, withdrawal_id


async def make_api_key(paya: RunningPaya, who: Somebody, name: str = CANARY) -> str:
    """A key of this person's, made through the page's events; its id."""
    key_id, path = str(uuid4()), "/developers/keys/"
    form = {"draft": key_id, "name": name, "payments_read": "on"}
    async with event_socket(paya.url, cookie=who.secret) as socket:
        await socket.send(HANDLERS["ApiKeysState.enter"], path=path)
        answer = await socket.send(HANDLERS["ApiKeysState.create"], {"form": form}, path=path)
    assert answer.value("api_keys_state", "secret").startswith("paya_test_"), answer.text
    return key_id


async def make_endpoint(paya: RunningPaya, who: Somebody) -> tuple[str, str]:
    """An endpoint of this person's that is disabled, so that it stays as it is, and a delivery to it; their ids."""
    endpoint_id, message_id, path = str(uuid4()), str(uuid4()), "/developers/webhooks/"
    form = {"draft": endpoint_id, "url": "https://canary.invalid/hooks", "description": CANARY}
    async with event_socket(paya.url, cookie=who.secret) as socket:
        await socket.send(HANDLERS["WebhooksState.enter"], path=path)
        answer = await socket.send(HANDLERS["WebhooksState.create"], {"form": form}, path=path)
        assert answer.value("webhooks_state", "secret").startswith("whsec_"), answer.text
        for verb in ("test", "disable"):
            asked = {"verb": verb, "endpoint_id": endpoint_id, "key": message_id}
            await socket.send(HANDLERS["WebhooksState.act"], asked, path=path)
    ended = "select id from webhooks.delivery where endpoint_id = %s and state = 'given_up'"

    async def is_over() -> bool:
        return await paya.value(ended, (endpoint_id,)) is not None

    await until(is_over, patience_s=40)
    return endpoint_id, str(await paya.value(ended, (endpoint_id,)))


async def make_charge(paya: RunningPaya, who: Somebody) -> str:
    """A charge of this person's; its id."""
    charge_id = str(uuid4())
    request = {"amount_minor": 31313, "currency": "USD", "card": "visa", "metadata": {"note": CANARY}}
    await paya.rows(
        "select charges.authorize((select id from developers.account where owner = %s), %s, %s)",
        (who.user_id, charge_id, Jsonb(request)),
    )
    return charge_id


async def facts(paya: RunningPaya, *people: Somebody) -> list[Any]:
    """What must not change: these people's payments, audiences, sessions, banks, loads, plans and money."""
    ids = [who.user_id for who in people]
    return [
        await paya.rows(statement, (ids,))
        for statement in (
            "select id, sender_audience, recipient_audience from public.payments where sender_id = any(%s) order by 1",
            "select id, ended_at from identity.web_session where user_id = any(%s) order by 1",
            "select id, state from banking.source where person = any(%s) order by 1",
            "select id, amount_cents from banking.load where person = any(%s) order by 1",
            "select id, state, version from savings.plan where person = any(%s) order by 1",
            "select id, state, version from savings.withdrawal_address where person = any(%s) order by 1",
            "select id, state, version from savings.withdrawal where person = any(%s) order by 1",
            "select id, state, version from savings.buy where person = any(%s) order by 1",
            "select k.id, k.version from developers.api_key k where k.account_id in"  # noqa: ISC004 - one statement
            " (select a.id from developers.account a where a.owner = any(%s)) order by 1",
            "select e.id, e.state, e.version from webhooks.endpoint e where e.account_id in"  # noqa: ISC004
            " (select a.id from developers.account a where a.owner = any(%s)) order by 1",
            "select d.id, d.state, d.tries from webhooks.delivery d join webhooks.endpoint e on e.id = d.endpoint_id"  # noqa: ISC004
            " where e.account_id in (select a.id from developers.account a where a.owner = any(%s)) order by 1",
            "select c.id, c.version from charges.charge c where c.account_id in"  # noqa: ISC004
            " (select a.id from developers.account a where a.owner = any(%s)) order by 1",
            "select owner, balance, held from ledger.account where owner = any(%s) order by owner, id",
            "select id, handle, name from public.profiles where id = any(%s) order by 1",
        )
    ]


async def call(paya: RunningPaya, name: str, theirs: Theirs, cookie: str) -> Answer:
    row = ROWS[name]
    async with event_socket(paya.url, cookie=cookie) as socket:
        return await socket.send(HANDLERS[name], row.payload(theirs), path=row.path(theirs), query=row.query(theirs))


@pytest.mark.parametrize("name", HANDLERS)
async def test_visitors_are_refused_and_change_nothing(paya: RunningPaya, theirs: tuple[Theirs, Somebody], name: str):
    those, eve = theirs
    before = await facts(paya, those.ann, eve)
    answer = await call(paya, name, those, "")
    assert ROWS[name].visitor in answer.text
    assert not [secret for secret in those.secrets if secret in answer.text]
    assert await facts(paya, those.ann, eve) == before


@pytest.mark.parametrize("name", HANDLERS)
async def test_anothers_ids_open_nothing(paya: RunningPaya, theirs: tuple[Theirs, Somebody], name: str):
    those, eve = theirs
    before = await facts(paya, those.ann, eve)
    answer = await call(paya, name, those, eve.secret)
    assert ROWS[name].other in answer.text
    assert not [secret for secret in those.secrets if secret in answer.text]
    assert await facts(paya, those.ann, eve) == before


@pytest.mark.parametrize("name", SETVARS)
async def test_no_var_can_be_set_from_outside(paya: RunningPaya, theirs: tuple[Theirs, Somebody], name: str):
    those, eve = theirs
    async with event_socket(paya.url, cookie=eve.secret) as socket:
        for var in ("phase", "handle", "_order", "_source", "payment_id", "rows", "load_id"):
            answer = await socket.send(SETVARS[name], {"var_name": var, "value": those.payment})
            assert those.payment not in answer.text
