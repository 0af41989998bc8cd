"""A real Chromium on a real PaYa. Tests here share one event loop, one browser and one app per worker."""

import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright, async_playwright, expect

from tests.support.browsing import Browsing
from tests.support.running import RunningPaya, running_paya

# a machine may be busy: what is true in the end is asked for this long
expect.set_options(timeout=20_000)

ARTIFACTS = Path(__file__).resolve().parents[2] / "artifacts"
# Playwright's own, since the last list given counts; and the browser's toolbar, which is a web page by now: with a
# window for each test it costs a processor as much as the page under test does.
_WITHOUT = (
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "LensOverlay",
    "MediaRouter",
    "PaintHolding",
    "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "TcpPortRandomizationWin",
    "OptimizationHints",
    "NetworkTimeServiceQuerying",
    "AimEnabled",
    "PreconnectToSearch",
    "InitialWebUI",
    "InitialWebUISyncNavStartToCommit",
    "WebUIReloadButton",
    "WebUIToolbar",
    "WebUIOmniboxPopup",
    "WebUIOmniboxFullPopup",
    "WebUIOmniboxAimPopup",
)
_ARGUMENTS = [
    f"--disable-features={','.join(_WITHOUT)}",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def paya() -> Iterator[RunningPaya]:
    """The running app."""
    running = running_paya()
    yield running
    running.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def playwright_() -> AsyncIterator[Playwright]:
    async with async_playwright() as playwright:
        yield playwright


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium(playwright_: Playwright) -> AsyncIterator[Browser]:
    """The browser; each test opens contexts of its own in it."""
    executable = os.environ.get("PAYA_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    arguments = (["--no-sandbox"] if os.geteuid() == 0 else []) + _ARGUMENTS
    started = await playwright_.chromium.launch(executable_path=executable, args=arguments)
    yield started
    await started.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    report = yield
    if report.when == "call":
        item.stash[_FAILED] = report.failed
    return report


_FAILED = pytest.StashKey[bool]()


@pytest_asyncio.fixture(loop_scope="session")
async def browsing(paya: RunningPaya, chromium: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Browsing]:
    """Opens pages; a failed test prints and keeps what each of them showed."""
    made = Browsing(paya, chromium)
    yield made
    if request.node.stash.get(_FAILED, False):
        name = re.sub(r"[^\w.-]+", "_", request.node.name)[:120]
        await made.tell(ARTIFACTS / "failed" / name)
    await made.close()
