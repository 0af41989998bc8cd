"""Reading request bodies with a limit, so that a huge one costs no memory."""

from collections.abc import AsyncIterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from paya_app.core.errors import PayaError, RequestInvalid

FORM_BYTES_MAX = 16 * 1024
FORM_FIELDS_MAX = 20


class BodyTooLarge(PayaError):
    """The request's body is larger than anything we expect there."""

    code = "body_too_large"
    status = 413

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says so."""
        return "That is too much text for one request. Nothing was changed."


async def read_limited(
    chunks: AsyncIterable[bytes], headers: Mapping[str, str], *, bytes_max: int = FORM_BYTES_MAX
) -> bytes:
    """The whole body, or a refusal as soon as it is known to be larger than `bytes_max` bytes.

    Raises:
        BodyTooLarge: by the announced length, or by what arrived.
    """
    announced = headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and (len(announced) > 15 or int(announced) > bytes_max):  # noqa: PLR2004
        raise BodyTooLarge
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > bytes_max:
            raise BodyTooLarge
    return bytes(body)


def parse_form(body: bytes) -> dict[str, str]:
    """The fields of a form sent as application/x-www-form-urlencoded; of two with one name the last wins.

    Raises:
        RequestInvalid: not UTF-8, or more than 20 fields.
    """
    try:
        pairs = parse_qsl(
            body.decode(),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=FORM_FIELDS_MAX,
        )
    except (UnicodeDecodeError, ValueError):
        raise RequestInvalid from None
    return dict(pairs)
