"""`/welcome`: sign in or up with a phone number."""

import reflex as rx

from paya_app.web.components.button import primary
from paya_app.web.components.carried import carried
from paya_app.web.components.door import door
from paya_app.web.components.farewell import farewell
from paya_app.web.components.field import fault_line
from paya_app.web.components.native_form import native_form
from paya_app.web.components.remembered import remembered_input
from paya_app.web.viewer import Viewer, fault_in_address, handle_path, meet, next_path


class WelcomeState(rx.State):
    """What went wrong with the number."""

    fault: str = ""

    @rx.event
    async def enter(self) -> rx.event.EventSpec | None:
        """Whoever is signed in has no business here."""
        self.fault = fault_in_address(self)
        await meet(self)
        phase = (await self.get_state(Viewer)).phase
        if phase == "in":
            return rx.redirect(next_path(self), replace=True)
        return rx.redirect(handle_path(next_path(self)), replace=True) if phase == "new" else None


def page() -> rx.Component:
    """The page."""
    return door(
        farewell(class_name="notice calm mb-6"),
        rx.el.h1("What is your phone number?"),
        rx.el.p("We text you a code. It signs you in, or makes your account.", class_name="m mt-1 mb-6"),
        native_form(
            carried("next"),
            rx.el.label("Phone number", html_for="phone", class_name="label"),
            remembered_input(
                "phone",
                id="phone",
                type="tel",
                auto_complete="tel-national",
                input_mode="tel",
                placeholder="(202) 555-0123",
                required=True,
                auto_focus=True,
                max_length=32,
                class_name="field num",
                aria_invalid=rx.cond(WelcomeState.fault != "", "true", "false"),
                aria_describedby="phone-hint phone-fault",
            ),
            rx.cond(
                WelcomeState.fault == "", rx.el.p("A US number that gets texts.", id="phone-hint", class_name="hint")
            ),
            fault_line(WelcomeState.fault, id="phone-fault"),
            primary("Text me a code", type="submit", class_name="mt-6"),
            action="/session/start",
        ),
        rx.el.p("PaYa never calls or writes to ask for this code.", class_name="s m text-center mt-4"),
    )
