"""Text messages through Amazon SNS, which takes over when Twilio cannot be had. Not set up: nothing takes over.

boto3 is synchronous and heavy to import, so it is loaded with the first text and runs in a thread.
"""

import asyncio
import threading
from typing import Any

from paya_app.core.config import settings
from paya_app.providers.breaker import guarded
from paya_app.providers.outcome import ProviderFailure, Rejected, Retryable, Unknown

VENDOR = "sns"
# Short: Twilio has had most of the 5 s that Supabase Auth gives its hook.
CONNECT_TIMEOUT_S = 0.5
ANSWER_TIMEOUT_S = 1.5

_SERVER = 500
_BUSY = {"Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException"}

_clients: dict[tuple[str, str, str, str], Any] = {}
_opening = threading.Lock()


def is_set_up() -> bool:
    """Whether there is an SNS to take over."""
    return bool(settings().sns_region)


async def send_text(to: str, body: str) -> str:
    """Text `body` to `to` (E.164) and return SNS's id of the message.

    Raises:
        Rejected: SNS's word as its code; the same text would be refused again.
        Retryable: not sent.
        Unknown: it may have been sent.
    """
    return await guarded(VENDOR, lambda: asyncio.to_thread(_send, to, body))


def _send(to: str, body: str) -> str:
    kind = {"AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"}}
    client = _client()
    try:
        answer = client.publish(PhoneNumber=to, Message=body, MessageAttributes=kind)
    except Exception as error:
        failure = _sort(error)
        if failure is None:
            raise
        raise failure from None  # what boto3 raises may quote the request, and so the code in it
    message_id = answer.get("MessageId")
    if not isinstance(message_id, str) or not message_id:
        raise Unknown("malformed_answer")
    return message_id


def _sort(error: Exception) -> ProviderFailure | None:
    """Which of the three a library's exception is, or None when it is no failure of the vendor."""
    from botocore import exceptions as trouble
    from botocore.parsers import ResponseParserError

    if isinstance(error, trouble.ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", _SERVER)
        code = str(error.response.get("Error", {}).get("Code", status))
        if code in _BUSY:
            return Retryable("too_many_requests", is_outage=False)
        return Unknown(f"status_{status}") if status >= _SERVER else Rejected(code)
    if isinstance(error, (trouble.EndpointConnectionError, trouble.ConnectTimeoutError)):
        return Retryable("unreachable")
    if isinstance(error, trouble.NoCredentialsError):
        return Retryable("credentials", is_outage=False)
    if isinstance(error, (trouble.BotoCoreError, ResponseParserError)):
        return Unknown(type(error).__name__)
    return None


def _client() -> Any:
    import boto3
    from botocore.config import Config

    the = settings()
    described = (
        the.sns_region,
        the.sns_base_url,
        the.sns_access_key_id,
        the.sns_secret_access_key.get_secret_value(),
    )
    with _opening:
        if described not in _clients:
            region, base_url, key_id, secret = described
            _clients[described] = boto3.Session().client(
                "sns",
                region_name=region,
                endpoint_url=base_url or None,
                # without keys of its own, those of the machine that it runs on
                aws_access_key_id=key_id or None,
                aws_secret_access_key=secret or None,
                config=Config(
                    connect_timeout=CONNECT_TIMEOUT_S,
                    read_timeout=ANSWER_TIMEOUT_S,
                    retries={"total_max_attempts": 1},
                    proxies={},
                ),
            )
        return _clients[described]


def close() -> None:
    """Close the connections to SNS."""
    with _opening:
        while _clients:
            _clients.popitem()[1].close()
