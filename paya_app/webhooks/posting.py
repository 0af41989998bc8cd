"""One try: a request to a developer's address, cut off after 15 seconds, and what came back."""

import asyncio
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from paya_app.webhooks.errors import WebhookUrlInvalid
from paya_app.webhooks.guard import CheckedTransport, Resolver, TargetBlocked
from paya_app.webhooks.targets import checked_url

ANSWER_TIMEOUT_S = 15.0
CONNECT_TIMEOUT_S = 5.0
ANSWER_BYTES_MAX = 4096
USER_AGENT = "PaYa-Webhooks/1"

_TAKEN = range(200, 300)
_ELSEWHERE = range(300, 400)


@dataclass(slots=True)
class Result:
    """What became of a try.

    Attributes:
        outcome: accepted (2xx), refused, redirected (3xx: not followed), timed_out, unreachable, blocked, broken.
        headers: as sent.
        answer: the beginning of what came back, or what went wrong.
    """

    outcome: str = "broken"
    status: int | None = None
    took_ms: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    answer: str = ""


async def post(
    url: str,
    body: str,
    headers: Mapping[str, str],
    *,
    resolve: Resolver,
    loopback_allowed: bool,
    timeout_s: float = ANSWER_TIMEOUT_S,
    tls: ssl.SSLContext | None = None,
) -> Result:
    """Send `body` once to `url` and never elsewhere. The status decides; of the answer the beginning is kept."""
    sent = {
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "accept-encoding": "identity",  # what unpacks to gigabytes is not unpacked
        **headers,
    }
    result = Result(headers=sent)
    taken = bytearray()
    began = time.monotonic()
    try:
        checked_url(url, loopback_allowed=loopback_allowed)  # it may have been saved where more was allowed
        async with asyncio.timeout(timeout_s):
            await _exchange(
                url,
                body.encode(),
                result,
                taken,
                CheckedTransport(resolve=resolve, loopback_allowed=loopback_allowed, tls=tls),
            )
    except (TargetBlocked, WebhookUrlInvalid) as blocked:
        result.outcome, result.answer = "blocked", str(blocked)
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        result.outcome, result.answer = "unreachable", str(error) or "No connection within 5 seconds."
    except (TimeoutError, httpx.TimeoutException):
        result.outcome, result.answer = "timed_out", f"No answer within {timeout_s:g} seconds."
    except httpx.TransportError as error:
        result.outcome, result.answer = "broken", str(error) or type(error).__name__
    if result.status is not None:  # whatever happened to the rest of the answer
        result.outcome = _outcome(result.status)
        result.answer = taken[:ANSWER_BYTES_MAX].decode("utf-8", "replace")
    result.answer = result.answer[:ANSWER_BYTES_MAX].replace("\0", "\N{REPLACEMENT CHARACTER}")
    result.took_ms = int((time.monotonic() - began) * 1000)
    return result


async def _exchange(url: str, body: bytes, result: Result, taken: bytearray, transport: CheckedTransport) -> None:
    timeout = httpx.Timeout(None, connect=CONNECT_TIMEOUT_S)  # the whole is timed by whoever waits
    async with (
        httpx.AsyncClient(transport=transport, timeout=timeout, trust_env=False, follow_redirects=False) as client,
        client.stream("POST", url, content=body, headers=result.headers) as answer,
    ):
        result.status = answer.status_code
        async for chunk in answer.aiter_raw():
            taken += chunk[:ANSWER_BYTES_MAX]
            if len(taken) >= ANSWER_BYTES_MAX:
                break


def _outcome(status: int) -> str:
    if status in _TAKEN:
        return "accepted"
    return "redirected" if status in _ELSEWHERE else "refused"
