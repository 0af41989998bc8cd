from datetime import timedelta

import pytest

from paya_app.core.spans import span_in_words


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(days=-1), "a minute"),
        (timedelta(0), "a minute"),
        (timedelta(seconds=60), "a minute"),
        (timedelta(seconds=60, microseconds=1), "2 minutes"),
        (timedelta(seconds=61), "2 minutes"),
        (timedelta(minutes=9), "9 minutes"),
        (timedelta(minutes=59, seconds=1), "60 minutes"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(minutes=90, seconds=1), "about 2 hours"),
        (timedelta(hours=2), "about 2 hours"),
        (timedelta(hours=2, seconds=1), "about 3 hours"),
        (timedelta(hours=36), "about 36 hours"),
        (timedelta(hours=36, seconds=1), "about 2 days"),
        (timedelta(days=2), "about 2 days"),
        (timedelta(days=2, seconds=1), "about 3 days"),
        (timedelta(days=7), "about 7 days"),
    ],
)
def test_a_span_is_never_said_shorter_than_it_is(span: timedelta, words: str):
    assert span_in_words(span) == words
