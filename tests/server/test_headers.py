"""What goes on top of every answer."""

import pytest

from paya_app.server.headers import SecurityHeaders


async def headers_of(status: int, *given: tuple[bytes, bytes], path: str = "/") -> dict[bytes, bytes]:
    """The headers of an inner answer once they have passed."""
    sent = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": status, "headers": list(given)})

    async def send(message):
        sent.append(message)

    await SecurityHeaders(app, policy="default-src 'self'", secure=False)({"type": "http", "path": path}, None, send)  # pyright: ignore[reportArgumentType]
    return dict(sent[0]["headers"])


async def test_a_page_may_load_its_own_parts():
    headers = await headers_of(200, (b"content-type", b"text/html; charset=utf-8"))
    assert headers[b"content-security-policy"] == b"default-src 'self'"


@pytest.mark.parametrize("kind", [b"application/json", b"text/plain", b"image/svg+xml", b""])
async def test_what_is_no_page_may_load_nothing(kind):
    headers = await headers_of(200, (b"content-type", kind))
    assert headers[b"content-security-policy"].startswith(b"default-src 'none'")


async def test_not_modified_leaves_the_policy_of_the_page_that_was_kept():
    headers = await headers_of(304, (b"etag", b'"1"'))
    assert b"content-security-policy" not in headers
    assert headers[b"x-content-type-options"] == b"nosniff"


@pytest.mark.parametrize(("path", "is_kept"), [("/assets/a-1a2b.js", False), ("/icons/paya.svg", True)])
async def test_what_changes_its_name_with_its_content_is_not_asked_for_again(path, is_kept):
    asking_again = {b"etag": b'"1"', b"last-modified": b"x", b"accept-ranges": b"bytes"}
    headers = await headers_of(200, (b"content-type", b"text/javascript"), *asking_again.items(), path=path)
    assert (asking_again.keys() <= headers.keys()) == is_kept
    assert b"cache-control" in headers
