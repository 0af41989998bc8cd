"""`/link/token/create` and `/link/token/get`: the start of a Hosted Link session, and what came of it."""

from datetime import datetime
from typing import Any

from starlette.exceptions import HTTPException

from paya_app.local.vendors.plaid import items
from paya_app.local.vendors.plaid.institutions import INSTITUTIONS
from paya_app.local.vendors.plaid.wire import Call, Refused, bad_token, invalid, missing, moment, new_id

URL_LIFETIME_S = 30 * 60
PRODUCTS = {"auth", "identity", "transactions", "balance", "signal"}


async def create(call: Call) -> dict[str, Any]:
    """`/link/token/create`, with `hosted_link`; with `access_token` in update mode."""
    for field in ("client_name", "language"):
        call.text(field)
    if not isinstance(call.body.get("country_codes"), list) or not call.body["country_codes"]:
        raise missing("country_codes")
    user = call.body.get("user")
    if not isinstance(user, dict):
        raise missing("user.client_user_id")
    hosted = call.body.get("hosted_link")
    if not isinstance(hosted, dict):
        raise invalid("hosted_link", "must be an object: this stand-in serves Hosted Link alone")
    update_item, products = None, call.body.get("products") or []
    if call.body.get("access_token"):
        update_item = (await items.by_access_token(call, lock=False))["id"]
        if products:
            raise invalid("products", "must not be given in update mode")
    elif not isinstance(products, list) or not products:
        raise missing("products")
    elif not set(map(str, products)) <= PRODUCTS:
        raise Refused("INVALID_INPUT", "INVALID_PRODUCT", "client is not authorized to access the requested products")
    token, hosted_id = f"link-sandbox-{new_id()}", new_id()
    lifetime = hosted.get("url_lifetime_seconds", URL_LIFETIME_S)
    if not isinstance(lifetime, int) or not 0 < lifetime <= 21 * 86400:
        raise invalid("hosted_link.url_lifetime_seconds", "must be a number of seconds up to 21 days")
    row = await call.row(
        "insert into vendor_plaid.link_token (token, hosted_id, client_user_id, legal_name, products, webhook,"
        " completion_uri, update_item, expires_at)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, clock_timestamp() + %s * interval '1 s') returning expires_at",
        token,
        hosted_id,
        call.text("client_user_id", within=user),
        str(user.get("legal_name") or "")[:200],
        products,
        call.body.get("webhook"),
        hosted.get("completion_redirect_uri"),
        update_item,
        lifetime,
    )
    return {
        "link_token": token,
        "expiration": moment((row or {})["expires_at"]),
        "hosted_link_url": f"{call.plaid.base_url}/hl/{hosted_id}",
    }


async def get(call: Call) -> dict[str, Any]:
    """`/link/token/get`: the sessions of a token."""
    token = await call.row("select * from vendor_plaid.link_token where token = %s", call.text("link_token"))
    if token is None:
        raise bad_token("link_token")
    found = await call.connection.execute(
        "select * from vendor_plaid.link_session where token = %s order by started, id", (token["token"],)
    )
    return {
        "link_token": token["token"],
        "created_at": moment(token["created"]),
        "expiration": moment(token["expires_at"]),
        "link_sessions": [_session(row) for row in await found.fetchall()],
        "metadata": {
            "initial_products": token["products"],
            "webhook": token["webhook"],
            "country_codes": ["US"],
            "language": "en",
            "redirect_uri": None,
            "client_name": None,
        },
    }


def _session(row: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = {
        "link_session_id": row["id"],
        "started_at": moment(row["started"]),
        "finished_at": _moment(row["finished"]),
        "events": [],
        "results": _results(row),
    }
    if row["finished"] and row["step"] == "exited":
        institution = {"institution_id": row["institution_id"], "name": INSTITUTIONS.get(row["institution_id"], "")}
        document["exit"] = {
            "error": item_error(row["error_code"]) if row["error_code"] else None,
            "metadata": {
                "institution": institution if row["institution_id"] else None,
                "status": "requires_credentials" if row["institution_id"] else "institution_not_found",
                "link_session_id": row["id"],
                "request_id": row["id"][:15],
            },
        }
    return document


def _results(row: dict[str, Any]) -> dict[str, Any]:
    added = []
    if row["public_token"]:
        institution = {"institution_id": row["institution_id"], "name": INSTITUTIONS[row["institution_id"]]}
        added = [{"public_token": row["public_token"], "accounts": [], "institution": institution}]
    return {
        "item_add_results": added,
        "cra_item_add_results": [],
        "cra_update_results": [],
        "bank_income_results": [],
        "payroll_income_results": [],
        "document_income_results": None,
        "cra_document_upload_results": None,
    }


def _moment(at: datetime | None) -> str | None:
    return moment(at) if at else None


def item_error(code: str) -> dict[str, Any]:
    """An Item's error as Plaid writes it."""
    words = {
        "INVALID_CREDENTIALS": "the provided credentials were not correct",
        "INVALID_MFA": "the provided MFA response(s) were not correct",
        "ITEM_LOCKED": "the account is locked. Instruct the user to visit the institution's website or app",
        "ITEM_LOGIN_REQUIRED": "the login details of this item have changed (credentials, MFA, or required user"
        " action) and a user login is required to update this information. use Link's update mode to restore the item"
        " to a good state",
        "INSTITUTION_DOWN": "this institution is not currently responding to this request. please try again soon",
    }
    kind = "INSTITUTION_ERROR" if code.startswith("INSTITUTION_") else "ITEM_ERROR"
    return {
        "error_type": kind,
        "error_code": code,
        "error_message": words.get(code, code.lower().replace("_", " ")),
        "display_message": None,
        "documentation_url": f"https://plaid.com/docs/?ref=error#{kind.lower().replace('_', '-')}s",
        "suggested_action": None,
    }


async def by_hosted_id(connection: Any, hosted_id: str) -> dict[str, Any]:
    """The link token behind the address of a picker, locked.

    Raises:
        HTTPException: 404.
    """
    found = await connection.execute(
        "select *, expires_at > clock_timestamp() as is_live from vendor_plaid.link_token"
        " where hosted_id = %s for update",
        (hosted_id,),
    )
    token = await found.fetchone()
    if token is None:
        raise HTTPException(404)
    return token
