"""From events to notices: making deliveries, and sending each at most once.

A delivery is marked before the vendor is called, in a transaction of its own. Who dies after the mark leaves a notice
that may or may not have left; it is closed as unknown and not sent again. Only a vendor's clear "it did not happen"
puts it back. So a notice can be lost, and never comes twice: what it told stands in the plan's history anyway.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.config import settings
from paya_app.notifications.kinds import EMAIL_ASKED, OF_NO_PLAN
from paya_app.notifications.links import confirm_url, unsubscribe_url
from paya_app.notifications.quiet import quiet_until
from paya_app.notifications.templates import Notice, notice_of
from paya_app.providers import mail, push, texts
from paya_app.providers.outcome import ProviderFailure, Rejected, Retryable, Unknown

EVENTS_AT_ONCE = 500
REMINDERS_AT_ONCE = 1000

log = structlog.get_logger()


async def follow() -> int:
    """Announce buys that are near, read every new event, and hurry what was put off; returns how many events."""
    while await _asked("select notifications.remind(:maximum)", maximum=REMINDERS_AT_ONCE) == REMINDERS_AT_ONCE:
        pass
    read = last = 0
    while (last := await _asked("select notifications.follow(:maximum)", maximum=EVENTS_AT_ONCE)) == EVENTS_AT_ONCE:
        read += last
    await _asked("select notifications.hurry(:maximum)", maximum=REMINDERS_AT_ONCE)
    if lost := await _asked("select notifications.close_lost()"):
        log.warning("notices were marked and never heard of again", count=lost)
    return read + last


async def deliver(delivery_id: UUID) -> None:
    """Send one notice by its channel, unless it was sent, is not wanted any more, or comes too late.

    Raises:
        Retryable: it certainly was not sent, and waits for its next try.
    """
    told = await _asked("select notifications.open(:id)", id=delivery_id)
    if told is None:
        return
    channel, kind = told["channel"], told["kind"]
    if reason := _why_not(told):
        await _settle(delivery_id, "dropped", reason)
        return
    until = quiet_until(
        datetime.fromisoformat(told["now"]),
        from_minute=told["quiet_from_minute"],
        to_minute=told["quiet_to_minute"],
        zone=told["zone"],
    )
    if until is not None and kind != EMAIL_ASKED and not told["is_urgent"]:
        await _asked("select notifications.put_off(:id, :until)", id=delivery_id, until=until)
        return
    facts = told["facts"]
    notice = notice_of(
        kind,
        facts,
        plan_id=str(told["plan_id"] or ""),
        plan_name=told["plan_name"] or "",
        plan_zone=told["plan_zone"] or "UTC",
    )
    if not await _asked("select notifications.begin_sending(:id)", id=delivery_id):
        return
    try:
        ref = await _SEND[channel](delivery_id, told, notice)
    except Rejected as refused:
        await _settle(delivery_id, "refused", refused.code)
    except Unknown as unknown:
        await _settle(delivery_id, "unknown", unknown.reason)
    except Retryable as failure:
        await _settle(delivery_id, "waiting", failure.reason)
        raise
    else:
        await _settle(delivery_id, "sent", None, ref)


def _why_not(told: dict[str, Any]) -> str | None:
    """Why nothing is sent at all, or None."""
    if not told["is_wanted"]:
        return "not_wanted"
    if told["is_late"]:
        return "too_late"
    if told["is_one_too_many"]:
        return "too_many_texts"
    if told["kind"] not in OF_NO_PLAN and told["plan_name"] is None:
        return "no_plan"
    address = {"email": "email", "sms": "phone", "push": "devices"}[told["channel"]]
    return None if told[address] else "no_address"


async def _mail(delivery_id: UUID, told: dict[str, Any], notice: Notice) -> str:
    person = UUID(told["person"])
    if told["kind"] == EMAIL_ASKED:
        link = confirm_url(person, told["email"], at=datetime.fromisoformat(told["now"]))
        return await mail.send_mail(
            to=told["email"], subject=notice.subject, body=notice.mail(link), message_id=delivery_id
        )
    body = notice.mail(f"{settings().public_url}{notice.path}")
    if not told["is_chosen"]:
        return await mail.send_mail(to=told["email"], subject=notice.subject, body=body, message_id=delivery_id)
    unsubscribe = unsubscribe_url(person, told["kind"], "email")
    body += f"\n-- \nNo more mails like this: {unsubscribe}\n"
    return await mail.send_mail(
        to=told["email"], subject=notice.subject, body=body, message_id=delivery_id, unsubscribe_url=unsubscribe
    )


async def _text(_delivery_id: UUID, told: dict[str, Any], notice: Notice) -> str:
    body = f"PaYa: {notice.short()} {settings().public_url}{notice.path}"
    return await texts.send_once(f"+{told['phone'].lstrip('+')}", body)


async def _push(delivery_id: UUID, told: dict[str, Any], notice: Notice) -> str:
    """To every browser of theirs; told when one of them was."""
    message = {"title": notice.subject, "body": notice.short(), "path": notice.path, "tag": str(delivery_id)}
    failures: list[ProviderFailure] = []
    sent = 0
    for device in told["devices"]:
        try:
            await push.send_push(device["endpoint"], device["public_key"], device["auth_secret"], message)
            sent += 1
        except Rejected as refused:
            if refused.code in push.GONE:
                await _asked("select notifications.drop_device(:id)", id=UUID(device["id"]))
            failures.append(refused)
        except (Retryable, Unknown) as failure:
            failures.append(failure)
    if sent:
        return f"{sent} of {len(told['devices'])}"
    # one that may have arrived outweighs one that may be tried again: nobody is told twice
    raise next((each for each in failures if isinstance(each, Unknown)), None) or next(
        (each for each in failures if isinstance(each, Retryable)), failures[0]
    )


_SEND = {"email": _mail, "sms": _text, "push": _push}


async def _settle(delivery_id: UUID, state: str, reason: str | None, ref: str | None = None) -> None:
    await _asked(
        "select notifications.settle(:id, :state, :reason, :ref)", id=delivery_id, state=state, reason=reason, ref=ref
    )


async def _asked(sql: str, **params: object) -> Any:
    """The first column of the first row, with the rights of the service; a transaction of its own."""
    return (await db.query(Actor.service(), sql, params))[0][0]
