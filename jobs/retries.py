"""How often and how soon a job that failed runs again, before it becomes a dead letter.

Every failure is said: at warning what the outside world may heal, at error what is a fault of ours. Only the
kind of failure and the place in our code are told; a database's or vendor's sentence can hold personal data.
"""

import logging
import traceback
from dataclasses import dataclass

from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.jobs import Job

from paya_app.core.errors import PayaError
from paya_app.providers.outcome import Retryable, Unknown

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Backoff(BaseRetryStrategy):
    """Waits 1, 2, 4 … seconds up to `wait_max_s`, or as long as the vendor said; `runs_max` runs in all."""

    runs_max: int
    wait_max_s: int

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """When to run again, or None to give up."""
        is_last = job.attempts + 1 >= self.runs_max or (isinstance(exception, PayaError) and exception.is_final)
        level = logging.WARNING if isinstance(exception, (Retryable, Unknown, PayaError)) else logging.ERROR
        log.log(
            logging.ERROR if is_last else level,
            "job %s %s failed, run %d of %d (%s): %s",
            job.task_name,
            job.id,
            job.attempts + 1,
            self.runs_max,
            "given up" if is_last else "it runs again",
            reason(exception),
        )
        if is_last:
            return None
        wait_s = min(2 ** min(job.attempts, 16), self.wait_max_s)
        if isinstance(exception, Retryable) and exception.retry_after_s:
            wait_s = max(wait_s, int(exception.retry_after_s))
        return RetryDecision(retry_in={"seconds": wait_s})


def reason(exception: BaseException) -> str:
    """What kind of failure, and where it was raised, like `KeyError in banking/loads.py:88`; no message."""
    kind = exception.code if isinstance(exception, PayaError) else type(exception).__name__
    frames = traceback.extract_tb(exception.__traceback__)
    ours = [frame for frame in frames if "/paya_app/" in frame.filename or "/jobs/" in frame.filename]
    if not (ours or frames):
        return kind
    frame = (ours or frames)[-1]
    return f"{kind} in {'/'.join(frame.filename.split('/')[-2:])}:{frame.lineno}"


# A vendor may be down for a day; asking it every two minutes costs nothing, and money waits for the answer.
VENDOR = Backoff(runs_max=1000, wait_max_s=120)
# News that is a day old is none; what nobody could be told by then is a dead letter.
NOTICE = Backoff(runs_max=500, wait_max_s=120)
# Somebody waits for it at a page, and it is dropped when its code is too old.
TEXT = Backoff(runs_max=100, wait_max_s=5)
# The next tick of the timetable comes anyway.
TICK = Backoff(runs_max=3, wait_max_s=2)
