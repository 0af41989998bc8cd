"""Push: read at a push service of our own, by the browser's keys alone (RFC 8291), signed with our key (RFC 8292)."""

import base64
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paya_app import notifications
from paya_app.core.config import settings
from paya_app.local.keys import new_vapid_key
from paya_app.notifications import DeviceInvalid, DevicesLimit
from paya_app.providers import push
from paya_app.providers.outcome import Retryable, Unknown
from tests.notifications.told import bought, deliveries, tell, waiting
from tests.support.dwolla import free_socket, listening


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def point_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@dataclass
class Browser:
    """A subscription, and the private key that only the browser has."""

    endpoint: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = field(default_factory=lambda: os.urandom(16))

    @property
    def subscription(self):
        return {"endpoint": self.endpoint, "keys": {"p256dh": b64(point_of(self.key)), "auth": b64(self.auth)}}

    def read(self, body: bytes) -> dict:
        """RFC 8291, 3.3 and 3.4, written here anew: a judge that shares nothing with what encrypts."""
        salt, record_bytes, key_bytes = body[:16], int.from_bytes(body[16:20]), body[20]
        theirs, sealed = body[21 : 21 + key_bytes], body[21 + key_bytes :]
        assert len(sealed) <= record_bytes
        shared = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs))
        info = b"WebPush: info\0" + point_of(self.key) + theirs
        secret = HKDF(SHA256(), 32, self.auth, info).derive(shared)
        key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(secret)
        nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(secret)
        plain = AESGCM(key).decrypt(nonce, sealed, None).rstrip(b"\0")
        assert plain[-1:] == b"\2", "the last record ends so"
        return json.loads(plain[:-1])


@dataclass
class Service:
    """A push service: what came to which browser, and how it answers."""

    url: str
    status: int = 201
    gone: set = field(default_factory=set)
    taken: list = field(default_factory=list)

    def browser(self, name: str) -> Browser:
        return Browser(f"{self.url}/to/{name}")


@pytest.fixture
async def service(database, monkeypatch) -> AsyncIterator[Service]:
    front = free_socket()
    the = Service(f"http://127.0.0.1:{front.getsockname()[1]}")

    async def take(request: Request) -> Response:
        name = request.path_params["name"]
        if name in the.gone:
            return Response(status_code=410)
        the.taken.append((name, dict(request.headers), await request.body()))
        return Response(status_code=the.status, headers={"location": f"{the.url}/to/elsewhere"})

    monkeypatch.setenv("PUSH_ORIGINS", the.url)
    monkeypatch.setenv("VAPID_PRIVATE_KEY", new_vapid_key())
    settings.cache_clear()
    async with listening(Starlette(routes=[Route("/to/{name}", take, methods=["POST"])]), front):
        yield the
    settings.cache_clear()


async def test_only_the_browser_reads_it_and_the_service_knows_who_sent_it(database, people, service):
    ann = await people.join("ann", cents=50_000)
    browser = service.browser("ann")
    for _ in range(2):
        await notifications.add_device(ann, browser.subscription, name="Firefox")
    plan_id = await bought(database, ann)
    await tell(database)
    ((_, headers, body),) = service.taken
    message = browser.read(body)
    assert message["title"].startswith("Bought: ")
    assert message["path"] == f"/save/{plan_id}/"
    assert b"Bought" not in body
    assert headers["content-encoding"] == "aes128gcm"
    scheme, _, fields = headers["authorization"].partition(" ")
    said = dict(part.strip().split("=", 1) for part in fields.split(","))
    assert (scheme, said["k"]) == ("vapid", push.public_key())
    point = base64.urlsafe_b64decode(said["k"] + "=")
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    assert jwt.decode(said["t"], key, algorithms=["ES256"], audience=service.url)["sub"]
    assert await deliveries(database) == [("buy.bought", "push", "sent", None)]


async def test_a_browser_that_is_gone_is_removed_and_the_others_are_told(database, people, service):
    ann = await people.join("ann", cents=50_000)
    for name in ("old", "new"):
        await notifications.add_device(ann, service.browser(name).subscription, name=name)
    service.gone.add("old")
    await bought(database, ann)
    await tell(database)
    assert [name for name, _, _ in service.taken] == ["new"]
    assert [device.name for device in (await notifications.my_settings(ann)).devices] == ["new"]
    assert (await deliveries(database))[0][2] == "sent"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (503, "waiting"),
        (429, "waiting"),
        (500, "unknown"),
        (403, "refused"),
        (302, "refused"),
    ],
)
async def test_what_the_service_answers_is_what_becomes_of_it(database, people, service, status, state):
    ann = await people.join("ann", cents=50_000)
    await notifications.add_device(ann, service.browser("ann").subscription, name="Firefox")
    service.status = status
    await bought(database, ann)
    await database.rows("select events.advance()")
    await notifications.follow()
    (delivery_id,) = await waiting(database)
    if raises := state == "waiting":
        with pytest.raises(Retryable):
            await notifications.deliver(delivery_id)
        service.status = 201
    await notifications.deliver(delivery_id)
    assert len(service.taken) == (2 if raises else 1), "a redirect is not followed, an unknown not repeated"
    assert (await deliveries(database))[0][2] == ("sent" if raises else state)


async def test_a_service_that_hangs_up_may_have_taken_it(database, service, monkeypatch):
    async def hang_up(reader, writer):
        await reader.read(100)
        writer.close()

    import asyncio

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    monkeypatch.setenv("PUSH_ORIGINS", f"http://127.0.0.1:{port}")
    settings.cache_clear()
    browser = Browser(f"http://127.0.0.1:{port}/x")
    keys = browser.subscription["keys"]
    with pytest.raises(Unknown):
        await push.send_push(browser.endpoint, keys["p256dh"], keys["auth"], {"title": "x"})
    server.close()
    with pytest.raises(Retryable, match="unreachable"):
        await push.send_push(browser.endpoint, keys["p256dh"], keys["auth"], {"title": "x"})


ELSEWHERE = (
    "http://fcm.googleapis.com/x", "https://fcm.googleapis.com:8443/x", "https://evil.example/x",
    "https://fcm.googleapis.com.evil.example/x", "https://fcm.googleapis.com@evil.example/x", "https://127.0.0.1/x",
    "http://169.254.169.254/latest", "https://evilpush.apple.com.x/", "file:///etc/passwd", "https://[::1", "",
    "x" * 5000,
)  # fmt: skip


@pytest.mark.parametrize("endpoint", ELSEWHERE)
async def test_no_host_but_the_push_services_of_browsers_is_called(people, service, endpoint):
    ann = await people.join("ann")
    with pytest.raises(DeviceInvalid):
        await notifications.add_device(ann, service.browser("x").subscription | {"endpoint": endpoint}, name="x")


def test_the_services_of_browsers_are_known():
    for host in (
        "fcm.googleapis.com",
        "updates.push.services.mozilla.com",
        "web.push.apple.com",
        "wns2-by3p.notify.windows.com",
    ):
        assert push.is_known(f"https://{host}/a/b?c=d")


@pytest.mark.parametrize("odd", [None, 7, "x", {}, {"keys": None}, {"endpoint": 1, "keys": {}}])
async def test_what_is_no_subscription_is_refused(people, service, odd):
    ann = await people.join("ann")
    with pytest.raises(DeviceInvalid):
        await notifications.add_device(ann, odd, name="x")
    good = service.browser("x").subscription
    for keys in (
        {"p256dh": "AAAA", "auth": good["keys"]["auth"]},
        good["keys"] | {"auth": "AA"},
        good["keys"] | {"p256dh": b64(b"\4" + b"\1" * 64)},
    ):
        with pytest.raises(DeviceInvalid):
            await notifications.add_device(ann, good | {"keys": keys}, name="x")


async def test_ten_devices_and_a_browser_belongs_to_who_uses_it_now(people, service):
    ann, bob = await people.join("ann"), await people.join("bob")
    browsers = [service.browser(f"b{n}") for n in range(11)]
    for browser in browsers[:10]:
        await notifications.add_device(ann, browser.subscription, name="x")
    with pytest.raises(DevicesLimit):
        await notifications.add_device(ann, browsers[10].subscription, name="x")
    await notifications.add_device(bob, browsers[0].subscription, name="x")
    assert len((await notifications.my_settings(ann)).devices) == 9
    (his,) = (await notifications.my_settings(bob)).devices
    await notifications.remove_device(ann, his.id)
    assert len((await notifications.my_settings(bob)).devices) == 1
    await notifications.remove_device(bob, his.id)
    assert (await notifications.my_settings(bob)).devices == ()
