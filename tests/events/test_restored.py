"""A database that was restored from a copy is worked on by nobody until `paya rebase`."""

import asyncio
import os
import subprocess
import sys

import psycopg
import pytest

from jobs import scheduler, worker
from paya_app import ledger
from paya_app.events import relay
from paya_app.events.errors import RecordRestored
from paya_app.events.restored import require_not_restored
from paya_app.local import postgres
from paya_app.server import embedded
from paya_app.server.programs import NotReady

# as after a restore into a younger server: the cursor has seen transactions from the future
RESTORE = "update events.relay_cursor set snapshot = '9000000000:9000000000:'"


@pytest.fixture
async def restored(database):
    """The test's database, restored and not rebased."""
    await database.rows(RESTORE)
    return database


def start(database, program):
    return subprocess.run(
        [sys.executable, "-m", "paya_app", program],
        env={**os.environ, **database.environment()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("program", ["app", "worker", "scheduler"])
async def test_no_program_starts(restored, program):
    done = await asyncio.to_thread(start, restored, program)
    assert done.returncode == 1, done
    assert done.stderr.strip().splitlines()[-1].startswith("This database was restored:")
    assert "`paya rebase`" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("program", [worker, scheduler])
async def test_a_program_that_finds_it_restored_ends(program):
    with pytest.raises(RecordRestored, match="paya rebase"):
        await asyncio.wait_for(program.run(asyncio.Event()), 20)


async def test_no_checkpoint_is_taken_until_rebased(people, restored):
    await people.join("ann", cents=1000)
    with pytest.raises(RecordRestored, match="paya rebase"):
        await ledger.take_checkpoints()
    await relay.rebase(restored.url("paya_worker"))
    assert await ledger.take_checkpoints() == 0


async def test_a_database_that_does_not_answer_is_left_to_the_program(database):
    await require_not_restored(database.url("paya_worker"))
    await require_not_restored("postgresql://nobody@127.0.0.1:1/none")


async def test_the_embedded_default_refuses_it_once_its_server_runs(tmp_path):
    prepare = embedded.compose(tmp_path, "127.0.0.1", 8700, lambda _: None, bundle=tmp_path).after_ready["postgres"]
    cluster = await asyncio.to_thread(postgres.ensure, tmp_path)
    try:
        await prepare()
        with psycopg.connect(cluster.url("supabase_admin"), autocommit=True) as connection:
            connection.execute(RESTORE.encode())
        with pytest.raises(NotReady, match="paya rebase"):
            await prepare()
        await relay.rebase(cluster.url("paya_worker"))
        await prepare()
    finally:
        cluster.stop()
