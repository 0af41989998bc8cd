"""`/v1/docs`: every route to read, with nothing from elsewhere; for everybody, and on a telephone."""

import re

import httpx
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import async_playwright

from bench.live import browser_of
from paya_app.api.app import create_api
from paya_app.api.v1.description import described
from paya_app.api.v1.docs import page
from paya_app.charges import CardNotATestCard
from paya_app.developers.errors import ApiKeyRevoked, RateLimited
from paya_app.developers.request_errors import ParameterUnknown
from tests.support.dwolla import free_socket, listening


async def test_the_page_tells_of_every_route_and_loads_nothing():
    api = create_api()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://test") as client:
        answer = await client.get("/v1/docs")
    assert answer.headers["content-type"].startswith("text/html")
    ids = [o["operationId"] for operations in described(api)["paths"].values() for o in operations.values()]
    assert sorted(re.findall(r'<h3 id="(\w+)"', answer.text)) == sorted(ids)
    assert "<script" not in answer.text
    assert re.findall(r'(?:src|href)="(?:[a-z]+:)?//', answer.text) == []
    for named in ("Idempotency-Key", "skip-next", "amount_cents", "500 to 100000", "PlanAnswer"):
        assert named in answer.text


def test_every_shape_that_is_named_is_told():
    shown = page(described(create_api()))
    named, told = set(re.findall(r'href="#(shape-\w+)"', shown)), re.findall(r'<h3 id="(shape-\w+)"', shown)
    assert "shape-ReceiptSeal" in named
    assert named <= set(told)
    assert len(told) == len(set(told))
    assert "Successful Response" not in shown
    assert "0 to 9007199254740991<" in shown


def test_every_refusal_of_a_key_is_told():
    shown = page(described(create_api()))
    told = re.findall(r'<li id="error-(\w+)"', shown)
    assert len(told) == len(set(told)) > 30
    for code in ("api_key_missing", "idempotency_key_reused", "charge_state_invalid", "not_found", "internal"):
        assert code in told
    assert all(kind.code in told for kind in (ApiKeyRevoked, RateLimited, ParameterUnknown, CardNotATestCard))


def test_what_a_description_says_is_escaped():
    description = described(create_api())
    description["info"]["description"] = "<script>alert(1)</script> `<b>`"
    shown = page(description)
    assert "<script" not in shown
    assert "<code>&lt;b&gt;</code>" in shown


async def test_it_is_accessible_and_fits_a_telephone():
    held = free_socket()
    url = f"http://127.0.0.1:{held.getsockname()[1]}/v1/docs"
    async with listening(create_api(), held), async_playwright() as playwright:
        browser = await browser_of(playwright)
        try:
            for scheme in ("light", "dark"):
                tab = await browser.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
                await tab.goto(url)
                assert await tab.evaluate("document.documentElement.scrollWidth") <= 390
                found = (await Axe().run(tab)).response["violations"]
                assert [each["id"] for each in found] == []
        finally:
            await browser.close()
