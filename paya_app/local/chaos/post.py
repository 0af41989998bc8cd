"""A stand-in's webhook on its way to us, as badly delivered as the page says."""

import asyncio
import random

import httpx

from paya_app.local.chaos.mischief import Mischief

LATE_S = 6.0
SHUFFLE_S = 3.0


async def post(
    client: httpx.AsyncClient, url: str, *, content: bytes, headers: dict[str, str], mischief: Mischief
) -> int:
    """Deliver a webhook and return the status of the (last) answer. Raises what `client.post` raises."""
    match mischief.webhooks:
        case "late":
            await asyncio.sleep(LATE_S)
        case "reordered":
            await asyncio.sleep(random.uniform(0, SHUFFLE_S))  # noqa: S311 - chance is the point, not secrecy
        case "twice":
            await client.post(url, content=content, headers=headers)
        case _:
            pass
    return (await client.post(url, content=content, headers=headers)).status_code
