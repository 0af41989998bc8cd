"""Items: what a finished session made, and everything that is asked about one by its access token."""

from typing import Any

from paya_app.local.vendors.plaid.institutions import INSTITUTIONS, ROUTING, Account, accounts
from paya_app.local.vendors.plaid.webhooks import owe
from paya_app.local.vendors.plaid.wire import Call, Refused, bad_token, invalid, missing, moment, new_id

PUBLIC_TOKEN_S = 30 * 60
PROCESSORS = {"dwolla"}


async def exchange(call: Call) -> dict[str, Any]:
    """`/item/public_token/exchange`: once."""
    row = await call.row(
        "update vendor_plaid.public_token p set exchanged_at = clock_timestamp() from vendor_plaid.item i"
        " where p.token = %s and p.exchanged_at is null and p.expires_at > clock_timestamp() and i.id = p.item_id"
        " returning i.id, i.access_token",
        call.text("public_token"),
    )
    if row is None:
        raise bad_token("public_token")
    return {"access_token": row["access_token"], "item_id": row["id"]}


async def by_access_token(call: Call, *, lock: bool = True, field: str = "access_token") -> dict[str, Any]:
    """The item that this access token opens.

    Raises:
        Refused: there is none, or it was removed.
    """
    suffix = " for update" if lock else ""
    row = await call.row(f"select * from vendor_plaid.item where access_token = %s{suffix}", call.text(field))  # noqa: S608
    if row is None:
        raise bad_token("access_token")
    if row["removed"]:
        message = "The Item you requested cannot be found. This Item does not exist, or has been removed"
        raise Refused("ITEM_ERROR", "ITEM_NOT_FOUND", message)
    return row


async def _usable(call: Call) -> dict[str, Any]:
    item = await by_access_token(call)
    if item["error_code"]:
        from paya_app.local.vendors.plaid.link_tokens import item_error

        error = item_error(item["error_code"])
        raise Refused(error["error_type"], error["error_code"], error["error_message"])
    return item


def shared(item: dict[str, Any]) -> list[Account]:
    """The accounts that the owner shares."""
    every = accounts(item["client_user_id"], item["institution_id"], item["username"])
    return [account for account in every if account.id in item["account_ids"]]


def _account(item: dict[str, Any], account_id: object) -> Account:
    found = next((account for account in shared(item) if account.id == account_id), None)
    if found is None:
        raise Refused("INVALID_INPUT", "INVALID_ACCOUNT_ID", "one or more of the account IDs is invalid")
    return found


def _chosen(call: Call, item: dict[str, Any]) -> list[Account]:
    options = call.body.get("options") or {}
    if not isinstance(options, dict) or not isinstance(options.get("account_ids", []), list):
        raise invalid("options.account_ids", "must be an array of strings")
    wanted = options.get("account_ids")
    return shared(item) if not wanted else [_account(item, each) for each in wanted]


def document(item: dict[str, Any]) -> dict[str, Any]:
    """The item as answers tell it."""
    from paya_app.local.vendors.plaid.link_tokens import item_error

    return {
        "item_id": item["id"],
        "institution_id": item["institution_id"],
        "institution_name": INSTITUTIONS[item["institution_id"]],
        "webhook": item["webhook"],
        "error": item_error(item["error_code"]) if item["error_code"] else None,
        "available_products": ["balance"],
        "billed_products": item["products"],
        "products": item["products"],
        "consent_expiration_time": None,
        "update_type": "background",
    }


async def accounts_get(call: Call) -> dict[str, Any]:
    """`/accounts/get`."""
    item = await _usable(call)
    return {"accounts": [each.document() for each in _chosen(call, item)], "item": document(item)}


async def auth_get(call: Call) -> dict[str, Any]:
    """`/auth/get`: the numbers of the accounts that take ACH."""
    item = await _usable(call)
    chosen = [each for each in _chosen(call, item) if each.type == "depository"]
    return {
        "accounts": [each.document() for each in chosen],
        "item": document(item),
        "numbers": {"ach": [_ach(each) for each in chosen], "eft": [], "international": [], "bacs": []},
    }


def _ach(account: Account) -> dict[str, Any]:
    return {"account": account.number, "account_id": account.id, "routing": ROUTING, "wire_routing": "021000021"}


async def identity_get(call: Call) -> dict[str, Any]:
    """`/identity/get`: who owns the accounts."""
    item = await _usable(call)
    owner = {"names": [item["owner_name"]], "phone_numbers": [], "emails": [], "addresses": []}
    return {
        "accounts": [each.document() | {"owners": [owner]} for each in _chosen(call, item)],
        "item": document(item),
    }


async def item_get(call: Call) -> dict[str, Any]:
    """`/item/get`: its state; an error of the item is told and does not refuse the call."""
    item = await by_access_token(call)
    return {"item": document(item) | {"created_at": moment(item["created"])}, "status": None}


async def item_remove(call: Call) -> dict[str, Any]:
    """`/item/remove`: the access token opens nothing from now on."""
    item = await by_access_token(call)
    await call.run("update vendor_plaid.item set removed = true where id = %s", item["id"])
    await call.run("delete from vendor_plaid.processor_token where item_id = %s", item["id"])
    return {}


async def processor_token_create(call: Call) -> dict[str, Any]:
    """`/processor/token/create`."""
    item = await _usable(call)
    account = _account(item, call.text("account_id"))
    processor = call.text("processor")
    if processor not in PROCESSORS:
        raise Refused("INVALID_INPUT", "INVALID_PROCESSOR", "processor is not enabled for this client")
    token = f"processor-sandbox-{new_id()}"
    await call.run(
        "insert into vendor_plaid.processor_token (token, item_id, account_id, processor) values (%s, %s, %s, %s)",
        token,
        item["id"],
        account.id,
        processor,
    )
    return {"processor_token": token}


async def processor_auth_get(call: Call) -> dict[str, Any]:
    """`/processor/auth/get`: what a processor (Dwolla) asks with a processor token."""
    row = await call.row(
        "select i.*, p.account_id from vendor_plaid.processor_token p join vendor_plaid.item i on i.id = p.item_id"
        " where p.token = %s and not i.removed",
        call.text("processor_token"),
    )
    if row is None:
        raise bad_token("processor_token")
    account = _account(row, row["account_id"])
    nothing = {"eft": None, "international": None, "bacs": None}
    return {"account": account.document(), "numbers": nothing | {"ach": _ach(account)}}


async def institution(call: Call) -> dict[str, Any]:
    """`/institutions/get_by_id`."""
    institution_id = call.text("institution_id")
    if institution_id not in INSTITUTIONS:
        raise Refused("INVALID_INPUT", "INVALID_INSTITUTION", "invalid institution_id provided")
    if not call.body.get("country_codes"):
        raise missing("country_codes")
    return {
        "institution": {
            "institution_id": institution_id,
            "name": INSTITUTIONS[institution_id],
            "products": ["auth", "balance", "identity"],
            "country_codes": ["US"],
            "routing_numbers": [ROUTING],
            "oauth": False,
            "connection_availability": "SUPPORTED",
        }
    }


async def webhook_key(call: Call) -> dict[str, Any]:
    """`/webhook_verification_key/get`: the public key with this id."""
    row = await call.row("select * from vendor_plaid.signing_key where kid = %s", call.text("key_id"))
    if row is None:
        raise Refused(
            "INVALID_INPUT",
            "INVALID_WEBHOOK_VERIFICATION_KEY_ID",
            "invalid key_id provided. note that key_ids are specific to Plaid environments",
        )
    public = {name: row["jwk"][name] for name in ("kty", "crv", "x", "y")}
    seconds = {"created_at": int(row["created"].timestamp())}
    seconds["expired_at"] = int(row["expired"].timestamp()) if row["expired"] else None  # pyright: ignore[reportArgumentType]
    return {"key": public | {"kid": row["kid"], "alg": "ES256", "use": "sig"} | seconds}


async def reset_login(call: Call) -> dict[str, Any]:
    """`/sandbox/item/reset_login`: the item wants its owner to sign in again, and says so."""
    from paya_app.local.vendors.plaid.link_tokens import item_error

    item = await by_access_token(call)
    await call.run("update vendor_plaid.item set error_code = 'ITEM_LOGIN_REQUIRED' where id = %s", item["id"])
    notice = {"webhook_type": "ITEM", "webhook_code": "ERROR", "item_id": item["id"]}
    await owe(call.connection, item["webhook"], notice | {"error": item_error("ITEM_LOGIN_REQUIRED") | {"status": 400}})
    return {"reset_login": True}


async def fire_webhook(call: Call) -> dict[str, Any]:
    """`/sandbox/item/fire_webhook`: of the codes there are, PENDING_DISCONNECT."""
    item = await by_access_token(call)
    if call.text("webhook_code") != "PENDING_DISCONNECT":
        raise Refused("SANDBOX_ERROR", "SANDBOX_WEBHOOK_INVALID", "the webhook code is not supported")
    notice = {"webhook_type": "ITEM", "webhook_code": "PENDING_DISCONNECT", "item_id": item["id"]}
    await owe(call.connection, item["webhook"], notice | {"reason": "INSTITUTION_MIGRATION"})
    return {"webhook_fired": True}
