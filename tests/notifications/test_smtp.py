"""The mail adapter beside servers that refuse, are slow, hang up, or speak no SMTP."""

import asyncio
import os
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from paya_app.core.config import settings
from paya_app.providers import mail
from paya_app.providers.outcome import Rejected, Retryable, Unknown

WELL = {"": "220 here", "EHLO": "250 here", "MAIL": "250 OK", "RCPT": "250 OK", "DATA": "354 go on", ".": "250 taken"}


@asynccontextmanager
async def speaking(monkeypatch, **answers):
    """A server that answers each word as told; None hangs up, "…" says nothing."""
    said = WELL | {{"GREETING": "", "DOT": "."}.get(word, word): answer for word, answer in answers.items()}

    async def talk(reader, writer):
        async def answer(word):
            what = said.get(word, "250 OK")
            if what is None:
                writer.close()
                return False
            if what != "…":
                writer.write(what.encode() + b"\r\n")
            return True

        going = await answer("")
        in_data = False
        while going and (line := await reader.readline()):
            if in_data:
                in_data = line != b".\r\n"
                going = in_data or await answer(".")
                continue
            word = line[:4].decode().strip().upper()
            going = await answer(word)
            in_data = word == "DATA" and said["DATA"].startswith("354") if going else False
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    monkeypatch.setitem(os.environ, "SMTP_URL", f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    monkeypatch.setitem(os.environ, "MAIL_FROM", "PaYa <notices@paya.example>")
    settings.cache_clear()
    try:
        yield server
    finally:
        server.close()
        settings.cache_clear()


def send(to="ann@example.com", body="Hello.\n.\n.a line with a dot\n"):
    return mail.send_mail(to=to, subject="A subject – with a dash", body=body, message_id=uuid4())


@pytest.mark.parametrize(
    ("answers", "failure", "says"),
    [
        ({"GREETING": "421 too busy"}, Retryable, "busy_421"),
        ({"GREETING": "554 not you"}, Rejected, "554"),
        ({"GREETING": None}, Retryable, "unreachable"),
        ({"MAIL": "451 later"}, Retryable, "busy_451"),
        ({"MAIL": "530 sign in first"}, Retryable, "not_let_in_530"),
        ({"RCPT": "550 no such user"}, Rejected, "550"),
        ({"RCPT": "450 greylisted"}, Retryable, "busy_450"),
        ({"RCPT": None}, Retryable, "unreachable"),
        ({"DATA": "554 no"}, Rejected, "554"),
        ({"DATA": None}, Retryable, "unreachable"),
        ({"DOT": "552 too large"}, Rejected, "552"),
        ({"DOT": "451 disk is full"}, Retryable, "busy_451"),
        ({"DOT": None}, Unknown, "no answer"),
        ({"DOT": "…"}, Unknown, "no answer"),
        ({"EHLO": "…"}, Retryable, "unreachable"),
        ({"GREETING": "…"}, Retryable, "unreachable"),
    ],
)
async def test_what_the_server_says_is_what_became_of_it(database, monkeypatch, answers, failure, says):
    monkeypatch.setattr(mail, "ANSWER_TIMEOUT_S", 0.5)
    async with speaking(monkeypatch, **answers):
        with pytest.raises(failure, match=says):
            await send()


async def test_nobody_listens_or_nothing_is_set_up(database, monkeypatch):
    async with speaking(monkeypatch) as server:
        server.close()
        with pytest.raises(Retryable, match="unreachable"):
            await send()
    for url in ("", "http://127.0.0.1:1", "smtp:"):
        monkeypatch.setitem(os.environ, "SMTP_URL", url)
        settings.cache_clear()
        with pytest.raises(Retryable, match="not_set_up"):
            await send()


async def test_elsewhere_nothing_is_said_without_tls(database, monkeypatch):
    async with speaking(monkeypatch):
        monkeypatch.setattr(mail, "_OURSELVES", set())
        with pytest.raises(Retryable, match="no_tls"):
            await send()


async def test_a_dot_at_the_start_of_a_line_and_other_scripts_arrive_as_they_were(mails):
    body = "Hello.\n.\n.a line with a dot\n“Müllers Café”\n" + "x" * 1200 + "\n"
    reference = await send(body=body)
    (taken,) = await mails.to("ann@example.com")
    assert (taken.body, taken.subject) == (body, "A subject – with a dash")
    assert taken.headers["message-id"] == reference
