"""`/settings/notifications`: what one is told, where, and when not; and what one was told."""

from typing import Any

import reflex as rx

from paya_app import notifications
from paya_app.core.actor import Actor
from paya_app.core.errors import NotFound, PayaError
from paya_app.identity.devices import device_name
from paya_app.notifications import NoticeSettings
from paya_app.providers import push
from paya_app.web.components.field import notice
from paya_app.web.components.frame import frame
from paya_app.web.components.live_hint import LiveHint
from paya_app.web.components.notice_settings import (
    notice_address,
    notice_devices,
    notice_hours,
    notice_kinds,
    notices_told,
)
from paya_app.web.components.skeleton import bone_rows, waiting
from paya_app.web.forms import Form, Text, read, read_flag, read_id, read_text
from paya_app.web.notices import (
    QUIET_FROM,
    QUIET_TO,
    DeviceRow,
    KindRow,
    ToldRow,
    clock,
    device_rows,
    kind_rows,
    read_clock,
    read_hours,
    told_row,
)
from paya_app.web.viewer import Viewer, admit, signed_in

HISTORY_MAX = 50
NEVER_SET = "UTC"


class Choice(Form):
    """Whether a kind is to be told by a channel."""

    kind: Text = ""
    channel: Text = ""
    is_wanted: bool = False


class AddressForm(Form):
    """An address, as it was written."""

    email: Text = ""


class HoursForm(Form):
    """Quiet hours and how long ahead reminders come, as they were written."""

    quiet_from: Text = ""
    quiet_to: Text = ""
    zone: Text = ""
    remind_hours: Text = ""


class NoticesState(rx.State):
    """How the viewer is told of things, and what they were told."""

    loaded: bool = False
    fault: str = ""
    said: str = ""
    address_fault: str = ""
    hours_fault: str = ""
    kinds: rx.Field[list[KindRow]] = rx.field(default_factory=list)
    email: str = ""
    email_asked: str = ""
    is_quiet: bool = False
    quiet_from: str = QUIET_FROM
    quiet_to: str = QUIET_TO
    zone: str = ""
    remind_hours: str = "24"
    public_key: str = ""
    devices: rx.Field[list[DeviceRow]] = rx.field(default_factory=list)
    endpoints: rx.Field[list[str]] = rx.field(default_factory=list)
    told: rx.Field[list[ToldRow]] = rx.field(default_factory=list)

    @rx.event
    async def enter(self) -> rx.event.EventSpec | None:
        """Only one's own."""
        try:
            actor = await admit(self)
            if not isinstance(actor, Actor):
                return actor
            self.fault = self.said = self.address_fault = self.hours_fault = ""
            self._load_hours(await self._load(actor))
        except PayaError as error:
            self.fault = error.message
        return None

    @rx.event
    async def refresh(self) -> None:
        """Something of theirs changed."""
        try:
            await self._load(await signed_in(self))
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def choose(self, choice: dict[str, Any]) -> None:
        """Be told of a kind by a channel, or not."""
        try:
            actor = await signed_in(self)
            made = read(Choice, choice)
            await notifications.choose(actor, kind=made.kind, channel=made.channel, is_wanted=made.is_wanted)
            await self._load(actor)
            self.fault = ""
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def save_address(self, form: dict[str, Any]) -> None:
        """Have a link sent to an address."""
        try:
            actor = await signed_in(self)
            await notifications.ask_email(actor, read(AddressForm, form).email)
            await self._load(actor)
            self.address_fault = ""
        except PayaError as error:
            self.address_fault = error.message

    @rx.event
    async def remove_address(self) -> None:
        """Get no more mails."""
        try:
            actor = await signed_in(self)
            await notifications.remove_email(actor)
            await self._load(actor)
            self.address_fault = ""
        except PayaError as error:
            self.address_fault = error.message

    @rx.event
    async def set_quiet(self, is_wanted: bool) -> None:  # noqa: FBT001 - an event's argument
        """Show the quiet hours to be saved, or have none from now on."""
        try:
            actor = await signed_in(self)
            if read_flag(is_wanted):
                self.is_quiet, self.hours_fault = True, ""
                return
            known = await notifications.my_settings(actor)
            await notifications.set_hours(actor, quiet=None, zone=known.zone, remind_hours=known.remind_hours)
            self._load_hours(await self._load(actor))
            self.hours_fault = ""
        except PayaError as error:
            self.hours_fault = error.message

    @rx.event
    async def save_hours(self, form: dict[str, Any]) -> None:
        """Keep quiet hours (those of the form, if it has any) and how long ahead reminders come."""
        self.said = ""
        try:
            actor = await signed_in(self)
            hours = read(HoursForm, form)
            quiet = (read_clock(hours.quiet_from), read_clock(hours.quiet_to)) if hours.quiet_from else None
            await notifications.set_hours(
                actor, quiet=quiet, zone=hours.zone, remind_hours=read_hours(hours.remind_hours)
            )
            self._load_hours(await self._load(actor))
            self.hours_fault, self.said = "", "Saved."
        except PayaError as error:
            self.hours_fault = error.message

    @rx.event
    async def add_device(self, subscription: dict[str, Any]) -> None:
        """Send push messages to this browser."""
        try:
            actor = await signed_in(self)
            name = device_name(self.router.headers.user_agent)
            await notifications.add_device(actor, subscription, name=name)
            await self._load(actor)
            self.fault = ""
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def forget_endpoint(self, endpoint: str) -> None:
        """Send this browser no more."""
        try:
            actor = await signed_in(self)
            wanted = read_text(endpoint)
            for device in (await notifications.my_settings(actor)).devices:
                if device.endpoint == wanted:
                    await notifications.remove_device(actor, device.id)
            await self._load(actor)
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def remove_device(self, device_id: str) -> None:
        """Send one of the viewer's browsers no more."""
        try:
            actor = await signed_in(self)
            wanted = read_id(device_id)
            if wanted is None:
                raise NotFound(what="device")
            await notifications.remove_device(actor, wanted)
            await self._load(actor)
            self.fault = ""
        except PayaError as error:
            self.fault = error.message

    async def _load(self, actor: Actor) -> NoticeSettings:
        chosen = await notifications.my_settings(actor)
        self.kinds, self.devices = kind_rows(chosen), device_rows(chosen)
        self.endpoints = [device.endpoint for device in chosen.devices]
        self.email, self.email_asked = chosen.email or "", chosen.email_asked or ""
        self.public_key = push.public_key()
        self.told = [told_row(each) for each in await notifications.history(actor, maximum=HISTORY_MAX)]
        self.loaded = True
        return chosen

    def _load_hours(self, chosen: NoticeSettings) -> None:
        """Only when they were asked for or saved: a hint that arrives takes no form from under one's hands."""
        self.is_quiet = chosen.quiet_from_minute is not None
        self.quiet_from = clock(chosen.quiet_from_minute, QUIET_FROM)
        self.quiet_to = clock(chosen.quiet_to_minute, QUIET_TO)
        # nobody chose it yet: the browser's own is offered
        self.zone = chosen.zone if self.is_quiet or chosen.zone != NEVER_SET else ""
        self.remind_hours = str(chosen.remind_hours)


def page() -> rx.Component:
    """The page."""
    return frame(
        LiveHint.create(active=Viewer.phase == "in", on_change=NoticesState.refresh),
        notice(NoticesState.fault),
        rx.cond(
            NoticesState.loaded,
            rx.el.div(
                notice_kinds(NoticesState),
                notice_address(NoticesState),
                notice_devices(NoticesState),
                notice_hours(NoticesState),
                notices_told(NoticesState),
            ),
            waiting(rx.el.div(bone_rows(6), class_name="card")),
        ),
        title="Notifications",
        active="settings",
        back="/settings/",
    )
