"""What every page must pass, measured in the page."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, ViewportSize

from tests.support.browsing import DESK, PHONE

WIDTHS = (320, 360, 390, 768, 1280)
TARGET_PX = 44
_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
# What a theme can change: the same elements stand there in light and dark.
_COLORS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}

_OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"

# Controls smaller than 44 px: presses half of that away from each one's middle, and says which were missed.
_SMALL = """(half) => {
  const found = [];
  const controls = "a[href], button, input:not([type=hidden]), textarea, select, summary";
  for (const control of document.querySelectorAll(controls)) {
    if (control.closest("[inert], [aria-hidden=true]") || control.classList.contains("skip")) continue;
    const box = control.getBoundingClientRect();
    if (!box.width || !box.height || getComputedStyle(control).visibility === "hidden") continue;
    if (box.width >= 44 && box.height >= 44) continue;
    control.scrollIntoView({ block: "center", inline: "center" });
    const at = control.getBoundingClientRect();
    const [x, y] = [at.left + at.width / 2, at.top + at.height / 2];
    const target = control.closest("label") || control;
    const missed = [[0, -half], [0, half], [-half, 0], [half, 0]].filter(([dx, dy]) => {
      const px = Math.min(Math.max(x + dx, 1), innerWidth - 1), py = Math.min(Math.max(y + dy, 1), innerHeight - 1);
      const hit = document.elementFromPoint(px, py);
      return !(hit && (target === hit || target.contains(hit)));
    });
    const name = (control.innerText || control.ariaLabel || control.name || "").trim();
    if (missed.length) found.push(`${control.tagName} "${name}" ${Math.round(at.width)}x${Math.round(at.height)}`);
  }
  scrollTo(0, 0);
  return found;
}"""


@dataclass(frozen=True)
class Faults:
    """What a page got wrong, in words; empty is good."""

    axe: list[str]
    overflow: list[str]
    targets: list[str]

    def __bool__(self) -> bool:
        return bool(self.axe or self.overflow or self.targets)


async def measure(page: Page, picture: Path) -> Faults:
    """Look at the page as it is now: light and dark, narrow and wide. Keeps a picture of each."""
    picture.parent.mkdir(parents=True, exist_ok=True)
    axe: list[str] = []
    for size, name in ((PHONE, "phone"), (DESK, "desk")):
        await resize(page, size)
        for theme in ("light", "dark"):
            await dress(page, theme)
            await page.screenshot(path=f"{picture}_{name}_{theme}.png")
            axe += [f"{name} {theme} {fault}" for fault in await _axe(page, _RULES if theme == "light" else _COLORS)]
    await dress(page, "light")
    overflow = []
    for width in WIDTHS:
        await resize(page, ViewportSize(width=width, height=844))
        beyond = await page.evaluate(_OVERFLOW)
        if beyond > 0:
            overflow.append(f"{beyond} px at {width}")
    await resize(page, PHONE)
    targets = await page.evaluate(_SMALL, TARGET_PX / 2 - 1)
    return Faults(axe, overflow, targets)


async def resize(page: Page, size: ViewportSize) -> None:
    """Give the window this size, and wait until the page is laid out for it: on a busy machine that comes later."""
    await page.set_viewport_size(size)
    await page.wait_for_function("(width) => innerWidth === width", arg=size["width"])
    await page.evaluate("() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")


async def dress(page: Page, theme: str) -> None:
    """Put the page into a theme, as the settings do."""
    script = """(theme) => {
      document.documentElement.classList.remove("light", "dark");
      document.documentElement.classList.add(theme);
      document.documentElement.style.colorScheme = theme;
    }"""
    await page.evaluate(script, theme)
    await page.wait_for_function(
        "() => document.getAnimations().every((animation) => animation.playState !== 'running')"
    )


async def _axe(page: Page, rules: dict[str, Any]) -> list[str]:
    found: dict[str, Any] = (await Axe().run(page, options=rules)).response
    return [
        f"{violation['id']}: {violation['help']} ({violation['nodes'][0]['html'][:160]})"
        for violation in found["violations"]
    ]
