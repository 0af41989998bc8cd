"""`/developers/webhooks/[delivery]`: one delivery, every try with what came back, and sending it again."""

from uuid import UUID

import reflex as rx

from paya_app import developers, webhooks
from paya_app.core.actor import Actor
from paya_app.core.clock import now
from paya_app.core.errors import PayaError
from paya_app.web.components.busy import busy_button
from paya_app.web.components.due import Due
from paya_app.web.components.field import notice
from paya_app.web.components.frame import frame
from paya_app.web.components.signature_check import signature_check
from paya_app.web.components.skeleton import bone_rows, waiting
from paya_app.web.components.webhook_deliveries import attempt_view, body_shown, delivery_facts
from paya_app.web.forms import read_id
from paya_app.web.viewer import admit, signed_in
from paya_app.web.webhook_rows import (
    GIVEN_UP_WORDS,
    LOOK_SOON,
    OPEN,
    AttemptRow,
    attempt_row,
    curl_of,
    delivery_row,
    headers_text,
    look_again_at,
)


class DeliveryState(rx.State):
    """One delivery, the one that `shown` names. `kind` is empty until it is known, then `own` or `none`.

    `curl` and `headers` are those of the last try. `look_again_at` is when it has probably changed.
    """

    shown: str = ""
    kind: str = ""
    fault: str = ""
    what: str = ""
    url: str = ""
    words: str = ""
    tone: str = ""
    why: str = ""
    at: str = ""
    due_at: str = ""
    webhook_id: str = ""
    object_id: str = ""
    body: str = ""
    curl: str = ""
    headers: str = ""
    is_open: bool = False
    tries: rx.Field[list[AttemptRow]] = rx.field(default_factory=list)
    settled: int = 0
    look_again_at: str = ""

    @rx.event
    async def enter(self) -> rx.event.EventSpec | None:
        """Load it; what belongs to others is not there."""
        self.reset()
        try:
            actor = await admit(self)
            if not isinstance(actor, Actor):
                return actor
            await self._load(actor, self._wanted())
        except (webhooks.WebhookDeliveryUnknown, developers.DeveloperAccountMissing) as error:
            self.kind, self.fault = "none", error.message
        except PayaError as error:
            self.fault = error.message
        return None

    @rx.event
    async def refresh(self) -> None:
        """It may have been tried meanwhile."""
        try:
            await self._load(await signed_in(self), self._wanted())
        except PayaError as error:
            self.fault = error.message

    @rx.event
    async def replay(self, delivery_id: str) -> None:
        """Send it once more, under the same webhook-id."""
        try:
            actor = await signed_in(self)
            wanted = read_id(delivery_id)
            if wanted is None:
                raise webhooks.WebhookDeliveryUnknown
            await webhooks.replay(await developers.my_account(actor), wanted)
            await self._load(actor, str(wanted))
            self.look_again_at = (now() + LOOK_SOON).isoformat()
        except PayaError as error:
            self.fault = error.message
        finally:
            self.settled += 1

    def _wanted(self) -> str:
        return str(self.delivery)[:64]  # pyright: ignore[reportAttributeAccessIssue] - Reflex adds the route's segment

    async def _load(self, actor: Actor, asked: str) -> None:
        delivery_id = read_id(asked)
        if delivery_id is None:
            raise webhooks.WebhookDeliveryUnknown
        account_id = await developers.my_account(actor)
        log = await webhooks.delivery_log(account_id, delivery_id)
        url = await _url_of(account_id, log.delivery.endpoint_id)
        row = delivery_row(log.delivery, url)
        self.shown, self.kind, self.fault = row.id, "own", ""
        self.what, self.url, self.words, self.tone, self.at = row.kind, row.url, row.words, row.tone, row.at
        self.due_at = row.due_at if row.state == "waiting" else ""
        self.why = GIVEN_UP_WORDS.get(log.delivery.reason or "", "")
        self.webhook_id, self.object_id = str(log.delivery.webhook_id), str(log.delivery.object_id)
        self.body, self.is_open = log.body, row.state in OPEN
        self.tries = [attempt_row(each) for each in reversed(log.attempts)]
        last = next((each.headers for each in reversed(log.attempts) if each.headers), None)
        self.headers, self.curl = headers_text(last), curl_of(url, last, log.body)
        self.look_again_at = look_again_at([log.delivery], now())


async def _url_of(account_id: UUID, endpoint_id: UUID) -> str:
    """Where the endpoint is now; empty when it was removed."""
    return next((each.url for each in await webhooks.list_endpoints(account_id) if each.id == endpoint_id), "")


def page() -> rx.Component:
    """The page."""
    return frame(
        notice(DeliveryState.fault),
        rx.match(
            DeliveryState.kind,
            ("own", _own()),
            ("none", rx.fragment()),
            waiting(rx.el.div(bone_rows(3), class_name="card")),
        ),
        title="Delivery",
        active="settings",
        back="/developers/webhooks/",
    )


def _own() -> rx.Component:
    return rx.el.div(
        Due.create(at=DeliveryState.look_again_at, on_due=DeliveryState.refresh),
        delivery_facts(DeliveryState),
        rx.cond(
            DeliveryState.is_open,
            rx.fragment(),
            busy_button(
                "Send again",
                busy_label="Sending …",
                settled=DeliveryState.settled,
                on_press=DeliveryState.replay(DeliveryState.shown),
                id="replay",
                class_name="sec2 mb-4",
            ),
        ),
        rx.el.section(
            rx.el.h2("Tries", class_name="text-xl! mb-3", id="tries-title"),
            rx.cond(
                DeliveryState.tries.length() > 0,
                rx.el.ol(rx.foreach(DeliveryState.tries, attempt_view), class_name="card mb-4", id="tries"),
                rx.el.p("No try was made yet.", class_name="card p-6 m mb-4"),
            ),
            aria_labelledby="tries-title",
        ),
        body_shown(DeliveryState),
        signature_check(DeliveryState.headers, DeliveryState.body),
    )
