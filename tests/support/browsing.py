"""Pages opened by tests, with what went wrong on them."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, Request, Response, ViewportSize, expect

from tests.support.running import RunningPaya, Somebody

PHONE = ViewportSize(width=390, height=844)
DESK = ViewportSize(width=1280, height=800)


@dataclass
class Browsing:
    """Browser windows of one test, each with cookies of its own."""

    paya: RunningPaya
    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    async def window(self, who: Somebody | None = None, **options: Any) -> BrowserContext:
        """A new window; of a visitor, or of somebody signed in."""
        context = await self.browser.new_context(
            **{"base_url": self.paya.url, "viewport": PHONE, "reduced_motion": "reduce"} | options
        )
        context.set_default_timeout(30_000)
        if who is not None:
            await context.add_cookies(
                [{"name": "paya", "value": who.secret, "url": self.paya.url, "httpOnly": True, "sameSite": "Lax"}]
            )
        self.contexts.append(context)
        return context

    async def page(self, who: Somebody | None = None, path: str = "", **options: Any) -> Page:
        """A page in a window of its own, opened at `path` when one is given."""
        return await self.tab(await self.window(who, **options), path)

    async def tab(self, window: BrowserContext, path: str = "") -> Page:
        """One more page in this window."""
        page = await window.new_page()
        self.watch(page)
        if path:
            await page.goto(path)
        return page

    def watch(self, page: Page) -> None:
        """Note console errors, failed requests and errors of scripts."""
        self.pages.append(page)

        def note(text: str) -> None:
            # whoever leaves a page while a socket opens gets this remark of the browser's
            if "closed before the connection is established" not in text:
                self.troubles.append(f"{page.url}: {text}")

        def failed(request: Request) -> None:
            # what a page was still asking for when it was left is no fault
            if request.failure != "net::ERR_ABORTED":
                note(f"failed: {request.url} {request.failure}")

        def answered(response: Response) -> None:
            if response.status >= 400:
                note(f"{response.status} {response.url}")

        page.on(
            "console",
            lambda message: note(f"{message.type}: {message.text}") if message.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: note(f"script: {error}"))
        page.on("requestfailed", failed)
        page.on("response", answered)

    async def sign_up(self, page: Page, name: str, handle: str) -> str:
        """Sign up through the pages; the phone number, as people write it."""
        phone = self.paya.next_phone()
        await page.goto("/")
        await page.get_by_role("link", name="Start with your phone").click()
        await page.get_by_label("Phone number").fill(phone)
        await page.get_by_role("button", name="Text me a code").click()
        await page.get_by_label("Code").fill(await self.paya.code_for(phone))
        await page.get_by_role("button", name="Continue").click()
        await page.get_by_label("Name").fill(name)
        await page.get_by_label("Handle").fill(handle)
        await page.get_by_role("button", name="Open my wallet").click()
        await expect(page.get_by_text("Available")).to_be_visible()
        return phone

    async def close(self) -> None:
        """Close every window."""
        for context in self.contexts:
            await context.close()

    async def tell(self, name: Path) -> None:
        """Print what each page shows, and keep a picture of it."""
        name.parent.mkdir(parents=True, exist_ok=True)
        for number, page in enumerate(self.pages):
            if page.is_closed():
                continue
            text = re.sub(r"\n{2,}", "\n", await page.locator("body").inner_text())
            print(f"--- page {number}: {page.url}\n{text[:2000]}")  # noqa: T201 - for whoever reads the failure
            await page.screenshot(path=f"{name}-{number}.png")
        print("\n".join(self.troubles))  # noqa: T201


async def key_in(page: Page, amount: str) -> None:
    """Press the keys of an amount, like `12.34`."""
    for key in amount:
        await page.locator(f"[data-key='{key}']").click()
