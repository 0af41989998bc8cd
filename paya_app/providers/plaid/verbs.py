"""What PaYa asks of Plaid, in PaYa's words."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from paya_app.providers.outcome import Rejected, Retryable, Unknown
from paya_app.providers.plaid.connection import connection

CLIENT_NAME = "PaYa"
PRODUCTS = ["auth", "identity"]
KINDS = ("checking", "savings")
KNOWN_INSTITUTION = "ins_3"  # Chase, wherever Plaid is


@dataclass(frozen=True, slots=True)
class HostedLink:
    """A session that waits for its person at `url`."""

    token: str = field(repr=False)
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a session: `open` (nothing yet), `done` or `exited`.

    Attributes:
        public_token: what a new bank is had for, once; "" when an old one was reconnected.
        code: why the person left without a bank, in Plaid's word, or "".
    """

    state: Literal["open", "done", "exited"]
    public_token: str = field(default="", repr=False)
    code: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """Somebody's access to their bank."""

    id: str
    access_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Account:
    """A bank account that its owner shares; `mask` is the end of its number."""

    id: str
    mask: str
    kind: Literal["checking", "savings"]
    institution_id: str


async def create_link(
    *, person: str, legal_name: str, webhook_url: str, completion_url: str, access_token: str = ""
) -> HostedLink:
    """A Hosted Link session; with `access_token`, one in which its bank is reconnected."""
    body: dict[str, Any] = {
        "client_name": CLIENT_NAME,
        "language": "en",
        "country_codes": ["US"],
        "user": {"client_user_id": person, "legal_name": legal_name},
        "webhook": webhook_url,
        "hosted_link": {"completion_redirect_uri": completion_url},
    }
    body |= {"access_token": access_token} if access_token else {"products": PRODUCTS}
    # a session that nobody knows of does no harm: it can be asked for again
    made = await connection().call("link_token_create", body, makes=False)
    return HostedLink(_text(made, "link_token"), _text(made, "hosted_link_url"))


async def outcome(link_token: str) -> Outcome:
    """What became of the session."""
    answer = await connection().call("link_token_get", {"link_token": link_token}, makes=False)
    left = ""
    sessions = [each for each in answer.get("link_sessions") or [] if each.get("finished_at")]
    for session in sessions:
        added = (session.get("results") or {}).get("item_add_results") or []
        if added:
            return Outcome("done", public_token=_text(added[0], "public_token"))
        gone = session.get("exit")
        if not gone:
            return Outcome("done")
        left = str((gone.get("error") or {}).get("error_code") or "")
    return Outcome("exited", code=left) if sessions else Outcome("open")


async def exchange(public_token: str) -> Item:
    """What the public token stands for.

    Raises:
        Rejected: `INVALID_PUBLIC_TOKEN` when it was exchanged before, or is too old.
        Unknown: it may have been exchanged now.
    """
    made = await connection().call("item_public_token_exchange", {"public_token": public_token}, makes=True)
    if not made.get("access_token") or not made.get("item_id"):
        raise Unknown("malformed_answer:access_token")
    return Item(made["item_id"], made["access_token"])


async def accounts(access_token: str) -> list[Account]:
    """The accounts that money can move to and from."""
    answer = await connection().call("accounts_get", {"access_token": access_token}, makes=False)
    institution_id = str((answer.get("item") or {}).get("institution_id") or "")
    return [
        Account(_text(each, "account_id"), str(each.get("mask") or ""), each["subtype"], institution_id)
        for each in answer.get("accounts") or []
        if str(each.get("type")) == "depository" and str(each.get("subtype")) in KINDS
    ]


async def ping() -> None:
    """Ask for the least there is, to see whether anybody answers."""
    with suppress(Rejected):  # an answer, whatever it says
        await institution_name(KNOWN_INSTITUTION)


async def institution_name(institution_id: str) -> str:
    """What the bank is called."""
    body = {"institution_id": institution_id, "country_codes": ["US"]}
    return _text((await connection().call("institutions_get_by_id", body, makes=False))["institution"], "name")


async def holder_names(access_token: str, account_id: str) -> list[str]:
    """Whose the account is, as the bank says: nobody, one, or several who share it."""
    body = {"access_token": access_token, "options": {"account_ids": [account_id]}}
    told = (await connection().call("identity_get", body, makes=False)).get("accounts") or []
    if len(told) != 1:
        raise Retryable("malformed_answer:accounts")
    return [name for owner in told[0].get("owners") or [] for name in owner.get("names") or [] if name]


async def processor_token(access_token: str, account_id: str) -> str:
    """What Dwolla gets the account's numbers for. A second one does no harm."""
    body = {"access_token": access_token, "account_id": account_id, "processor": "dwolla"}
    return _text(await connection().call("processor_token_create", body, makes=False), "processor_token")


async def item_error(access_token: str) -> str:
    """What is wrong with the access (`ITEM_LOGIN_REQUIRED`, …), or ""."""
    answer = await connection().call("item_get", {"access_token": access_token}, makes=False)
    return str(((answer.get("item") or {}).get("error") or {}).get("error_code") or "")


async def remove_item(access_token: str) -> None:
    """Give the access back. Doing it again is refused as `ITEM_NOT_FOUND`."""
    await connection().call("item_remove", {"access_token": access_token}, makes=True)


async def verification_key(key_id: str) -> dict[str, Any]:
    """The public key (a JWK) that webhooks naming `key_id` are signed with."""
    return (await connection().call("webhook_verification_key_get", {"key_id": key_id}, makes=False))["key"]


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise Retryable(f"malformed_answer:{name}")
    return value
