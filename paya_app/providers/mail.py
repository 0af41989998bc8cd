"""E-mail over SMTP, by the standard library in a thread.

`SMTP_URL` is `smtps://user:password@host:465` (TLS from the first byte) or `smtp://user:password@host:587`, where TLS
is asked for and insisted on, except at this machine itself.
"""

import asyncio
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from functools import lru_cache
from urllib.parse import unquote, urlsplit
from uuid import UUID

from paya_app.core.config import settings
from paya_app.providers.breaker import guarded
from paya_app.providers.outcome import Rejected, Retryable, Unknown

VENDOR = "smtp"
# for each word of the conversation; servers may think about a mail for long before they take it
ANSWER_TIMEOUT_S = 15.0

_OURSELVES = {"localhost", "127.0.0.1", "::1"}
_PERMANENT = 500
_READY = 220
_GO_ON = 354
_TAKEN = 250
# it is our name or password that is wrong: another day's mail is refused just the same, until somebody mends it
_NOT_LET_IN = {530, 534, 535, 538}


async def send_mail(*, to: str, subject: str, body: str, message_id: UUID, unsubscribe_url: str = "") -> str:
    """Send one mail and return its Message-ID, made of `message_id` so that one sent twice is known as one.

    Args:
        to: an address of ASCII alone.
        subject: one line.
        body: plain text.
        message_id: of the delivery.
        unsubscribe_url: where one POST ends mails like this (RFC 8058); empty for none.

    Raises:
        Rejected: the server's number as its code; it would be refused again.
        Retryable: certainly not sent.
        Unknown: the connection broke after the mail had left.
    """
    sender = settings().mail_from
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{message_id}@{parseaddr(sender)[1].rpartition('@')[2] or 'localhost'}>"
    message["Auto-Submitted"] = "auto-generated"
    if unsubscribe_url:
        message["List-Unsubscribe"] = f"<{unsubscribe_url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(body)
    await guarded(VENDOR, lambda: asyncio.to_thread(_send, parseaddr(sender)[1], to, message.as_bytes()))
    return message["Message-ID"]


def _send(sender: str, to: str, content: bytes) -> None:
    at = urlsplit(settings().smtp_url)
    connection = _client(at.scheme, at.hostname or "")
    try:
        _greeted(connection, at.scheme, at.hostname or "", at.port)
        _let_in(connection, at.scheme, at.hostname or "", unquote(at.username or ""), unquote(at.password or ""))
        _expect(connection.mail(sender))
        _expect(connection.rcpt(to))
        _expect(connection.docmd("DATA"), _GO_ON)
    except smtplib.SMTPResponseException as error:
        connection.close()
        raise _sorted(error.smtp_code) from None
    except smtplib.SMTPNotSupportedError:
        connection.close()
        raise Retryable("no_tls", is_outage=False) from None
    except (smtplib.SMTPException, OSError) as error:
        connection.close()
        raise Retryable(f"unreachable: {type(error).__name__}") from None
    try:
        connection.send(_framed(content))
        code, _ = connection.getreply()
    except (smtplib.SMTPException, OSError) as error:
        raise Unknown(f"no answer: {type(error).__name__}") from None
    finally:
        connection.close()
    if code != _TAKEN:
        raise _sorted(code)


def _client(scheme: str, host: str) -> smtplib.SMTP:
    """Not connected yet, so that what goes wrong with connecting leaves something to close."""
    if not host or scheme not in {"smtp", "smtps"}:
        raise Retryable("not_set_up", is_outage=False)
    ourselves = urlsplit(settings().public_url).hostname or "localhost"
    if scheme == "smtps":
        client: smtplib.SMTP = smtplib.SMTP_SSL(local_hostname=ourselves, timeout=ANSWER_TIMEOUT_S, context=_tls())
    else:
        client = smtplib.SMTP(local_hostname=ourselves, timeout=ANSWER_TIMEOUT_S)
    vars(client)["_host"] = host  # whose certificate is checked; given to the constructor it would connect at once
    return client


def _greeted(client: smtplib.SMTP, scheme: str, host: str, port: int | None) -> None:
    code, _ = client.connect(host, port or (465 if scheme == "smtps" else 587))
    if code != _READY:
        raise smtplib.SMTPResponseException(code, "")


def _let_in(connection: smtplib.SMTP, scheme: str, host: str, user: str, password: str) -> None:
    connection.ehlo_or_helo_if_needed()
    if scheme == "smtp" and host not in _OURSELVES:
        connection.starttls(context=_tls())
        connection.ehlo()
    if user:
        connection.login(user, password)


def _expect(answer: tuple[int, bytes], code: int = _TAKEN) -> None:
    if answer[0] != code and not (code == _TAKEN and answer[0] == 251):  # noqa: PLR2004 - it forwards, and says so
        raise smtplib.SMTPResponseException(answer[0], "")


def _sorted(code: int) -> Rejected | Retryable:
    if code in _NOT_LET_IN:
        return Retryable(f"not_let_in_{code}", is_outage=False)
    return Rejected(str(code)) if code >= _PERMANENT else Retryable(f"busy_{code}", is_outage=False)


def _framed(content: bytes) -> bytes:
    """A message as DATA carries it: CRLF, leading dots doubled, a dot alone at the end (RFC 5321, 4.5.2)."""
    lines = content.replace(b"\r\n", b"\n").rstrip(b"\n").split(b"\n")
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines) + b"\r\n.\r\n"


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
