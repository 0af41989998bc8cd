"""Stock Supabase clients, as anybody installs them, follow the feed and the table."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from realtime import RealtimePostgresChangesListenEvent, RealtimeSubscribeStates
from supabase import acreate_client

from paya_app import wallet
from paya_app.core.config import settings
from paya_app.core.ids import new_id
from tests.support import run
from tests.support.gateway import token_of
from tests.support.waiting import until

CLIENTS = Path(__file__).parents[1] / "clients"
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
SUBSCRIBED = RealtimeSubscribeStates.SUBSCRIBED


@pytest.fixture(scope="module")
def javascript_clients():
    """The clients of tests/clients/package-lock.json, installed once."""
    lock = CLIENTS / "package-lock.json"
    stamp = CLIENTS / "node_modules" / ".paya-lock"
    with FileLock(run.folder() / "clients.lock"):
        if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
            done = subprocess.run(
                ["npm", "ci", "--no-progress"],
                cwd=CLIENTS,
                env=ENVIRONMENT,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"npm ci in {CLIENTS} failed:\n{done.stdout}{done.stderr}"
            stamp.write_bytes(lock.read_bytes())


@pytest.fixture
async def ann(people):
    await people.join("bob")
    return await people.join("ann", cents=10_000, name="Ann Lee")


async def pay(ann, note):
    return await wallet.send(ann, payment_id=new_id(), to="bob", amount_cents=1234, note=note, audience="public")


@pytest.mark.parametrize("library", ["supabase-js", "realtime-js"])
@pytest.mark.usefixtures("javascript_clients")
async def test_a_stock_javascript_client_hears_the_feed_and_the_table(live, ann, library):
    process = await asyncio.create_subprocess_exec(
        "node",
        "follow.mjs",
        library,
        live.url.removesuffix("/realtime/v1"),
        settings().supabase_anon_key,
        cwd=CLIENTS,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout
    said, payment = {}, None
    try:
        async with asyncio.timeout(30):
            while line := await process.stdout.readline():
                message = json.loads(line)
                said.setdefault(message["kind"], message["body"])
                if set(said) == {"feed status", "change status", "speak"}:
                    payment = await pay(ann, "tacos")
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert (said["feed status"], said["change status"]) == ("SUBSCRIBED", "SUBSCRIBED")
    assert said["speak"] == "error"
    assert payment
    (row,) = said["feed"]["shown"]
    assert (row["id"], row["note"], row["sender"]) == (
        str(payment.id),
        "tacos",
        {"handle": "ann", "name": "Ann Lee", "demo": False},
    )
    change = said["change"]
    assert (change["eventType"], change["schema"], change["table"]) == ("INSERT", "public", "payments")
    assert (change["new"]["id"], change["new"]["is_public"], change["errors"]) == (str(payment.id), True, None)
    assert not [name for name in change["new"] if "amount" in name]


async def test_a_stock_python_client_hears_the_feed_the_table_and_its_own_hints(live, ann):
    client = await acreate_client(live.url.removesuffix("/realtime/v1"), settings().supabase_anon_key)
    feed, changes, hints, states = [], [], [], {}
    await client.realtime.set_auth(token_of(ann))
    try:
        await (
            client.channel("feed", {"config": {"private": True, "broadcast": None, "presence": None}})
            .on_broadcast("payments", feed.append)
            .subscribe(lambda state, error: states.update(feed=(state, error)))
        )
        await (
            client.channel(f"user:{ann.user_id}", {"config": {"private": True, "broadcast": None, "presence": None}})
            .on_broadcast("changed", hints.append)
            .subscribe(lambda state, error: states.update(user=(state, error)))
        )
        await (
            client.channel("public-payments")
            .on_postgres_changes(
                RealtimePostgresChangesListenEvent.Insert,
                changes.append,
                table="payments",
                schema="public",
                filter="is_public=eq.true",
            )
            .subscribe(lambda state, error: states.update(changes=(state, error)))
        )
        assert states == dict.fromkeys(("feed", "user", "changes"), (SUBSCRIBED, None))
        payment = await pay(ann, "tacos")
        await until(lambda: feed and changes and hints)
        assert [row["id"] for row in feed[0]["payload"]["shown"]] == [str(payment.id)]
        assert hints[0]["payload"]["kinds"] == ["payment.sent"]
        assert changes[0]["data"]["record"]["id"] == str(payment.id)
        assert changes[0]["data"]["type"] == "INSERT"
    finally:
        await client.remove_all_channels()
