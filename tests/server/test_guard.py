"""The event socket under attack, with a websocket client of our own."""

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from paya_app.core.budget import BURST
from paya_app.server.guard import SOCKETS_MAX, SocketGuard
from tests.support.event_socket import Answer, event_socket
from tests.support.running import RunningPaya, running_paya

ENTER = "reflex___state____state.paya_app___web___viewer____viewer.enter"
SEARCH = "reflex___state____state.paya_app___web___pages___activity____activity_state.search"
HYDRATE = "reflex___state____state.hydrate"


@pytest.fixture(scope="session")
def paya() -> Iterator[RunningPaya]:
    """The running app."""
    running = running_paya()
    yield running
    running.stop()


async def phase(url: str, **how: Any) -> str:
    async with event_socket(url, **how) as socket:
        return (await socket.send(ENTER)).value("viewer", "phase")


def almost(secret: str) -> str:
    """The secret with one character changed, in the middle: the last holds bits that count for nothing."""
    at = len(secret) // 2
    return secret[:at] + ("A" if secret[at] != "A" else "B") + secret[at + 1 :]


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "http://localhost",
        "https://localhost:{port}",
        "http://127.0.0.1:{port}",
        "http://localhost:{port}.evil.example",
        "http://localhost:{port}/",
        "HTTP://LOCALHOST:{port}",
    ],
)
async def test_another_origin_is_refused(paya: RunningPaya, origin: str):
    with pytest.raises(InvalidStatus) as refused:
        async with event_socket(paya.url, origin=origin.format(port=paya.port)):
            pass
    assert refused.value.response.status_code == 403


async def test_no_origin_is_refused(paya: RunningPaya):
    with pytest.raises(InvalidStatus) as refused:
        async with event_socket(paya.url, origin=None):
            pass
    assert refused.value.response.status_code == 403


async def test_two_origins_are_refused(paya: RunningPaya):
    with pytest.raises(InvalidStatus) as refused:
        async with event_socket(paya.url, headers=[("origin", "http://evil.example")]):
            pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("origin", [{}, {"origin": "http://evil.example"}])
@pytest.mark.parametrize("path", ["/_event", "/_event/", "/_event/?EIO=4&transport=polling", "//_event/", "/_event/x"])
async def test_polling_from_elsewhere_gets_nothing(paya: RunningPaya, origin: dict[str, str], path: str):
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        for method in ("GET", "POST", "OPTIONS"):
            answer = await client.request(method, paya.url + path, headers=origin)
            assert answer.status_code in (307, 400, 403, 404, 405), (method, answer.status_code)
            assert "sid" not in answer.text


async def test_the_cookie_makes_the_person_and_nothing_else_does(paya: RunningPaya):
    ann = await paya.sign_up()
    assert await phase(paya.url, cookie=ann.secret) == "in"
    forged = [
        ("x-paya-session", str(ann.session_id)),
        ("X-Paya-Session", str(ann.session_id)),
        ("authorization", f"Bearer {ann.secret}"),
        ("x-forwarded-user", ann.handle),
    ]
    assert await phase(paya.url, headers=forged) == "out"
    assert await phase(paya.url, cookie=almost(ann.secret), headers=forged) == "out"
    assert await phase(paya.url, cookie=str(ann.session_id)) == "out"
    assert await phase(paya.url, headers=[("cookie", f"paya-phone={ann.secret}; __Host-paya={ann.secret}")]) == "out"


async def test_a_page_cannot_claim_a_session_in_an_event(paya: RunningPaya):
    ann = await paya.sign_up()
    async with event_socket(paya.url) as socket:
        claimed = {"x-paya-session": str(ann.session_id), "cookie": f"paya={ann.secret}"}
        router = {"pathname": "/", "asPath": "/", "headers": claimed, "session_id": str(ann.session_id)}
        await socket.send_raw(json.dumps(["event", {"name": ENTER, "payload": {}, "router_data": router}]))
        answer = await socket.answer()
        assert answer.value("viewer", "phase") == "out"
        assert ann.secret not in answer.text


async def test_a_leaked_token_alone_opens_no_state(paya: RunningPaya):
    ann, token = await paya.sign_up(), str(uuid4())
    async with event_socket(paya.url, cookie=ann.secret, token=token) as socket:
        await socket.send(SEARCH, {"sought": "what ann looks for"})
    assert "what ann looks for" not in await _all(paya, token=token)
    eve = await paya.sign_up()
    assert "what ann looks for" not in await _all(paya, cookie=eve.secret, token=token)
    assert "what ann looks for" in await _all(paya, cookie=ann.secret, token=token)


async def test_the_bound_token_opens_nothing_either(paya: RunningPaya):
    """What the page can read of its own token is not what would open its state."""
    ann, token = await paya.sign_up(), str(uuid4())
    async with event_socket(paya.url, cookie=ann.secret, token=token) as socket:
        answer = await socket.send(SEARCH, {"sought": "what ann looks for"})
    bound = answer.values["reflex___state____state"]["rx_router_session_rx_state_"]["client_token"]
    assert bound != token
    assert "what ann looks for" not in await _all(paya, token=bound)


async def _all(paya: RunningPaya, **how: Any) -> str:
    async with event_socket(paya.url, **how) as socket:
        answer: Answer = await socket.send(HYDRATE)
        return answer.text


async def test_no_credential_reaches_the_page(paya: RunningPaya):
    ann = await paya.sign_up()
    more = [("authorization", "Bearer something-else"), ("proxy-authorization", "Basic c29tZXRoaW5n")]
    async with event_socket(paya.url, cookie=ann.secret, headers=more) as socket:
        answer = await socket.send(ENTER)
    headers = answer.values["reflex___state____state"]["rx_router_headers_rx_state_"]["raw_headers"]
    assert headers["x-paya-session"] == str(ann.session_id)
    assert not {name.lower() for name in headers} & {"cookie", "authorization", "proxy-authorization"}
    assert ann.secret not in answer.text
    assert "something-else" not in answer.text


async def test_a_revoked_session_loses_its_sockets_within_a_second(paya: RunningPaya):
    ann, bob = await paya.sign_up(), await paya.sign_up()
    async with (
        event_socket(paya.url, cookie=ann.secret) as first,
        event_socket(paya.url, cookie=ann.secret) as second,
        event_socket(paya.url, cookie=bob.secret) as other,
    ):
        for socket in (first, second, other):
            assert (await socket.send(ENTER)).value("viewer", "phase") == "in"
        await paya.act(ann, "select identity.end_my_session(%s, 'ended_elsewhere')", (ann.session_id,))
        started = time.monotonic()
        codes = await asyncio.gather(first.wait_closed(), second.wait_closed())
        assert codes == [4401, 4401]
        assert time.monotonic() - started < 1.5
        assert (await other.send(SEARCH, {"sought": "still here"})).value("activity_state", "sought") == "still here"
    assert await phase(paya.url, cookie=ann.secret) == "out"


async def test_malformed_frames_do_not_hurt_the_next_one(paya: RunningPaya):
    for text in ("[", '["event"]', '["event", 1]', '["event", {"name": "no.such"}]', '["nothing", {}]', "null", '"x"'):
        async with event_socket(paya.url) as socket:
            await socket.send_raw(text)
        assert await phase(paya.url) == "out"


async def test_a_page_that_is_typed_into_fast_stays_connected(paya: RunningPaya):
    ann = await paya.sign_up()
    async with event_socket(paya.url, cookie=ann.secret) as socket:
        answer = await socket.send(SEARCH, {"sought": ""})
        for letters in range(15):
            answer = await socket.send(SEARCH, {"sought": "tacos and salsa"[: letters + 1]})
        assert answer.value("activity_state", "sought") == "tacos and salsa"


async def test_who_says_too_much_is_cut_off_and_the_log_stays_small_and_silent_about_it(paya: RunningPaya):
    log = paya.home / "logs" / "app.log"
    before = log.stat().st_size
    nonsense = [
        '["event", "canary-41"]',
        '["event", {"name": "canary-41", "payload": {"account": "canary-41"}}]',
        '["event", {"payload": "canary-41"}]',
        json.dumps(["event", {"name": SEARCH, "payload": {"canary-41": "canary-41"}}]),
        json.dumps(["event", {"name": SEARCH, "payload": "canary-41"}]),
        '["client_error", {"message": "canary-41"}]',
    ]
    for _ in range(3):
        async with event_socket(paya.url) as socket:
            with contextlib.suppress(ConnectionClosed):
                for number in range(3000):
                    await socket.send_raw(nonsense[number % len(nonsense)])
            # what it still says into the closed connection may overtake the reason
            assert await socket.wait_closed() in (4408, 1006)
    assert await phase(paya.url) == "out"
    said = log.read_bytes()[before:]
    assert b"an event could not be taken" in log.read_bytes()
    assert b"canary-41" not in said
    assert len(said) < 20_000


async def test_the_reason_for_cutting_off_is_told():
    said: list[dict[str, Any]] = []
    heard: list[str] = []

    async def chatter() -> dict[str, Any]:
        return {"type": "websocket.receive", "text": "42"}

    async def say(message: Any) -> None:
        said.append(message)

    async def inside(_: Any, receive: Any, send: Any) -> None:
        while (message := await receive())["type"] == "websocket.receive":
            heard.append(message["text"])

    async def nobody(_: Any) -> None:
        return None

    async def none_ended(_: Any) -> set[UUID]:
        return set()

    guard = SocketGuard(inside, origin="http://us", cookie="paya", key="k", session_of=nobody, ended_among=none_ended)
    headers = [(b"origin", b"http://us")]
    await guard({"type": "websocket", "path": "/_event/", "headers": headers, "client": None}, chatter, say)
    assert [message.get("code") for message in said] == [4408]
    assert BURST <= len(heard) < BURST + 20


async def test_one_address_holds_so_many_sockets_without_signing_in(paya: RunningPaya):
    ann = await paya.sign_up()
    async with contextlib.AsyncExitStack() as held:
        for _ in range(SOCKETS_MAX):
            await held.enter_async_context(event_socket(paya.url))
        with pytest.raises(InvalidStatus):
            await held.enter_async_context(event_socket(paya.url))
        assert await phase(paya.url, cookie=ann.secret) == "in"
    assert await phase(paya.url) == "out"
