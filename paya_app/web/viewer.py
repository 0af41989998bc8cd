"""Who is looking: resolved from the session for every event, never from what the page says.

The guard in front of the socket names the session in a header of its own (server/guard.py). It is an id, it
opens nothing by itself, and it is looked up again each time, so that a session that ended can do nothing.
"""

from urllib.parse import quote
from uuid import UUID

import reflex as rx

from paya_app import identity
from paya_app.core.actor import Actor
from paya_app.core.clock import now
from paya_app.core.errors import PayaError, SignedOut, from_code
from paya_app.core.paths import local_path
from paya_app.web.components.avatar import initials_of, tone_of

SESSION_HEADER = "x-paya-session"


class Viewer(rx.State):
    """What the page's frame shows of whoever looks.

    `phase` is empty while unknown, then `out` (a visitor), `new` (signed in, no handle yet) or `in`.
    """

    phase: str = ""
    name: str = ""
    handle: str = ""
    initials: str = ""
    tone: int = 1
    as_of: str = ""
    trouble: str = ""

    @rx.event
    async def enter(self) -> None:
        """For pages that anyone may see: find out who looks."""
        await meet(self)

    @rx.event
    def dismiss(self) -> None:
        """Put the notice of an unexpected error away."""
        self.trouble = ""

    @rx.event
    def report_trouble(self) -> None:
        """Show that something unexpected went wrong; the log has the rest."""
        self.trouble = PayaError().message


async def actor_of(state: rx.State) -> Actor:
    """The actor of the session that this socket was opened with; a visitor when there is none or it ended."""
    text = state.router.headers.raw_headers.get(SESSION_HEADER, "")
    try:
        session_id = UUID(text)
    except ValueError:
        return Actor.visitor()
    return await identity.actor_for_session(session_id) or Actor.visitor()


async def signed_in(state: rx.State) -> Actor:
    """The actor, when somebody is signed in.

    Raises:
        SignedOut: nobody is.
    """
    actor = await actor_of(state)
    if actor.role != "authenticated":
        raise SignedOut
    return actor


async def meet(state: rx.State) -> Actor:
    """Resolve the actor and bring the frame up to date. Every page's load begins with this."""
    actor = await actor_of(state)
    viewer = await state.get_state(Viewer)
    if actor.role != "authenticated":
        viewer.phase, viewer.name, viewer.handle, viewer.initials = "out", "", "", ""
    else:
        person = await identity.me(actor)
        if person is None:
            viewer.phase = "new"
        else:
            viewer.phase, viewer.name, viewer.handle = "in", person.name, person.handle
            viewer.initials, viewer.tone = initials_of(person.name), tone_of(person.handle)
    viewer.as_of = now().isoformat()
    return actor


async def admit(state: rx.State) -> Actor | rx.event.EventSpec:
    """For pages of one's own: the actor, or where to send whoever may not be here (to sign in, to choose a handle)."""
    actor = await meet(state)
    phase = (await state.get_state(Viewer)).phase
    if phase == "in":
        return actor
    return rx.redirect(handle_path(_here(state)) if phase == "new" else welcome_path(state), replace=True)


def welcome_path(state: rx.State) -> str:
    """The sign-in page that leads back to the page being shown."""
    return _with_next("/welcome/", _here(state))


def handle_path(onward: str) -> str:
    """The page where a newcomer chooses a handle, leading on afterwards."""
    return _with_next("/verify/", onward)


def _here(state: rx.State) -> str:
    here = state.router.url
    return here.path + (f"?{here.query}" if here.query else "")


def _with_next(page: str, onward: str) -> str:
    return f"{page}?next={quote(onward, safe='')}" if onward.strip("/") else page


def fault_in_address(state: rx.State) -> str:
    """The sentence of the error code that a form came back with; empty without one."""
    code = query_value(state, "error")
    seconds = query_value(state, "retry_after_s")
    wait = {"retry_after_s": int(seconds)} if seconds.isascii() and seconds.isdigit() and len(seconds) < 7 else {}  # noqa: PLR2004
    return from_code(code, wait).message if code else ""


def query_value(state: rx.State, name: str) -> str:
    """One parameter of the page's address, at most 300 characters; never authority."""
    value = state.router.url.query_parameters.get(name, "")
    return value[:300] if isinstance(value, str) else ""


def next_path(state: rx.State) -> str:
    """Where the address says to go afterwards: a path of ours, else the start page."""
    return local_path(state.router.url.query_parameters.get("next")) or "/"
