import pytest
from starlette.requests import Request

from paya_app.api.callers import address_of
from paya_app.core.config import settings


def request_with(*forwarded: str) -> Request:
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    return Request({"type": "http", "headers": headers, "client": ("10.0.0.9", 4711)})


@pytest.fixture
def hops(monkeypatch):
    def behind(count: int) -> None:
        monkeypatch.setenv("PAYA_PROXY_HOPS", str(count))
        settings.cache_clear()

    yield behind
    settings.cache_clear()


@pytest.mark.parametrize(
    ("count", "forwarded", "address"),
    [
        (0, ["203.0.113.7"], "10.0.0.9"),
        (1, ["203.0.113.7"], "203.0.113.7"),
        (1, ["6.6.6.6, 203.0.113.7"], "203.0.113.7"),
        (2, ["6.6.6.6, 203.0.113.7, 198.51.100.2"], "203.0.113.7"),
        (2, ["6.6.6.6", "203.0.113.7, 198.51.100.2"], "203.0.113.7"),
        (2, ["203.0.113.7"], "10.0.0.9"),
        (1, [], "10.0.0.9"),
    ],
)
def test_only_what_our_own_proxies_saw_is_believed(hops, count, forwarded, address):
    hops(count)
    assert address_of(request_with(*forwarded)) == address
