"""Where we never send: by number, by name, by a name that changes its meaning, by a port, by a redirect."""

import asyncio
import datetime as dt
import socket
import ssl

import httpx
import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from paya_app import webhooks
from paya_app.core.config import settings
from paya_app.webhooks import WebhookUrlInvalid
from paya_app.webhooks.guard import CheckedTransport, TargetBlocked
from paya_app.webhooks.posting import Result, post
from paya_app.webhooks.targets import checked_url, may_reach
from tests.support.dwolla import free_socket
from tests.support.waiting import until
from tests.webhooks.receiving import send

FORBIDDEN = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1",  # noqa: S104 - never bound to
    "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.168.1.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1",
    "203.0.113.5", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "168.63.129.16", "100.100.100.200",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:8.8.8.8",
    "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "fc00::1", "fd00:ec2::254",
    "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1", "4000::1", "", "localhost", "127.1",
]  # fmt: skip
PUBLIC = [
    "93.184.216.34",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.1",
    "172.32.0.1",
    "2606:2800:220:1:248:1893:25c8:1946",
]


class Naming:
    """A name server that gives one answer after the other, the last one for good, and knows what it was asked."""

    def __init__(self, *answers: list[str]) -> None:
        self.left, self.asked = list(answers), []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append((host, port))
        return self.left.pop(0) if len(self.left) > 1 else self.left[0]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_what_is_not_on_the_public_internet_is_not_reached(address):
    assert not may_reach(address, loopback_allowed=False)


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_on_the_public_internet_is(address):
    assert may_reach(address, loopback_allowed=False)


def test_embedded_reaches_this_machine_and_no_other_private_one():
    allowed = {address for address in FORBIDDEN if may_reach(address, loopback_allowed=True)}
    assert allowed == {"127.0.0.1", "127.255.255.254", "::1"}


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "fd00:ec2::254", "0.0.0.1"])
async def test_a_name_that_leads_inside_is_blocked_and_said_so(sandbox, address):
    """Embedded too: this machine is allowed there, and nothing else that is private."""
    await sandbox.endpoint("https://hooks.example.com/")
    await sandbox.happen()
    assert await send(resolve=Naming([address])) == 1
    (delivery,) = await webhooks.deliveries(sandbox.account_id)
    (attempt,) = await webhooks.attempts(sandbox.account_id, delivery.id)
    assert (attempt.outcome, attempt.status, delivery.state) == ("blocked", None, "waiting")
    assert attempt.answer == f"hooks.example.com leads to {address}, which is not on the public internet."


async def test_one_private_address_among_public_ones_is_enough(sandbox):
    resolve = Naming(["93.184.216.34", "10.0.0.1"])
    transport = CheckedTransport(resolve=resolve, loopback_allowed=False)
    async with httpx.AsyncClient(transport=transport) as client:
        with pytest.raises(TargetBlocked):
            await client.post("https://hooks.example.com/")


async def test_a_name_that_changes_its_meaning_is_looked_up_once(receiver):
    """Public (here: this machine, as embedded allows) when it is checked; private had it been looked up again."""
    port = httpx.URL(receiver.url).port
    resolve = Naming(["127.0.0.1"], ["10.0.0.1"])
    result = await post(
        f"http://rebinding.example:{port}/hooks", "{}", {}, resolve=resolve, loopback_allowed=True, timeout_s=5
    )
    assert (result.outcome, resolve.asked) == ("accepted", [("rebinding.example", port)])
    assert receiver.came[0].headers["host"] == f"rebinding.example:{port}"
    # the next try looks it up anew, and is blocked
    again = await post(
        f"http://rebinding.example:{port}/hooks", "{}", {}, resolve=resolve, loopback_allowed=True, timeout_s=5
    )
    assert (again.outcome, len(receiver.came)) == ("blocked", 1)


async def test_the_second_address_is_tried_when_the_first_takes_no_connection(receiver):
    port = httpx.URL(receiver.url).port
    result = await post(
        f"http://two.example:{port}/", "{}", {}, resolve=Naming(["::1", "127.0.0.1"]), loopback_allowed=True
    )
    assert result.outcome == "accepted"


@pytest.mark.parametrize("failure", [socket.gaierror(-2, "unknown"), UnicodeError("label too long")])
async def test_a_name_without_address_is_unreachable(failure):
    async def resolve(host, port):
        raise failure

    result = await post("https://nobody.example.com/", "{}", {}, resolve=resolve, loopback_allowed=False)
    assert (result.outcome, result.answer) == ("unreachable", "nobody.example.com has no address")


async def test_what_was_saved_where_more_was_allowed_is_checked_again(sandbox, receiver, monkeypatch):
    await sandbox.endpoint(receiver.url)
    await sandbox.happen()
    monkeypatch.setenv("PAYA_MODE", "hosted")
    settings.cache_clear()
    await send()
    (delivery,) = await webhooks.deliveries(sandbox.account_id)
    (attempt,) = await webhooks.attempts(sandbox.account_id, delivery.id)
    assert (attempt.outcome, receiver.came) == ("blocked", [])
    assert (attempt.answer or "").startswith("An address begins with https://")


def certificate(tmp_path, name: str):
    """A certificate for one name, that signs itself; and its files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    day = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(day - dt.timedelta(days=1))
        .not_valid_after(day + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "certificate.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = tmp_path / "key.pem"
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pem, private


async def test_the_certificate_is_checked_against_the_name_and_not_the_address(tmp_path):
    pem, private = certificate(tmp_path, "hooks.example.com")
    front = free_socket()
    port = front.getsockname()[1]
    names_asked = []

    async def app(scope, receive, send_):
        await send_({"type": "http.response.start", "status": 200, "headers": []})
        await send_({"type": "http.response.body", "body": dict(scope["headers"])[b"host"]})

    config = uvicorn.Config(app, log_level="warning", lifespan="off", ssl_certfile=str(pem), ssl_keyfile=str(private))
    config.load()
    assert config.ssl is not None
    config.ssl.sni_callback = lambda _socket, name, _context: names_asked.append(name)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server._serve(sockets=[front]))
    await until(lambda: server.started)
    trusted = ssl.create_default_context(cafile=str(pem))

    async def to(name: str, tls: ssl.SSLContext | None) -> Result:
        resolve = Naming(["127.0.0.1"])
        return await post(
            f"https://{name}:{port}/", "{}", {}, resolve=resolve, loopback_allowed=True, timeout_s=5, tls=tls
        )

    try:
        good = await to("hooks.example.com", trusted)
        other = await to("other.example.com", trusted)
        strange = await to("hooks.example.com", None)
    finally:
        server.should_exit = True
        await running
    assert (good.outcome, good.answer) == ("accepted", f"hooks.example.com:{port}")
    assert other.outcome == strange.outcome == "unreachable"
    assert "certificate" in other.answer
    assert "certificate" in strange.answer
    assert names_asked == ["hooks.example.com", "other.example.com", "hooks.example.com"]


FAULTS = {
    "form": [
        "", " ", "nonsense", "https://", "https:///path", "https://a b.example.com/", "https://exa\x00mple.com/",
        "https://bücher.example/", "https://example.com/\r\nHost: x", "https://[::1", "https://[zz]/",
        "https://example.com:port/", "https://example.com:99999/", "https://-example.com/", "https://a..example.com/",
        "https://example.com\\@10.0.0.1/", "//example.com/",
        "https://" + "a." * 200 + "com/", "https://0177.0.0.1/", None, 7,
        b"https://x.org",
    ],
    "long": ["https://example.com/" + "a" * 2000],
    "scheme": ["http://example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "data:,x"],
    "credentials": ["https://user:secret@example.com/", "https://example.com@10.0.0.1/"],
    "fragment": ["https://example.com/#part"],
    "host": [
        "https://localhost/", "https://printer/", "https://db.internal/", "https://a.local/", "https://127.1/",
        "https://2130706433/", "https://0x7f.0.0.1/", "https://0x7f000001/", "https://x.localhost/",
        "https://1.2.3.4.5/",
    ],
    "port": ["https://example.com:22/", "https://example.com:25/", "https://example.com:1023/", "https://example.com:0/"],
    "address": ["https://127.0.0.1/", "https://10.1.2.3/", "https://[::1]/", "https://[::ffff:127.0.0.1]/",
                "https://169.254.169.254/latest/meta-data/", "https://0.0.0.0/"],
}  # fmt: skip


@pytest.mark.parametrize(("why", "url"), [(why, url) for why, urls in FAULTS.items() for url in urls])
def test_nonsense_is_refused_in_a_sentence(why, url):
    with pytest.raises(WebhookUrlInvalid) as refused:
        checked_url(url, loopback_allowed=False)
    assert refused.value.facts == {"why": why}
    assert refused.value.message == WebhookUrlInvalid(why=why).message
    assert refused.value.message.endswith(". Nothing was changed.")


def test_each_rule_has_a_sentence_of_its_own():
    assert len({WebhookUrlInvalid(why=why).message for why in FAULTS}) == len(FAULTS)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com", "https://example.com/hooks?a=b&c=%20", "https://example.com:8443/", "https://EXAMPLE.com./",
        "https://xn--mnchen-3ya.de/", "https://8.8.8.8/", "https://[2606:2800:220:1:248:1893:25c8:1946]:443/",
        "https://my_app.herokuapp.com:65535/",
    ],
)  # fmt: skip
def test_honest_addresses_are_taken(url):
    assert checked_url(url, loopback_allowed=False) == url


def test_embedded_takes_this_machine_without_tls():
    for url in ("http://localhost:3000/", "http://127.0.0.1:8080/x", "http://[::1]:8080/", "http://example.com/"):
        assert checked_url(url, loopback_allowed=True) == url
    for url in ("http://10.0.0.1/", "http://169.254.169.254/", "http://localhost:25/", "http://printer/"):
        with pytest.raises(WebhookUrlInvalid):
            checked_url(url, loopback_allowed=True)
