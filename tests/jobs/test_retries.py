"""What a failing job says: how loud, how often, and nothing of a person."""

import logging

import pytest
from procrastinate.jobs import Job

from jobs.retries import VENDOR, Backoff
from paya_app.banking.errors import TransferMismatch
from paya_app.core.errors import ServiceUnavailable
from paya_app.providers.outcome import Retryable, Unknown

CANARY = "+12025550123"


def a_job(attempts: int = 0) -> Job:
    return Job(
        id=7, queue="q", lock=None, queueing_lock=None, task_name="t", attempts=attempts, task_kwargs={"phone": CANARY}
    )


def raised(error: Exception) -> Exception:
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


@pytest.mark.parametrize("error", [Retryable(CANARY), Unknown(CANARY), ServiceUnavailable()])
def test_every_retry_is_said_at_warning(caplog: pytest.LogCaptureFixture, error: Exception):
    assert VENDOR.get_retry_decision(exception=raised(error), job=a_job(4)) is not None
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "job t 7 failed, run 5 of 1000 (it runs again)" in record.getMessage()
    assert CANARY not in caplog.text


def test_a_fault_of_ours_is_an_error_from_the_first_run(caplog: pytest.LogCaptureFixture):
    assert VENDOR.get_retry_decision(exception=raised(KeyError(CANARY)), job=a_job()) is not None
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "KeyError in jobs/test_retries.py:" in record.getMessage()
    assert CANARY not in caplog.text


def test_giving_up_is_an_error(caplog: pytest.LogCaptureFixture):
    assert Backoff(runs_max=3, wait_max_s=1).get_retry_decision(exception=Retryable("down"), job=a_job(2)) is None
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "given up" in record.getMessage()


def test_what_no_repetition_changes_is_given_up_at_once(caplog: pytest.LogCaptureFixture):
    assert VENDOR.get_retry_decision(exception=TransferMismatch(), job=a_job()) is None
    assert "run 1 of 1000 (given up): transfer_mismatch" in caplog.text
