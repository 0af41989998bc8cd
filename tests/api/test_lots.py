"""The lots as a file: one's own, and nobody's without a session."""

import httpx

from paya_app.api.app import create_api
from tests.api.test_session import signed_in
from tests.support.signing_in import served


async def test_the_file_is_for_whoever_is_signed_in(database):
    async with (
        served(database) as parts,
        httpx.AsyncClient(transport=httpx.ASGITransport(create_api()), base_url="http://localhost") as browser,
    ):
        refused = await browser.get("/save/lots.csv")
        assert refused.status_code == 401
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["code"] == "signed_out"
        given = await browser.get("/save/lots.csv", headers={"cookie": f"paya={await signed_in(parts)}"})
    assert given.status_code == 200
    assert given.headers["cache-control"] == "private, no-store"
    assert given.headers["content-disposition"].startswith('attachment; filename="paya-lots-2')
    assert given.text.startswith("bought_at,plan,quantity_btc,")
    assert given.text.count("\r\n") == 1, "nothing was bought"
