"""Linking a bank by signing in to it at the vendor's pages: what the person does.

The person is sent away with a session of the vendor's, and comes back to the page that they left. What they bring
back is fetched by a job (`link_steps.py`), because the page may be closed, and the vendor's notice may come first.
"""

from uuid import UUID

import structlog

from paya_app.banking.errors import LinkingUnavailable
from paya_app.banking.link_models import Bank, Link, TierLimits
from paya_app.banking.link_sealing import opened_access, opened_session, sealed_session
from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.as_service import as_service
from paya_app.core.config import settings
from paya_app.core.errors import NotFound, SignedOut
from paya_app.providers import plaid
from paya_app.providers.outcome import Rejected, Retryable, Unknown

log = structlog.get_logger()


async def start_link(actor: Actor, *, link_id: UUID, source_id: UUID | None = None) -> str:
    """Where to send the actor, who is to choose a bank there, or to sign in to `source_id` again.

    Starting again with the same `link_id` leads to the same session.

    Raises:
        BankLimit: five banks are linked, or twenty links were begun today.
        LinkingUnavailable: the vendor does not answer; trying again is safe.
        NotFound: somebody else's link or bank, or a link that is over.
        AccountUnavailable: the actor has no wallet yet.
        SignedOut: nobody is signed in.
    """
    if actor.role != "authenticated":
        raise SignedOut
    rows = await db.query(actor, "select banking.begin_link(:id, :source)", {"id": link_id, "source": source_id})
    if Link.from_json(rows[0][0]).is_over:
        raise NotFound(what="link")
    order = await _order(link_id)
    if order["state"] == "starting":
        await _open_session(link_id, order)
        order = await _order(link_id)
    if order["session_sealed"] is None:
        raise NotFound(what="link")
    return opened_session(order["session_sealed"], link_id).url


async def _open_session(link_id: UUID, order: dict) -> None:
    access = ""
    if order["reconnects"] is not None:
        access = opened_access(order["access_sealed"], order["reconnects"])
    try:
        session = await plaid.create_link(
            person=str(order["person"]),
            legal_name=order["name"],
            webhook_url=f"{settings().public_url}/hooks/plaid",
            completion_url=f"{settings().public_url}/link-bank/?id={link_id}",
            access_token=access,
        )
    except (Retryable, Unknown) as failure:
        log.warning("no bank can be linked", reason=failure.reason)
        raise LinkingUnavailable from failure
    except Rejected as refusal:
        log.error("a link was refused", code=refusal.code)
        raise LinkingUnavailable from refusal
    await as_service(
        "select banking.book_link_open(:id, :hash, :sealed)",
        id=link_id,
        hash=plaid.token_hash(session.token),
        sealed=sealed_session(session, link_id),
    )


async def _order(link_id: UUID) -> dict:
    rows = await db.query(Actor.service(), "select * from banking.link_order(:id)", {"id": link_id})
    return dict(rows[0]._mapping)  # noqa: SLF001 - the row as a mapping is part of SQLAlchemy's interface


async def link(actor: Actor, link_id: UUID, *, has_returned: bool = False) -> Link:
    """One of the actor's links; when they came back from it, what they brought is asked for.

    Raises:
        NotFound: no such link, or somebody else's.
    """
    if actor.role != "authenticated":
        raise NotFound(what="link")
    rows = await db.query(actor, "select banking.my_link(:id, :back)", {"id": link_id, "back": has_returned})
    if rows[0][0] is None:
        raise NotFound(what="link")
    return Link.from_json(rows[0][0])


async def banks(actor: Actor) -> list[Bank]:
    """The actor's banks, the default first."""
    if actor.role != "authenticated":
        return []
    rows = await db.query(actor, "select banking.my_banks()")
    return [Bank.from_json(row[0]) for row in rows]


async def make_default(actor: Actor, source_id: UUID) -> None:
    """Have this bank offered first.

    Raises:
        NotFound: no such bank, or somebody else's.
        BankUnconfirmed: nobody confirmed it yet.
        SignedOut: nobody is signed in.
    """
    if actor.role != "authenticated":
        raise SignedOut
    await db.query(actor, "select banking.make_default(:id)", {"id": source_id})


async def unlink(actor: Actor, source_id: UUID) -> None:
    """Give a bank back: it is used no more from now on, and the vendors are told. Again changes nothing.

    Raises:
        NotFound: no such bank, or somebody else's.
        BankBusy: a transfer with it is under way.
        SignedOut: nobody is signed in.
    """
    if actor.role != "authenticated":
        raise SignedOut
    await db.query(actor, "select banking.unlink_source(:id)", {"id": source_id})


async def tier_limits(actor: Actor) -> TierLimits | None:
    """What the actor may load, and why; None before a handle was claimed."""
    if actor.role != "authenticated":
        return None
    told = (await db.query(actor, "select banking.my_tier()"))[0][0]
    if told is None:
        return None
    names = ("load_single_cents", "load_week_cents", "load_first_week_cents")
    raised = [told["raised"].get(name, told[name]) for name in names]
    return TierLimits(told["tier"], *(told[name] for name in names), *raised)
