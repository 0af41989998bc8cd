"""Jobs that keep the queue itself in order."""

import structlog
from procrastinate import App, JobContext

from jobs.retries import TICK

# A worker that has not shown a sign of life for so long is taken for dead; its jobs run again elsewhere.
SILENT_S = 6
# Every job of ours ends within a minute; one that has run for so long has lost its worker's attention.
RUNNING_MAX_S = 600
# A job whose worker died or hung so often is what kills workers.
RUNS_MAX = 6
# of each kind that is kept no longer, in one statement
REMOVED_AT_ONCE = 1000

log = structlog.get_logger()


def register(app: App) -> None:
    """Make these tasks known to the queue."""
    for task in (sweep_stalled, tidy):
        app.task(name=task.__name__, queue="upkeep", retry=TICK, pass_context=True)(task)


async def sweep_stalled(context: JobContext) -> None:
    """Give the jobs of dead workers to the living; what went down with too many becomes a dead letter."""
    swept = await context.app.connector.execute_query_all_async(
        "select job, task, outcome from jobs.sweep(%(own)s, %(silent)s, %(running)s, %(runs)s)",
        own=context.job.id,
        silent=SILENT_S,
        running=RUNNING_MAX_S,
        runs=RUNS_MAX,
    )
    for row in swept:
        log.warning("a job's worker died or hung", **row)


async def tidy(context: JobContext) -> None:
    """Forget what is kept no longer: ticks, jobs that ended, webhooks, and what `retention.sweep` removes."""
    connector = context.app.connector
    (kept,) = await connector.execute_query_all_async(
        "select ceil(extract(epoch from retention.kept('dead_letters')) / 3600)::int as dead_letters_h"
    )
    await context.app.job_manager.delete_old_jobs(
        nb_hours=kept["dead_letters_h"], include_failed=True, include_cancelled=True, include_aborted=True
    )
    await connector.execute_query_async("select jobs.forget_ticks(retention.kept('ticks'))")
    forgotten = REMOVED_AT_ONCE
    while forgotten == REMOVED_AT_ONCE:
        (gone,) = await connector.execute_query_all_async(
            "select webhooks.forget(%(maximum)s) as count", maximum=REMOVED_AT_ONCE
        )
        forgotten = gone["count"]
    while True:
        swept = await connector.execute_query_all_async(
            "select rule_name, removed from retention.sweep(%(maximum)s)", maximum=REMOVED_AT_ONCE
        )
        for row in swept:
            if row["removed"]:
                log.info("kept no longer", **row)
        if all(row["removed"] < REMOVED_AT_ONCE for row in swept):
            return
