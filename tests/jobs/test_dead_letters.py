"""`paya jobs`: what was given up is seen and put back."""

import os
import subprocess
import sys

from jobs.dead_letters import dead_letters, replay


def paya_jobs(database, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "paya_app", "jobs", *arguments],
        env={**os.environ, **database.environment()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def given_up(database, load_id: str = "0b1f0a52-4a44-4f51-9f3e-6f0f6b3f0a11") -> int:
    job = await database.value(
        "insert into jobs.procrastinate_jobs (queue_name, task_name, args, status, attempts, queueing_lock)"
        " values ('banking', 'submit_load', jsonb_build_object('load_id', %s::text), 'doing', 999, 'submit_load:1')"
        " returning id",
        (load_id,),
    )
    await database.rows("update jobs.procrastinate_jobs set status = 'failed', attempts = 1000 where id = %s", (job,))
    return job


async def test_a_dead_letter_says_what_it_was(database):
    job = await given_up(database)
    (letter,) = await dead_letters(database.environment()["PAYA_WORKER_DATABASE_URL"])
    assert str(letter).startswith(
        f'{job}  submit_load  {{"load_id": "0b1f0a52-4a44-4f51-9f3e-6f0f6b3f0a11"}}  1000 runs, given up 2'
    )


async def test_replaying_says_what_became_of_it(database):
    url = database.environment()["PAYA_WORKER_DATABASE_URL"]
    first, second = await given_up(database), await given_up(database)
    assert await replay(url, first) == "waiting"
    assert await replay(url, first) == "none such"
    assert await replay(url, second) == "waited already"
    assert await dead_letters(url) == []
    assert await database.rows("select task_name, status::text from jobs.procrastinate_jobs") == [
        ("submit_load", "todo")
    ]


async def test_the_commands(database):
    done = paya_jobs(database, "dead")
    assert (done.returncode, done.stdout, done.stderr) == (0, "No job was given up.\n", "")
    job = await given_up(database)
    done = paya_jobs(database, "dead")
    assert done.stdout.startswith(f"{job}  submit_load  ")
    assert done.stdout.endswith("1 shown. Put one back: paya jobs replay <id>\n")
    done = paya_jobs(database, "replay", str(job))
    assert (done.returncode, done.stdout) == (0, f"Job {job} waits in its queue again.\n")
    done = paya_jobs(database, "replay", str(job))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"No job {job} was given up. `paya jobs dead` lists those that were.\n"
