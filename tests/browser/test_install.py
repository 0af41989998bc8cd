"""Installable, and found by whoever looks for the usual files."""

import httpx

from tests.support.browsing import Browsing
from tests.support.running import RunningPaya


async def test_the_page_can_be_installed(browsing: Browsing):
    page = await browsing.page(path="/")
    session = await page.context.new_cdp_session(page)
    answer = await session.send("Page.getInstallabilityErrors")
    # a window without a profile of its own cannot install anything; nothing else may be in the way
    assert [e["errorId"] for e in answer["installabilityErrors"] if e["errorId"] != "in-incognito"] == []
    manifest = await session.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert manifest["url"].endswith("/manifest.webmanifest")


async def test_the_usual_files_are_there(paya: RunningPaya):
    async with httpx.AsyncClient(base_url=paya.url, trust_env=False, timeout=30) as client:
        for path, kind in {
            "/robots.txt": "text/plain",
            "/.well-known/security.txt": "text/plain",
            "/favicon.ico": "image/",
            "/manifest.webmanifest": "application/",
            "/icons/paya-512.png": "image/png",
        }.items():
            answer = await client.get(path)
            assert answer.status_code == 200, path
            assert answer.headers["content-type"].startswith(kind), path
        assert "Disallow: /pay/" in (await client.get("/robots.txt")).text
        assert "Expires: " in (await client.get("/.well-known/security.txt")).text
