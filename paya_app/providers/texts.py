"""A text to a phone: by Twilio, and by SNS when Twilio cannot be had and SNS is set up."""

import structlog

from paya_app.providers import sms, sns
from paya_app.providers.outcome import Retryable, Unknown

log = structlog.get_logger()


async def send(to: str, body: str) -> str:
    """Text `body` to `to` (E.164) and return the vendor's id of the message.

    A text whose fate is unknown is sent again by the other: the same code twice does no harm.

    Raises:
        Rejected: the vendor refused it; the same text would be refused again.
        Retryable, Unknown: neither took it.
    """
    try:
        return await sms.send_text(to, body)
    except (Retryable, Unknown) as failure:
        if not sns.is_set_up():
            raise
        log.warning("Twilio cannot be had, SNS takes over", reason=failure.reason)
    return await sns.send_text(to, body)


async def send_once(to: str, body: str) -> str:
    """Text `body` to `to` (E.164) at most once and return the vendor's id of the message.

    Only what Twilio certainly did not send is sent by the other.

    Raises:
        Rejected: the vendor refused it; the same text would be refused again.
        Retryable: neither took it.
        Unknown: it may have been sent.
    """
    try:
        return await sms.send_text(to, body)
    except Retryable as failure:
        if not sns.is_set_up():
            raise
        log.warning("Twilio cannot be had, SNS takes over", reason=failure.reason)
    return await sns.send_text(to, body)
