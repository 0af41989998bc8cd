"""Where a request comes from, for counting attempts."""

from starlette.requests import HTTPConnection

from paya_app.core.config import settings


def address_of(request: HTTPConnection) -> str:
    """The caller's address, at most 64 characters.

    Behind `PAYA_PROXY_HOPS` proxies of ours it is what the outermost of them saw: that many from the right of
    X-Forwarded-For. What stands further left was written by the caller and is never believed.
    """
    hops = settings().paya_proxy_hops
    seen = [part.strip() for line in request.headers.getlist("x-forwarded-for") for part in line.split(",")]
    if hops and len(seen) >= hops:
        return seen[-hops][:64]
    return request.client.host if request.client else "unknown"
