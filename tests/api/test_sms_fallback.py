"""Twilio cannot be had: SNS takes over; neither can: the text waits while its code is good. The SNS here is moto's."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass

import boto3
import pytest
from moto.server import ThreadedMotoServer
from moto.sns.models import sns_backends

from jobs.app import queue
from paya_app.core.config import settings
from paya_app.identity.texts import GOOD_S, announced
from paya_app.providers import health, sns
from paya_app.providers.breaker import FAILURES_MAX
from paya_app.providers.outcome import Rejected, Retryable, Unknown
from tests.api.test_send_sms import CANNOT_TEXT, call, fault, parts, signed  # noqa: F401 - a fixture
from tests.support.database import Database
from tests.support.signing_in import PHONE, SigningIn

REGION = "us-east-1"
NOWHERE = "http://127.0.0.1:1"


@dataclass
class Sns:
    """The running SNS and what it was asked to text."""

    url: str

    @property
    def texts(self) -> list[tuple[str, str]]:
        """Number and words of each text."""
        return [(to, words) for to, words, *_ in sns_backends["123456789012"][REGION].sms_messages.values()]


@pytest.fixture(scope="module")
def _server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    # its first answer takes longer than ours may: it loads what it imitates then
    boto3.client(
        "sns", region_name=REGION, endpoint_url=url, aws_access_key_id="test", aws_secret_access_key="test"
    ).list_topics()
    yield url
    server.stop()


@pytest.fixture
def the_sns(_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sns]:
    for name, value in {
        "SNS_REGION": REGION,
        "SNS_BASE_URL": _server,
        "SNS_ACCESS_KEY_ID": "test",
        "SNS_SECRET_ACCESS_KEY": "test",
    }.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    sns_backends["123456789012"][REGION].sms_messages.clear()
    yield Sns(_server)
    sns.close()
    settings.cache_clear()


def move_sns(url: str) -> None:
    os.environ["SNS_BASE_URL"] = url
    settings.cache_clear()


async def ask(parts: SigningIn) -> tuple[int, object]:  # noqa: F811
    async with announced(PHONE):
        answer = await call(parts, signed())
    return answer.status_code, answer.json()


async def work() -> None:
    """Do every job that is due."""
    app = queue()
    async with app.open_async():
        await app.run_worker_async(
            wait=False, listen_notify=False, delete_jobs="successful", install_signal_handlers=False
        )


async def waiting(database: Database) -> int:
    return await database.value("select count(*) from identity.queued_text")


async def test_sns_takes_over_and_the_person_sees_nothing(parts, the_sns):  # noqa: F811
    await fault(parts, "down")
    assert await ask(parts) == (200, {})
    assert the_sns.texts == [(PHONE, "PaYa code: 123456. We never call or write to ask for it.")]
    assert await parts.texts_to(PHONE) == 0
    assert await ask(parts) == (200, {}), "Twilio is back"
    assert (await parts.texts_to(PHONE), len(the_sns.texts)) == (1, 1)


async def test_a_twilio_that_stays_down_is_left_alone(parts, the_sns, database):  # noqa: F811
    await fault(parts, "down", FAILURES_MAX + 1)
    for _ in range(FAILURES_MAX + 1):
        assert await ask(parts) == (200, {})
    assert [outage.vendor for outage in await health.outages()] == ["twilio"]
    assert await database.value("select remaining from vendor_twilio.fault where kind = 'down'") == 1
    assert len(the_sns.texts) == FAILURES_MAX + 1


async def test_what_twilio_refuses_sns_is_not_asked_for(parts, the_sns):  # noqa: F811
    await fault(parts, "blocked")
    assert await ask(parts) == (200, CANNOT_TEXT)
    assert the_sns.texts == []


async def test_both_are_down_and_the_text_waits(parts, the_sns, database):  # noqa: F811
    await fault(parts, "down", 2)
    move_sns(NOWHERE)
    headers = signed()
    async with announced(PHONE):
        assert (await call(parts, headers)).status_code == 200
    assert (await call(parts, headers)).status_code == 200, "the same call again"
    assert await waiting(database) == 1
    sealed = bytes(await database.value("select sealed from identity.queued_text"))
    assert b"123456" not in sealed
    assert PHONE[1:].encode() not in sealed
    assert "123456" not in str(await database.rows("select args from jobs.procrastinate_jobs"))
    move_sns(the_sns.url)
    await work()
    assert the_sns.texts == [(PHONE, "PaYa code: 123456. We never call or write to ask for it.")]
    assert await waiting(database) == 0
    await work()
    assert len(the_sns.texts) == 1


async def test_a_code_that_is_too_old_is_dropped(parts, the_sns, database, advance_clock):  # noqa: F811
    await fault(parts, "down", 1)
    move_sns(NOWHERE)
    assert await ask(parts) == (200, {})
    await advance_clock(seconds=GOOD_S + 1)
    move_sns(the_sns.url)
    await work()
    assert the_sns.texts == []
    assert await parts.texts_to(PHONE) == 0
    assert await waiting(database) == 0


async def test_without_sns_the_person_is_told(parts, database):  # noqa: F811
    await fault(parts, "down")
    assert (await ask(parts))[0] == 503
    assert await waiting(database) == 0


async def test_what_sns_answers(database, the_sns):
    move_sns(NOWHERE)
    with pytest.raises(Retryable, match="unreachable"):
        await sns.send_text(PHONE, "hello")
    move_sns(the_sns.url)
    with pytest.raises(Rejected) as refused:
        await sns.send_text("not a number", "hello")
    assert refused.value.code == "InvalidParameter"


async def test_an_sns_that_is_silent(database, the_sns):
    writers: list[asyncio.StreamWriter] = []

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await reader.read()  # until the client has given up

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    move_sns(f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}")
    with pytest.raises(Unknown, match="ReadTimeoutError"):
        await sns.send_text(PHONE, "hello")
    silent.close()
    assert writers
    for writer in writers:
        writer.close()
        await writer.wait_closed()
