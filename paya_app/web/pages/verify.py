"""`/verify`: the one-time code, and then, for a newcomer, name and handle."""

from typing import Any

import reflex as rx

from paya_app import identity
from paya_app.core.config import settings
from paya_app.core.errors import HandleInvalid, HandleTaken, NameInvalid, PayaError
from paya_app.web.components.button import primary
from paya_app.web.components.door import door
from paya_app.web.components.field import fault_line, field, notice
from paya_app.web.components.link import go
from paya_app.web.components.native_form import native_form
from paya_app.web.components.pending_phone import pending_phone
from paya_app.web.forms import Form, Text, read
from paya_app.web.viewer import Viewer, fault_in_address, meet, next_path, query_value, signed_in


class HandleForm(Form):
    """Name and handle of a newcomer."""

    name: Text = ""
    handle: Text = ""


class VerifyState(rx.State):
    """Which step shows, and what is wrong."""

    step: str = ""
    next: str = "/"
    code_fault: str = ""
    name_fault: str = ""
    handle_fault: str = ""
    fault: str = ""
    phone_page: str = ""
    sent_again: bool = False

    @rx.event
    async def enter(self) -> rx.event.EventSpec | None:
        """The code for visitors; name and handle for who is signed in without; others go on."""
        self.next = next_path(self)
        self.name_fault = self.handle_fault = self.fault = ""
        self.code_fault = fault_in_address(self)
        self.sent_again = query_value(self, "sent") == "again"
        self.phone_page = "/local/phone/" if settings().embedded else ""
        await meet(self)
        phase = (await self.get_state(Viewer)).phase
        if phase == "in":
            return rx.redirect(self.next, replace=True)
        self.step = "handle" if phase == "new" else "code"
        return None

    @rx.event
    async def claim(self, form: dict[str, Any]) -> rx.event.EventSpec | None:
        """Take name and handle, and open the wallet."""
        self.name_fault = self.handle_fault = self.fault = ""
        try:
            given = read(HandleForm, form)
            await identity.claim_handle(await signed_in(self), handle=given.handle, name=given.name)
        except NameInvalid as error:
            self.name_fault = error.message
        except (HandleInvalid, HandleTaken) as error:
            self.handle_fault = error.message
        except PayaError as error:
            self.fault = error.message
        else:
            return rx.redirect(self.next or "/", replace=True)
        return None


def page() -> rx.Component:
    """The page."""
    return door(rx.cond(VerifyState.step == "handle", _handle(), _code()))


def _code() -> rx.Component:
    return rx.el.div(
        rx.el.h1("Enter the code"),
        rx.el.p(
            pending_phone("Sent to ", "Sent to your phone", class_name="num"),
            ". ",
            go("Change", to="/welcome/", class_name="link hit"),
            class_name="m mt-1 mb-6",
        ),
        native_form(
            rx.el.label("Code", html_for="code", class_name="label"),
            rx.el.input(
                id="code",
                name="code",
                type="text",
                input_mode="numeric",
                auto_complete="one-time-code",
                max_length=12,
                required=True,
                auto_focus=True,
                aria_invalid=rx.cond(VerifyState.code_fault != "", "true", "false"),
                aria_describedby="code-fault",
                class_name="field code",
            ),
            fault_line(VerifyState.code_fault, id="code-fault"),
            rx.cond(
                VerifyState.sent_again & (VerifyState.code_fault == ""),
                rx.el.p("A new code is on its way.", class_name="hint", role="status"),
            ),
            primary("Continue", type="submit", class_name="mt-6"),
            action="/session/verify",
        ),
        rx.cond(
            VerifyState.phone_page != "",
            rx.el.p(
                "Test mode: the text waits on the ",
                rx.el.a("stand-in phone", href=VerifyState.phone_page, target="_blank", class_name="link hit"),
                ".",
                class_name="s m text-center mt-4",
            ),
        ),
        native_form(
            rx.el.button("Send a new code", type="submit", class_name="link min-h-11 w-full mt-2"),
            action="/session/start",
        ),
    )


def _handle() -> rx.Component:
    return rx.el.div(
        rx.el.h1("Who are you to others?"),
        rx.el.p("People find and pay you by this. Your phone number stays hidden.", class_name="m mt-1 mb-6"),
        notice(VerifyState.fault),
        rx.el.form(
            field(
                "Name",
                name="name",
                fault=VerifyState.name_fault,
                auto_complete="name",
                max_length=200,
                auto_focus=True,
                placeholder="Ana Ruiz",
            ),
            field(
                "Handle",
                name="handle",
                fault=VerifyState.handle_fault,
                hint="3 to 20 of a-z, 0-9 and _, a letter first. It cannot be changed later.",
                auto_capitalize="none",
                max_length=64,
                placeholder="ana",
            ),
            primary("Open my wallet", type="submit"),
            on_submit=VerifyState.claim,
            class_name="grid gap-4",
        ),
    )
