"""Text messages through Twilio's own library (or its stand-in, by address)."""

import asyncio
import logging
import threading

import httpx
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client

from paya_app.core.config import settings
from paya_app.providers.breaker import guarded
from paya_app.providers.outcome import Rejected, Retryable, Unknown

# Together below the 5 s that Supabase Auth gives its hook.
CONNECT_TIMEOUT_S = 1.0
ANSWER_TIMEOUT_S = 2.5
VENDOR = "twilio"

NUMBER_CANNOT_BE_TEXTED = frozenset(
    {
        21211,  # not a phone number
        21214,  # cannot be reached
        21217,  # not a valid number
        21408,  # no permission for that region
        21610,  # its owner has replied STOP
        21612,  # not reachable from our number
        21614,  # not a mobile number
    }
)
_BUSY_STATUS = 429
_QUEUE_IS_FULL = 21611

_clients: dict[tuple[str, str, str], Client] = {}
_opening = threading.Lock()


async def send_text(to: str, body: str) -> str:
    """Text `body` to `to` (E.164) and return Twilio's id of the message (`SM…`).

    Raises:
        Rejected: Twilio's error number as its code; the same text would be refused again.
        Retryable: not sent: unreachable, busy, or a fault of theirs that says so.
        Unknown: the connection broke after the request had left: it may have been sent.
    """
    return await guarded(VENDOR, lambda: asyncio.to_thread(_send, to, body))


def _send(to: str, body: str) -> str:
    chosen = settings()
    client = _client(chosen.twilio_account_sid, chosen.twilio_auth_token.get_secret_value(), chosen.twilio_base_url)
    try:
        message = client.messages.create(to=to, from_=chosen.twilio_from, body=body)
    except TwilioRestException as error:
        raise _refusal(error) from error
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise Retryable("Twilio cannot be reached.") from error
    except httpx.TransportError as error:
        raise Unknown(f"Twilio's answer did not arrive: {type(error).__name__}.") from error
    except (TwilioException, ValueError, KeyError, TypeError, AttributeError) as error:
        # an answer that is no message: whether one was sent, nobody can say
        raise Unknown(f"Twilio's answer cannot be read: {type(error).__name__}.") from error
    if not isinstance(message.sid, str) or not message.sid:
        raise Unknown("Twilio's answer names no message.")
    return message.sid


def _refusal(error: TwilioRestException) -> Rejected | Retryable | Unknown:
    if error.status == _BUSY_STATUS or error.code == _QUEUE_IS_FULL:
        return Retryable(f"Twilio is busy ({error.code}).", is_outage=False)
    if error.status == 503:  # noqa: PLR2004 - refused before it was taken
        return Retryable("Twilio is down (503).")
    if error.status >= 500:  # noqa: PLR2004
        return Unknown(f"Twilio failed ({error.status}).")
    return Rejected(str(error.code or error.status), error.msg)


def _client(account_sid: str, auth_token: str, base_url: str) -> Client:
    key = (account_sid, auth_token, base_url)
    with _opening:
        client = _clients.get(key)
        if client is None:
            client = _clients[key] = Client(account_sid, auth_token, http_client=_Transport())
            if base_url:
                client.api.base_url = base_url
    return client


def close() -> None:
    """Close the connections to Twilio."""
    with _opening:
        while _clients:
            _, client = _clients.popitem()
            if isinstance(client.http_client, _Transport):
                client.http_client.close()


class _Transport(HttpClient):
    """Twilio's library over httpx: time-outs for connecting and answering, and no request in the log."""

    def __init__(self) -> None:
        super().__init__(logging.getLogger("paya.twilio"), is_async=False)
        self._http = httpx.Client(timeout=httpx.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S))

    def request(  # noqa: PLR0917 - Twilio's interface
        self,
        method: str,
        uri: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002 - ours above
        allow_redirects: bool = False,  # noqa: FBT001, FBT002 - Twilio's signature
    ) -> Response:
        answer = self._http.request(
            method,
            uri,
            params=params,  # pyright: ignore[reportArgumentType]
            data=data,
            headers=headers,
            auth=auth,
            follow_redirects=allow_redirects,
        )
        return Response(answer.status_code, answer.text, dict(answer.headers))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
