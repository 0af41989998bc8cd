"""The five minutes of docs/api/first-charge.md: a key by clicking, then the guide's program, as a stranger runs it."""

import asyncio
import os
import re
import sys
from pathlib import Path

from playwright.async_api import expect

from tests.support.browsing import Browsing
from tests.support.running import RunningPaya

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "api" / "first-charge.md"


def commands() -> list[str]:
    """Every command that the guide tells."""
    blocks = re.findall(r"```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


async def test_from_a_key_to_a_settled_charge(browsing: Browsing, paya: RunningPaya):
    ann = await paya.sign_up()
    page = await browsing.page(ann, "/settings/")
    await page.get_by_role("main").get_by_role("link", name="API keys").click()
    await page.get_by_label("Name").fill("The guide")
    for box in await page.get_by_role("checkbox").all():
        await box.check()
    await page.get_by_role("button", name="Make the key").click()
    await expect(page.locator("#secret")).to_be_visible()
    secret = await page.locator("#secret").inner_text()
    install, run = commands()
    # it is there for our own tests already: nothing is fetched
    assert install == "pip install standardwebhooks"
    said = re.fullmatch(r"PAYA_KEY=paya_test_… python (\S+)", run)
    assert said, run
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(GUIDE.parents[2] / said[1])),
        env={"PATH": os.environ["PATH"], "PAYA_URL": paya.url, "PAYA_KEY": secret},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await asyncio.wait_for(process.communicate(), 240)
    assert process.returncode == 0, errors.decode()
    lines = output.decode().splitlines()
    assert [line.split()[0] for line in lines] == ["authorized", "captured", "refunded", "settled", "told"]
    assert lines[3].split()[1:] == ["2000", "of", "which", "refunded", "500"]
    # of every account that was ever tried here, in each currency
    sums = await paya.rows("select asset, sum(sandbox.balance_of(id)) from sandbox.account group by asset")
    assert sums
    assert {total for _, total in sums} == {0}
