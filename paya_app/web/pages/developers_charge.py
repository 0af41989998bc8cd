"""`/developers/payments/[charge]`: one charge on a test card: its amounts, captures, refunds and disputes."""

import reflex as rx

from paya_app import charges, developers
from paya_app.core.actor import Actor
from paya_app.core.errors import NotFound, PayaError
from paya_app.web.charge_rows import (
    ChargeRow,
    Fact,
    PartRow,
    capture_part,
    charge_facts,
    charge_row,
    dispute_part,
    object_text,
    refund_part,
)
from paya_app.web.components.charge_parts import charge_facts_view, object_shown, part_list
from paya_app.web.components.field import notice
from paya_app.web.components.frame import frame
from paya_app.web.components.skeleton import bone_rows, waiting
from paya_app.web.forms import read_id
from paya_app.web.viewer import admit

NOTHING = ChargeRow(id="", amount="", words="", tone="", card="", why="", at="")


class ChargeState(rx.State):
    """One charge. `kind` is empty until known, then `own` or `none`; `expires_at` is empty once nothing is held."""

    kind: str = ""
    fault: str = ""
    row: rx.Field[ChargeRow] = rx.field(default_factory=lambda: NOTHING)
    expires_at: str = ""
    facts: rx.Field[list[Fact]] = rx.field(default_factory=list)
    captures: rx.Field[list[PartRow]] = rx.field(default_factory=list)
    refunds: rx.Field[list[PartRow]] = rx.field(default_factory=list)
    disputes: rx.Field[list[PartRow]] = rx.field(default_factory=list)
    object_text: str = ""

    @rx.event
    async def enter(self) -> rx.event.EventSpec | None:
        """Load it; what belongs to others is not there."""
        self.reset()
        try:
            actor = await admit(self)
            if not isinstance(actor, Actor):
                return actor
            charge_id = read_id(self._wanted())
            if charge_id is None:
                raise NotFound(what="charge")
            found = await charges.read(await developers.my_account(actor), charge_id)
            self.row, self.facts, self.kind = charge_row(found), charge_facts(found), "own"
            self.expires_at = (found["expires_at"] or "") if found["capturable_minor"] else ""
            self.captures = [capture_part(each) for each in found["captures"]]
            self.refunds = [refund_part(each) for each in found["refunds"]]
            self.disputes = [dispute_part(each) for each in found["disputes"]]
            self.object_text = object_text(found)
        except (NotFound, developers.DeveloperAccountMissing) as error:
            self.kind, self.fault = "none", error.message
        except PayaError as error:
            self.fault = error.message
        return None

    def _wanted(self) -> str:
        return str(self.charge)[:64]  # pyright: ignore[reportAttributeAccessIssue] - Reflex adds the route's segment


def page() -> rx.Component:
    """The page."""
    return frame(
        notice(ChargeState.fault),
        rx.match(
            ChargeState.kind,
            (
                "own",
                rx.el.div(
                    charge_facts_view(ChargeState),
                    part_list("Captures", ChargeState.captures, "captures"),
                    part_list("Refunds", ChargeState.refunds, "refunds"),
                    part_list("Disputes", ChargeState.disputes, "disputes"),
                    object_shown(ChargeState),
                ),
            ),
            ("none", rx.fragment()),
            waiting(rx.el.div(bone_rows(3), class_name="card")),
        ),
        title="Charge",
        active="settings",
        back="/developers/payments/",
    )
