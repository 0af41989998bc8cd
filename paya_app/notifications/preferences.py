"""What somebody wants to be told, where, and when not; and what they were told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.clock import now
from paya_app.core.errors import RequestInvalid
from paya_app.notifications.errors import DeviceInvalid, EmailInvalid, LinkInvalid, NoticeUnknown, QuietHoursInvalid
from paya_app.notifications.kinds import CHANNELS, LABELS
from paya_app.notifications.links import read_confirm, read_unsubscribe
from paya_app.notifications.quiet import zone_of
from paya_app.notifications.templates import notice_of
from paya_app.providers import push

EMAIL_CHARACTERS_MAX = 254
_LOCAL_PART_CHARACTERS_MAX = 64


@dataclass(frozen=True, slots=True)
class Device:
    """A browser that takes push messages."""

    id: UUID
    name: str
    endpoint: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NoticeSettings:
    """How somebody is told of things.

    Attributes:
        email: confirmed; email_asked: waits to be.
        quiet_from_minute, quiet_to_minute: minutes of the day in `zone`, or None.
        remind_hours: how many hours ahead of a buy.
        wanted: pairs of kind and channel.
    """

    email: str | None
    email_asked: str | None
    quiet_from_minute: int | None
    quiet_to_minute: int | None
    zone: str
    remind_hours: int
    wanted: frozenset[tuple[str, str]]
    devices: tuple[Device, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """One line of the history: what was told by which channel, and what became of it."""

    id: UUID
    kind: str
    channel: str
    state: str
    reason: str | None
    at: datetime
    due_at: datetime
    subject: str
    path: str


async def my_settings(actor: Actor) -> NoticeSettings:
    """The actor's settings; the defaults until anything was chosen."""
    said: dict[str, Any] = (await db.query(actor, "select notifications.my_settings()"))[0][0]
    pairs = (tuple(pair.split(":", 1)) for pair in said.pop("wanted"))
    devices = tuple(
        Device(UUID(each["id"]), each["name"], each["endpoint"], datetime.fromisoformat(each["created_at"]))
        for each in said.pop("devices")
    )
    return NoticeSettings(**said, wanted=frozenset((kind, channel) for kind, channel in pairs), devices=devices)


async def choose(actor: Actor, *, kind: str, channel: str, is_wanted: bool) -> None:
    """Whether the actor is told of `kind` by `channel` from now on.

    Raises:
        NoticeUnknown: there is no such kind or channel.
    """
    if channel not in CHANNELS or kind not in LABELS:  # texts that no database takes among them
        raise NoticeUnknown
    sql = "select notifications.choose(:kind, :channel, :wanted)"
    await db.query(actor, sql, {"kind": kind, "channel": channel, "wanted": is_wanted})


async def set_hours(actor: Actor, *, quiet: tuple[int, int] | None, zone: str, remind_hours: int) -> None:
    """When the actor is not told of anything, and how many hours ahead of a buy they are.

    `quiet` is from and to, minutes of the day in `zone`; None for no quiet hours.

    Raises:
        QuietHoursInvalid: no such hours or zone.
    """
    if zone_of(zone) is None:
        raise QuietHoursInvalid
    from_minute, to_minute = quiet or (None, None)
    await db.query(
        actor,
        "select notifications.set_hours(:from_minute, :to_minute, :zone, :hours)",
        {"from_minute": from_minute, "to_minute": to_minute, "zone": zone, "hours": remind_hours},
    )


async def ask_email(actor: Actor, address: str) -> None:
    """Have a link sent to `address`; until it is opened nothing else is.

    Raises:
        EmailInvalid: no address.
        TooManyTries: five in an hour.
    """
    address = address.strip()
    local, _, domain = address.rpartition("@")
    known = address.isascii() and address.isprintable() and not set(address) & set(' "(),:;<>[\\]')
    if (
        not known
        or not 0 < len(local) <= _LOCAL_PART_CHARACTERS_MAX
        or "@" in local
        or len(address) > EMAIL_CHARACTERS_MAX
        or ".." in address
        or any(part.strip("-") != part or not part for part in domain.split("."))
    ):
        raise EmailInvalid
    await db.query(actor, "select notifications.ask_email(:address)", {"address": address})


async def remove_email(actor: Actor) -> None:
    """Write to the actor no more."""
    await db.query(actor, "select notifications.remove_email()")


async def confirm_email(token: str) -> str:
    """The address that this link confirms, confirmed.

    Raises:
        LinkInvalid: damaged, too old, or another address was asked for since.
    """
    person, address = read_confirm(token, at=await _moment())
    sql = "select notifications.confirm_email(:person, :address)"
    if not (await db.query(Actor.service(), sql, {"person": person, "address": address}))[0][0]:
        raise LinkInvalid
    return address


async def unsubscribe(token: str) -> tuple[str, str]:
    """End what this link is about, and return its kind and channel. Again changes nothing.

    Raises:
        LinkInvalid: damaged.
    """
    person, kind, channel = read_unsubscribe(token)
    sql = "select notifications.unsubscribe(:person, :kind, :channel)"
    if not (await db.query(Actor.service(), sql, {"person": person, "kind": kind, "channel": channel}))[0][0]:
        raise LinkInvalid
    return kind, channel


async def add_device(actor: Actor, subscription: object, *, name: str) -> None:
    """Send push messages to a browser, by what its `PushSubscription.toJSON()` gave.

    Raises:
        DeviceInvalid: no subscription, or at a push service that we do not know.
        DevicesLimit: ten are there already.
    """
    keys = subscription.get("keys") if isinstance(subscription, Mapping) else None
    if not isinstance(subscription, Mapping) or not isinstance(keys, Mapping):
        raise DeviceInvalid
    endpoint, public_key, auth = subscription.get("endpoint"), keys.get("p256dh"), keys.get("auth")
    if not (isinstance(endpoint, str) and isinstance(public_key, str) and isinstance(auth, str)):
        raise DeviceInvalid
    public_key, auth = public_key.rstrip("="), auth.rstrip("=")
    if not push.is_known(endpoint) or not push.are_keys(public_key, auth):
        raise DeviceInvalid
    await db.query(
        actor,
        "select notifications.add_device(:endpoint, :public_key, :auth, :name)",
        {"endpoint": endpoint, "public_key": public_key, "auth": auth, "name": name[:60] or "A browser"},
    )


async def remove_device(actor: Actor, device_id: UUID) -> None:
    """Send that browser of the actor's no more. Again changes nothing."""
    await db.query(actor, "select notifications.remove_device(:id)", {"id": device_id})


async def history(actor: Actor, *, before: datetime | None = None, maximum: int = 50) -> list[Told]:
    """What the actor was told, the newest first, from before a moment on."""
    if not 0 < maximum <= 100:  # noqa: PLR2004 - what the database gives at most
        raise RequestInvalid
    rows = await db.query(
        actor,
        "select n from notifications.my_notices(cast(:before as timestamptz), :maximum) n",
        {"before": before, "maximum": maximum},
    )
    return [_told(row[0]) for row in rows]


def _told(said: dict[str, Any]) -> Told:
    facts, kind = said["facts"], said["kind"]
    notice = notice_of(
        kind,
        facts,
        plan_id=str(facts.get("plan_id") or said["plan_id"] or ""),
        plan_name=said["plan_name"] or "",
        plan_zone=said["plan_zone"] or "UTC",
    )
    return Told(
        id=UUID(said["id"]),
        kind=kind,
        channel=said["channel"],
        state=said["state"],
        reason=said["reason"],
        at=datetime.fromisoformat(said["at"]),
        due_at=datetime.fromisoformat(said["due_at"]),
        subject=notice.subject,
        path=notice.path,
    )


async def _moment() -> datetime:
    """The time, as the database has it."""
    rows = await db.query(Actor.service(), "select notifications.moment()")
    return rows[0][0] if rows else now()
