"""Every exchange with the Plaid stand-in against Plaid's published description, where there is one.

Plaid publishes it without a licence, so it is not kept with the others: `plaid.json` in the folder of
`PAYA_VENDOR_SPECS` is used when somebody put it there, and the test is skipped, saying so, when not. What holds
everywhere: the vendor's own library reads every answer strictly, and a malformed one is caught by it.
"""

import os
from functools import cache
from pathlib import Path

import pytest
from openapi_core import OpenAPI

from paya_app.providers import plaid as provider
from paya_app.providers.outcome import Retryable
from tests.support.openapi_judge import FOLDER, Judge, compiled, description
from tests.support.plaid import serving

ENDPOINTS = {
    "/link/token/create",
    "/link/token/get",
    "/item/public_token/exchange",
    "/accounts/get",
    "/auth/get",
    "/identity/get",
    "/institutions/get_by_id",
    "/processor/token/create",
    "/processor/auth/get",
    "/item/get",
    "/item/remove",
    "/sandbox/item/reset_login",
    "/webhook_verification_key/get",
}


@cache
def plaid_description() -> OpenAPI:
    folder = os.environ.get(FOLDER)
    if folder and not (Path(folder) / "plaid.json").exists():
        pytest.skip(f"{FOLDER} holds no plaid.json: Plaid's description has no licence, so it is not kept here")
    return compiled(description("plaid.json"), ())


async def everything(plaid) -> None:
    """Every endpoint that the adapter uses, by the adapter, and those of the processor."""
    link = await provider.create_link(
        person="ann", legal_name="Ann Field", webhook_url="http://127.0.0.1:9/", completion_url="http://localhost/"
    )
    await provider.outcome(link.token)
    await plaid.walk(link.url)
    item = await provider.exchange((await provider.outcome(link.token)).public_token)
    [account] = await provider.accounts(item.access_token)
    await provider.institution_name(account.institution_id)
    await provider.holder_names(item.access_token, account.id)
    token = await provider.processor_token(item.access_token, account.id)
    await plaid.ask("/processor/auth/get", processor_token=token)
    await plaid.ask("/auth/get", access_token=item.access_token)
    kid = await plaid.database.value("select kid from vendor_plaid.signing_key")
    await plaid.ask("/webhook_verification_key/get", key_id=kid)
    await plaid.ask("/sandbox/item/reset_login", access_token=item.access_token)
    await provider.item_error(item.access_token)
    await provider.remove_item(item.access_token)


async def test_every_exchange_fits_the_description(database):
    judges: list[Judge] = []

    def judged(app, _base_url):
        judges.append(Judge(app, plaid_description(), "https://sandbox.plaid.com"))
        return judges[0]

    async with serving(database, wrap=judged) as plaid:
        await everything(plaid)
    asked = [each for each in judges[0].exchanges if not each.path.startswith("/hl/")]
    assert {each.path for each in asked} == ENDPOINTS
    assert [fault for fault in judges[0].faults if " /hl/" not in fault] == []


READS = {
    "/link/token/create": lambda: provider.create_link(
        person="ann", legal_name="Ann", webhook_url="", completion_url="http://localhost/"
    ),
    "/link/token/get": lambda: provider.outcome("link-sandbox-1"),
    "/accounts/get": lambda: provider.accounts("access-sandbox-1"),
    "/identity/get": lambda: provider.holder_names("access-sandbox-1", "1"),
    "/institutions/get_by_id": lambda: provider.institution_name("ins_1"),
    "/processor/token/create": lambda: provider.processor_token("access-sandbox-1", "1"),
    "/item/get": lambda: provider.item_error("access-sandbox-1"),
}
BAD_ANSWERS = (b'{"request_id": "1"}', b'{"request_id": 7}', b"[]", b"null", b"<html>")


@pytest.mark.parametrize("path", sorted(READS))
async def test_a_malformed_answer_of_each_endpoint_is_caught(database, path):
    given = iter(BAD_ANSWERS)

    def broken(app, _base_url):
        async def answer(scope, receive, send):
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            assert scope["path"] == path
            headers = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": next(given)})

        return answer

    async with serving(database, wrap=broken):
        # fewer than open the breaker
        for _ in BAD_ANSWERS[:4]:
            with pytest.raises(Retryable, match="malformed_answer"):
                await READS[path]()
