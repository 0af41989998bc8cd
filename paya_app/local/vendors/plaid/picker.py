"""The bank picker: what Hosted Link shows between our page and our page."""

import re
from html import escape
from typing import Any
from urllib.parse import parse_qs

from psycopg import sql
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from paya_app.local.vendors.plaid import page
from paya_app.local.vendors.plaid.institutions import INSTITUTIONS, OTHER_OWNER, accounts
from paya_app.local.vendors.plaid.items import PUBLIC_TOKEN_S
from paya_app.local.vendors.plaid.link_tokens import by_hosted_id
from paya_app.local.vendors.plaid.state import Connection, Plaid
from paya_app.local.vendors.plaid.webhooks import owe
from paya_app.local.vendors.plaid.wire import new_id

FORM_BYTES_MAX = 10_000
MFA_CODE = "1234"
HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:;"
    " frame-ancestors 'none'; base-uri 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
}
WORDS = {
    "INVALID_CREDENTIALS": "That user name and password do not go together. Try again.",
    "INVALID_MFA": "That is not the code. Try again.",
    "ITEM_LOCKED": "This bank account is locked after too many tries. The bank itself can unlock it.",
    "INSTITUTION_DOWN": "This bank does not answer right now. Choose another one, or come back later.",
}

_ERROR_PASSWORD = re.compile(r"error_([A-Z_]{1,60})")


class Picker:
    """One session's way through the picker, within one transaction."""

    def __init__(self, plaid: Plaid, connection: Connection, token: dict[str, Any]) -> None:
        self.plaid, self.connection, self.token = plaid, connection, token

    async def session(self) -> dict[str, Any]:
        """The newest session of the token, begun when there is none that goes on."""
        found = await self.connection.execute(
            "select * from vendor_plaid.link_session where token = %s order by started desc limit 1",
            (self.token["token"],),
        )
        row = await found.fetchone()
        if row is not None:
            return row
        first = {"id": new_id(), "step": "institution", "institution": None}
        if self.token["update_item"]:
            item = await self._item()
            first |= {"step": "credentials", "institution": item["institution_id"]}
        made = await self.connection.execute(
            "insert into vendor_plaid.link_session (id, token, step, institution_id)"
            " values (%s, %s, %s, %s) returning *",
            (first["id"], self.token["token"], first["step"], first["institution"]),
        )
        return await made.fetchone() or {}

    async def _item(self) -> dict[str, Any]:
        found = await self.connection.execute(
            "select * from vendor_plaid.item where id = %s", (self.token["update_item"],)
        )
        return await found.fetchone() or {}

    async def move(self, session: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """The session with these columns changed."""
        columns = sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(each)) for each in changes)
        statement = sql.SQL("update vendor_plaid.link_session set {} where id = %s").format(columns)
        await self.connection.execute(statement, (*changes.values(), session["id"]))
        return session | changes

    async def step(self, session: dict[str, Any], form: dict[str, str]) -> dict[str, Any]:
        """The session after what was sent."""
        if "cancel" in form:
            return await self.finish(session, "exited")
        if "back" in form and not self.token["update_item"]:
            return await self.move(session, step="institution", error_code=None)
        match session["step"]:
            case "institution" if form.get("institution") in INSTITUTIONS:
                return await self.move(session, step="credentials", institution_id=form["institution"], error_code=None)
            case "credentials":
                return await self._sign_in(session, form.get("username", ""), form.get("password", ""))
            case "mfa":
                if form.get("code") != MFA_CODE:
                    return await self.move(session, error_code="INVALID_MFA")
                return await self._signed_in(session)
            case "account":
                return await self._choose(session, form.get("account", ""))
        return session

    async def _sign_in(self, session: dict[str, Any], username: str, password: str) -> dict[str, Any]:
        forced = _ERROR_PASSWORD.fullmatch(password)
        if username == "user_locked":
            return await self.move(session, error_code="ITEM_LOCKED")
        if username not in ("user_good", "user_other"):
            return await self.move(session, error_code="INVALID_CREDENTIALS")
        if forced:
            return await self.move(session, error_code=forced.group(1))
        session = await self.move(session, username=username)
        if password == "mfa_device":  # noqa: S105 - one of Plaid's documented test values
            return await self.move(session, step="mfa", error_code=None)
        if password != "pass_good":  # noqa: S105 - likewise
            return await self.move(session, error_code="INVALID_CREDENTIALS")
        return await self._signed_in(session)

    async def _signed_in(self, session: dict[str, Any]) -> dict[str, Any]:
        if not self.token["update_item"]:
            return await self.move(session, step="account", error_code=None)
        await self.connection.execute(
            "update vendor_plaid.item set error_code = null where id = %s", (self.token["update_item"],)
        )
        return await self.finish(session, "done")

    async def _choose(self, session: dict[str, Any], account_id: str) -> dict[str, Any]:
        owned = accounts(self.token["client_user_id"], session["institution_id"], session["username"])
        if account_id not in {each.id for each in owned if each.type == "depository"}:
            return session
        is_other = session["username"] == "user_other" or not self.token["legal_name"]
        item_id, public_token = new_id(), f"public-sandbox-{new_id()}"
        await self.connection.execute(
            "insert into vendor_plaid.item (id, access_token, client_user_id, institution_id, username, owner_name,"
            " account_ids, products, webhook) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                item_id,
                f"access-sandbox-{new_id()}",
                self.token["client_user_id"],
                session["institution_id"],
                session["username"],
                OTHER_OWNER if is_other else self.token["legal_name"],
                [account_id],
                self.token["products"],
                self.token["webhook"],
            ),
        )
        await self.connection.execute(
            "insert into vendor_plaid.public_token (token, item_id, expires_at)"
            " values (%s, %s, clock_timestamp() + %s * interval '1 s')",
            (public_token, item_id, PUBLIC_TOKEN_S),
        )
        return await self.finish(await self.move(session, item_id=item_id, public_token=public_token), "done")

    async def finish(self, session: dict[str, Any], step: str) -> dict[str, Any]:
        """End the session, and owe the webhook that says so."""
        session = await self.move(session, step=step)
        await self.connection.execute(
            "update vendor_plaid.link_session set finished = clock_timestamp() where id = %s", (session["id"],)
        )
        notice = {
            "webhook_type": "LINK",
            "webhook_code": "SESSION_FINISHED",
            "link_session_id": session["id"],
            "link_token": self.token["token"],
            "status": "SUCCESS" if step == "done" else "EXITED",
        }
        tokens = [session["public_token"]] if session.get("public_token") else []
        await owe(self.connection, self.token["webhook"], notice | {"public_tokens": tokens})
        return session

    def show(self, session: dict[str, Any]) -> str:
        """The page of the session's step."""
        fault = WORDS.get(session["error_code"], "The bank refused. Try again.") if session["error_code"] else ""
        bank = INSTITUTIONS.get(session["institution_id"] or "", "")
        match session["step"]:
            case "institution":
                return page.institutions(fault)
            case "credentials":
                return page.credentials(bank, fault, may_go_back=not self.token["update_item"])
            case "mfa":
                return page.code(bank, fault)
            case "account":
                owned = accounts(self.token["client_user_id"], session["institution_id"], session["username"])
                return page.choose(bank, [each for each in owned if each.type == "depository"])
        uri = self.token["completion_uri"]
        return page.over(escape(uri) if uri else "")


async def serve(plaid: Plaid, request: Request) -> Response:
    """GET shows the step; POST takes what was filled in, and leads back to the client at the end."""
    form = await _form(request) if request.method == "POST" else {}
    async with plaid.transaction() as connection:
        token = await by_hosted_id(connection, request.path_params["id"])
        picker = Picker(plaid, connection, token)
        if not token["is_live"]:
            return HTMLResponse(page.over(escape(token["completion_uri"] or "")), 410, headers=HEADERS)
        session = await picker.session()
        if request.method == "POST" and session["finished"] is None:
            session = await picker.step(session, form)
        text = picker.show(session)
    plaid.wake.set()
    if request.method == "POST":
        is_over = session["step"] in ("done", "exited") and token["completion_uri"]
        return RedirectResponse(token["completion_uri"] if is_over else request.url.path, 303, headers=HEADERS)
    return HTMLResponse(text, headers=HEADERS)


async def _form(request: Request) -> dict[str, str]:
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > FORM_BYTES_MAX:
            raise HTTPException(413)
    fields = parse_qs(raw.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[0].replace("\x00", "") for name, values in fields.items()}
