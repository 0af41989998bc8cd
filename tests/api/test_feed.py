"""`GET /v1/feed`: everybody reads the public payments by page, and nothing else."""

import base64
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from paya_app import feed as read_model
from paya_app import wallet
from paya_app.api.problems import add_problem_handlers
from paya_app.api.v1 import feed
from paya_app.core.config import settings
from paya_app.core.ids import new_id


@pytest.fixture
async def client(database) -> AsyncIterator[httpx.AsyncClient]:
    api = FastAPI()
    add_problem_handlers(api)
    api.include_router(feed.router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://test") as client:
        yield client


@pytest.fixture
async def seven(people):
    """Seven public payments and one private one; their ids, the newest first."""
    ann, bob = await people.join("ann", cents=10_000, name="Ann Lee"), await people.join("bob", name="Bob Ray")
    for n in range(8):
        await wallet.send(
            ann,
            payment_id=new_id(),
            to="bob",
            amount_cents=101 + n,
            note=f"note {n}",
            audience="private" if n == 3 else "public",
        )
    payments = await wallet.payments(bob, limit=100)
    return [str(p.id) for p in payments if p.is_public]


async def test_an_empty_feed_says_where_to_listen(client):
    answer = await client.get("/v1/feed")
    assert answer.json() == {
        "data": [],
        "has_more": False,
        "next_cursor": None,
        "realtime": {"url": None, "apikey": settings().supabase_anon_key, "topic": "feed"},
    }


async def test_on_hosted_supabase_the_address_is_theirs(client, monkeypatch):
    monkeypatch.setenv("SUPABASE_URL", "https://abc.supabase.co/")
    settings.cache_clear()
    assert (await client.get("/v1/feed")).json()["realtime"]["url"] == "wss://abc.supabase.co/realtime/v1"
    monkeypatch.undo()
    settings.cache_clear()


async def test_the_newest_come_first_without_amounts(client, seven):
    rows = (await client.get("/v1/feed")).json()["data"]
    assert [row["id"] for row in rows] == seven
    assert rows[0] == {
        "id": seven[0],
        "version": 1,
        "at": rows[0]["at"],
        "note": "note 7",
        "sender": {"handle": "ann", "name": "Ann Lee", "demo": False},
        "recipient": {"handle": "bob", "name": "Bob Ray", "demo": False},
    }
    assert not {"amount", "amount_cents", "cents"} & set(json.dumps(rows).replace('"', " ").split())


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
async def test_pages_follow_each_other_without_gap_or_repeat(client, seven, limit):
    seen, cursor = [], None
    while True:
        params = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/v1/feed", params=params)).json()
        seen += [row["id"] for row in page["data"]]
        cursor = page["next_cursor"]
        assert page["has_more"] is (cursor is not None)
        if cursor is None:
            break
    assert seen == seven


async def test_a_page_goes_on_where_it_ended_when_its_last_row_is_hidden(client, seven, people):
    page = (await client.get("/v1/feed", params={"limit": 3})).json()
    await wallet.set_audience(people.actors["ann"], page["data"][-1]["id"], "private")
    after = (await client.get("/v1/feed", params={"limit": 100, "cursor": page["next_cursor"]})).json()
    assert [row["id"] for row in after["data"]] == seven[3:]
    assert seven[2] not in [row["id"] for row in (await client.get("/v1/feed")).json()["data"]]


BAD_CURSORS = [
    "",
    "0",
    "-1",
    "null",
    "' or 1=1 --",
    "<script>",
    "\u202e",
    "😀" * 8,
    "A" * 31,
    "A" * 33,
    "A" * 31 + "=",
    "!" * 32,
    "١" * 32,
    base64.urlsafe_b64encode(b"\x7f" + b"\xff" * 23).decode(),
    base64.urlsafe_b64encode(b"\x80" + b"\x00" * 23).decode(),
    "x" * 10_000,
    "a\x00b",
]


@pytest.mark.parametrize("cursor", BAD_CURSORS, ids=range(len(BAD_CURSORS)))
async def test_a_bad_cursor_is_a_clear_problem(client, cursor):
    answer = await client.get("/v1/feed", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "cursor_invalid")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "next_cursor" in answer.json()["detail"]


@pytest.mark.parametrize("limit", ["0", "-1", "101", "1.001", "1e308", "NaN", "", "1,00", "٣", "x" * 1000, "' or 1=1"])
async def test_a_bad_limit_is_a_clear_problem(client, limit):
    answer = await client.get("/v1/feed", params={"limit": limit})
    assert (answer.status_code, answer.json()["code"]) == (400, "request_invalid")


async def test_nothing_new_is_304_and_a_change_is_not(client, seven, people):
    first = await client.get("/v1/feed")
    assert first.headers["cache-control"] == "no-cache"
    again = await client.get("/v1/feed", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    await wallet.set_audience(people.actors["bob"], seven[0], "private")
    changed = await client.get("/v1/feed", headers={"if-none-match": first.headers["etag"]})
    assert changed.status_code == 200
    assert seven[0] not in [row["id"] for row in changed.json()["data"]]


async def test_signing_in_shows_no_more(client, seven, people):
    for actor in people.actors.values():
        page = await read_model.page(actor)
        assert [str(row.id) for row in page.rows] == seven


async def test_a_page_reads_the_index_alone(database, seven):
    """Of a long history, a page costs a page."""
    await database.rows("analyze public.payments")
    async with await database.connect() as connection:
        await connection.execute("set enable_seqscan = off; set enable_sort = off")
        cursor = await connection.execute(
            "explain select * from feed.public_payment f where (f.at, f.id) < (now(), gen_random_uuid())"
            " order by f.at desc, f.id desc limit 30"
        )
        plan = "\n".join(line for (line,) in await cursor.fetchall())
    assert "payments_public_newest" in plan
    assert "Sort" not in plan
