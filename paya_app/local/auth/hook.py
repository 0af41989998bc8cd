"""Handing a code to the Send-SMS hook, signed by the Standard Webhooks rules, as hosted Supabase does."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
from standardwebhooks import Webhook

from paya_app.local.auth.errors import AuthRefusal

TIMEOUT_S = 5.0
ATTEMPTS_MAX = 3
BACKOFF_S = 0.5
_DONE = {200, 202, 204}
_BUSY = {429, 503}


class SendSmsHook:
    """One hook: its address and its secret (`v1,whsec_…`)."""

    def __init__(self, url: str, secret: str) -> None:
        self._url = url
        self._webhook = Webhook(secret.removeprefix("v1,"))
        self._client: httpx.AsyncClient | None = None

    async def send(self, user: dict[str, Any], code: str) -> None:
        """Deliver `code` to the user's phone through the hook, within 5 s.

        Raises:
            AuthRefusal: the hook refused, or did not answer in time.
        """
        body = json.dumps(
            {
                "metadata": {
                    "uuid": str(uuid4()),
                    "time": datetime.now(UTC).isoformat(),
                    "name": "send-sms",
                },
                "user": user,
                "sms": {"otp": code, "sms_type": "sms"},
            }
        )
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await self._attempt(body)
        except TimeoutError:
            raise AuthRefusal(
                422, "hook_timeout", f"Failed to reach hook within maximum time of {TIMEOUT_S:f} seconds"
            ) from None

    async def close(self) -> None:
        """Close the connections to the hook."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _attempt(self, body: str) -> None:
        self._client = self._client or httpx.AsyncClient(timeout=TIMEOUT_S)
        for attempt in range(ATTEMPTS_MAX):
            message_id, at = str(uuid4()), datetime.now(UTC)
            headers = {
                "content-type": "application/json",
                "webhook-id": message_id,
                "webhook-timestamp": str(int(at.timestamp())),
                "webhook-signature": self._webhook.sign(message_id, at, body),
            }
            try:
                answer = await self._client.post(self._url, content=body, headers=headers)
            except httpx.TransportError:
                if attempt + 1 == ATTEMPTS_MAX:
                    raise AuthRefusal(
                        422, "hook_timeout_after_retry", "Failed to reach hook after maximum retries"
                    ) from None
                await asyncio.sleep(BACKOFF_S)
                continue
            if answer.status_code in _DONE:
                return _check(answer)
            if answer.status_code not in _BUSY or "retry-after" not in answer.headers:
                break
        raise AuthRefusal(500, "unexpected_failure", "Service currently unavailable due to hook")


def _check(answer: httpx.Response) -> None:
    if answer.status_code == 204:  # noqa: PLR2004 - no content, so nothing to check
        return
    try:
        said = answer.json()
    except ValueError:
        raise AuthRefusal(500, "unexpected_failure", "Error unmarshaling JSON output.") from None
    error = said.get("error") if isinstance(said, dict) else None
    if isinstance(error, dict) and error.get("message"):
        raise AuthRefusal(int(error.get("http_code") or 500), "unknown", str(error["message"]))
