"""A worker that dies between noting a try and sending it: the message comes all the same, with the id that it had."""

import asyncio
import os
import signal
import subprocess
import sys

from paya_app import webhooks
from paya_app.webhooks import sending
from tests.webhooks.receiving import send

# the name is looked up after the try was noted and before anything is sent
DIES = """
import asyncio, os, signal
from paya_app.webhooks import sending
async def killed(host, port):
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(sending.send_due(resolve=killed))
"""


async def kill_one() -> None:
    argv = [sys.executable, "-c", DIES]
    ended = await asyncio.to_thread(subprocess.run, argv, env=os.environ.copy(), check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL


async def test_killed_between_note_and_send_it_is_sent_again_with_its_id(sandbox, receiver, advance_clock):
    made = await sandbox.endpoint(receiver.url)
    charge = await sandbox.happen()
    await sandbox.happen("payment.captured", charge=charge, version=2)
    await kill_one()
    assert await sandbox.states() == ["sending", "behind"]
    (noted,) = await webhooks.attempts(sandbox.account_id, (await webhooks.deliveries(sandbox.account_id))[1].id)
    assert (noted.number, noted.outcome, receiver.came) == (1, None, [])
    # nobody takes it before it is certain that nobody sends it
    await advance_clock(seconds=55)
    assert await send() == 0
    await advance_clock(seconds=6)
    assert await send() == 2
    assert [came.read(made.secret)["type"] for came in receiver.came] == ["payment.authorized", "payment.captured"]
    authorized = (await webhooks.deliveries(sandbox.account_id))[1]
    assert receiver.ids[0] == str(authorized.webhook_id)
    attempts = await webhooks.attempts(sandbox.account_id, authorized.id)
    assert [(each.number, each.outcome) for each in attempts] == [(1, "lost"), (2, "accepted")]


async def test_what_kills_every_worker_is_given_up_after_ten(sandbox, receiver, advance_clock):
    await sandbox.endpoint(receiver.url)
    await sandbox.happen()
    await sending.follow()
    for _ in range(10):
        assert len(await sending.claim(1)) == 1
        await advance_clock(seconds=61)
    assert await sending.claim(1) == []
    (dead,) = await webhooks.deliveries(sandbox.account_id, state="given_up")
    assert (dead.reason, dead.tries) == ("tries_used_up", 10)


async def test_an_answer_that_comes_after_it_was_taken_for_lost_changes_no_other_try(sandbox, receiver, advance_clock):
    await sandbox.endpoint(receiver.url)
    await sandbox.happen()
    await sending.follow()
    (late,) = await sending.claim(1)
    await advance_clock(seconds=61)
    (present,) = await sending.claim(1)
    receiver.answer = lambda _: 500
    await sending.deliver(late)
    assert await sandbox.states() == ["sending"]
    receiver.answer = lambda _: 200
    await sending.deliver(present)
    assert await sandbox.states() == ["accepted"]
    (delivery,) = await webhooks.deliveries(sandbox.account_id)
    attempts = await webhooks.attempts(sandbox.account_id, delivery.id)
    assert [(each.outcome, each.status) for each in attempts] == [("refused", 500), ("accepted", 200)]


async def test_accepted_counts_though_the_endpoint_was_disabled_meanwhile(sandbox, receiver):
    made = await sandbox.endpoint(receiver.url)
    await sandbox.happen()
    await sending.follow()
    (claimed,) = await sending.claim(1)
    await webhooks.disable(sandbox.account_id, made.endpoint.id)
    assert await sandbox.states() == ["given_up"]
    await sending.deliver(claimed)
    assert await sandbox.states() == ["accepted"]
