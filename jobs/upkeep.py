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
KEEP_DEAD_LETTERS_H = 24 * 90
KEEP_TICKS = "2 days"

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
    """Forget old ticks, and jobs that were given up long ago."""
    await context.app.job_manager.delete_old_jobs(
        nb_hours=KEEP_DEAD_LETTERS_H, include_failed=True, include_cancelled=True, include_aborted=True
    )
    await context.app.connector.execute_query_async("select jobs.forget_ticks(%(keep)s::interval)", keep=KEEP_TICKS)
