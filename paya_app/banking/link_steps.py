"""What jobs do with a link: fetch what its person brought back, and make a bank of it.

Every step is noted when it is done, so that the job that comes again goes on from there. Only the exchange of the
public token cannot be asked twice: that it may have happened is noted before, and when the vendor then says that the
token is used up, the answer was lost with the access in it, and the person links again.
"""

import unicodedata
from typing import Any
from uuid import UUID

import structlog

from paya_app.banking.link_sealing import KEY_VERSION, opened_access, opened_session, sealed_access
from paya_app.banking.sources import mail_domain
from paya_app.core import db
from paya_app.core.actor import Actor
from paya_app.core.as_service import as_service
from paya_app.core.errors import AskAgain, PayaError
from paya_app.providers import dwolla, plaid
from paya_app.providers.outcome import Rejected, Retryable

LOST = "link_interrupted"
ITEM_GONE = "ITEM_NOT_FOUND"
AT_ONCE = 100
EXCHANGE_S_MAX = 60  # longer than the vendor may take to answer, so whoever asked before has the answer by then
NAME_CHARACTERS_MAX = 50  # Dwolla's, of a customer's name and of a bank's

log = structlog.get_logger()


async def receive_link_notice(notice: plaid.Notice) -> bool:
    """Keep a verified notice and enqueue the asking, in one transaction. False when it was known."""
    return await as_service(
        "select banking.receive_link_event(:id, :topic, :token, :item)",
        id=notice.id,
        topic=notice.topic,
        token=notice.link_token_hash,
        item=notice.item_id,
    )


async def follow_link(link_id: UUID) -> None:
    """Go on with a link from where it stopped.

    Raises:
        Retryable, Unknown: a vendor does not answer; the next try goes on from here.
    """
    order = await _order(link_id)
    if order is None:
        return
    if order["state"] in ("open", "exchanging") and not await _fetch(link_id, order):
        return
    order = await _order(link_id)
    if order is not None and order["state"] == "exchanged":
        try:
            await _make_bank(link_id, order)
        except Rejected as refusal:
            log.warning("a bank could not be made of a link", link=str(link_id), code=refusal.code, path=refusal.path)
            await _fail(link_id, refusal.code)
        except AskAgain as refusal:
            raise Retryable("still_being_removed", is_outage=False) from refusal
        except PayaError as refusal:
            await _fail(link_id, refusal.code)


async def _order(link_id: UUID) -> dict[str, Any] | None:
    rows = await db.query(Actor.service(), "select * from banking.link_order(:id)", {"id": link_id})
    return dict(rows[0]._mapping) if rows else None  # noqa: SLF001 - part of SQLAlchemy's interface


async def _fail(link_id: UUID, code: str) -> None:
    """It came to nothing: the bank is not linked, and the access is given back."""
    await as_service("select banking.end_link(:id, 'failed', :code)", id=link_id, code=code)
    await as_service("select banking.fail_source(:id)", id=link_id)
    await as_service("select banking.end_connection(:id)", id=link_id)


async def _fetch(link_id: UUID, order: dict[str, Any]) -> bool:
    """Ask what became of the session, and exchange what it gave. False when there is nothing to go on with."""
    session = opened_session(order["session_sealed"], link_id)
    try:
        found = await plaid.outcome(session.token)
    except Rejected as refusal:
        await as_service("select banking.end_link(:id, 'failed', :code)", id=link_id, code=refusal.code)
        return False
    if found.state == "open":
        return False
    if found.state == "exited":
        await as_service("select banking.end_link(:id, 'exited', :code)", id=link_id, code=found.code or "left")
        return False
    if order["reconnects"] is not None:
        error = await plaid.item_error(opened_access(order["access_sealed"], order["reconnects"]))
        await as_service(
            "select banking.book_reconnected(:id, :state)", id=link_id, state="login_required" if error else "good"
        )
        return False
    if not found.public_token:
        await as_service("select banking.end_link(:id, 'failed', :code)", id=link_id, code=LOST)
        return False
    return await _exchange(link_id, found.public_token)


async def _exchange(link_id: UUID, public_token: str) -> bool:
    begun_s_ago = await as_service("select banking.begin_exchange(:id)", id=link_id)
    try:
        item = await plaid.exchange(public_token)
    except Rejected as refusal:
        if begun_s_ago is not None and begun_s_ago < EXCHANGE_S_MAX:
            raise Retryable("exchange_under_way", is_outage=False) from refusal
        log.warning("a public token was refused", link=str(link_id), code=refusal.code)
        await as_service("select banking.end_link(:id, 'failed', :code)", id=link_id, code=LOST)
        return False
    except Retryable:
        if begun_s_ago is None:
            await as_service("select banking.undo_exchange(:id)", id=link_id)
        raise
    await as_service(
        "select banking.book_exchanged(:id, :item, :sealed, :version)",
        id=link_id,
        item=item.id,
        sealed=sealed_access(item.access_token, link_id),
        version=KEY_VERSION,
    )
    return True


async def _make_bank(link_id: UUID, order: dict[str, Any]) -> None:
    access = opened_access(order["access_sealed"], link_id)
    shared = await plaid.accounts(access)
    if not shared:
        await _fail(link_id, "no_account")
        return
    account = shared[0]
    institution = await plaid.institution_name(account.institution_id)
    holders = await plaid.holder_names(access, account.id)
    await as_service(
        "select banking.book_account(:id, :institution, :kind, :last4)",
        id=link_id,
        institution=institution,
        kind=account.kind,
        last4=account.mask.rjust(4, "0")[-4:],
    )
    name = holders[0] if holders else order["name"]
    customer_id = order["customer_vendor_id"] or await _customer(link_id, order["person"], name)
    vendor_id = await _funding_source(link_id, customer_id, access, account, name)
    await as_service(
        "select banking.book_linked(:id, :vendor, :name, :holder)",
        id=link_id,
        vendor=vendor_id,
        name=institution,
        holder=is_holder(order["name"], holders),
    )


async def _customer(link_id: UUID, person: UUID, name: str) -> str:
    first, _, last = name.strip().partition(" ")
    vendor_id = await dwolla.create_customer(
        first_name=first[:NAME_CHARACTERS_MAX],
        last_name=(last.strip() or first)[:NAME_CHARACTERS_MAX],
        email=f"{person}@{mail_domain()}",
        correlation_id=str(person),
        key=f"customer-{person}",
    )
    await as_service("select banking.book_customer(:id, :vendor)", id=link_id, vendor=vendor_id)
    return vendor_id


async def _funding_source(link_id: UUID, customer_id: str, access: str, account: plaid.Account, name: str) -> str:
    """What Dwolla calls the account.

    An account that was typed in and not confirmed is there already, unverified, and Dwolla verifies none that it
    has: so it is taken away and added anew.
    """

    async def add(key: str) -> str:
        token = await plaid.processor_token(access, account.id)
        return await dwolla.add_bank_from_plaid(
            customer_id, token=token, kind=account.kind, name=name[:NAME_CHARACTERS_MAX], key=key
        )

    vendor_id = await add(f"source-{link_id}")
    if (await dwolla.funding_source(vendor_id)).status == "verified":
        return vendor_id
    await as_service("select banking.note_replaced(:id, :vendor)", id=link_id, vendor=vendor_id)
    await remove_source(vendor_id)
    return await add(f"source-{link_id}-again")


def is_holder(name: str, holders: list[str]) -> bool:
    """Whether one of the account's holders goes by this name: its first and its last word are the same.

    Case and accents are left aside, and so is what stands between; one word alone is no full name.
    """
    wanted = _ends(name)
    return wanted is not None and wanted in [_ends(each) for each in holders]


def _ends(name: str) -> tuple[str, str] | None:
    bare = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    words = bare.casefold().replace(".", " ").split()
    return (words[0], words[-1]) if len(words) > 1 else None


async def follow_connection(item_id: str, topic: str) -> None:
    """Ask the vendor about an access that something happened to, and note what it says. Raises `Retryable`."""
    connection_id = await as_service("select banking.connection_of(:item)", item=item_id)
    if connection_id is None:
        return
    access = await _access(connection_id)
    if access is None:
        return
    try:
        error = await plaid.item_error(access)
    except Rejected as refusal:
        if refusal.code == ITEM_GONE:
            error = ITEM_GONE
        else:
            raise
    is_leaving = topic in ("ITEM.PENDING_DISCONNECT", "ITEM.PENDING_EXPIRATION")
    state = "login_required" if error else "pending_disconnect" if is_leaving else "good"
    await as_service("select banking.book_connection_state(:id, :state)", id=connection_id, state=state)


async def give_back(connection_id: UUID) -> None:
    """Tell the vendor that an access is over, and forget it. Raises `Retryable` or `Unknown`; again is safe."""
    access = await _access(connection_id)
    if access is None:
        return
    try:
        await plaid.remove_item(access)
    except Rejected as refusal:
        log.info("an access was over already", code=refusal.code)
    await as_service("select banking.book_given_back(:id)", id=connection_id)


async def remove_source(vendor_id: str) -> None:
    """Have the bank transfers' vendor forget a bank. Raises `Retryable` or `Unknown`; again is safe."""
    try:
        await dwolla.remove_bank(vendor_id)
    except Rejected as refusal:
        log.info("a bank was removed already", code=refusal.code)


async def ask_about_links() -> int:
    """Enqueue a question about every link that nobody heard of for too long; returns how many."""
    return await as_service("select banking.ask_about_links(:maximum)", maximum=AT_ONCE)


async def _access(connection_id: UUID) -> str | None:
    sealed = await as_service("select banking.access_of(:id)", id=connection_id)
    return None if sealed is None else opened_access(sealed, connection_id)
