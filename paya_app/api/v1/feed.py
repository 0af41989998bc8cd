"""`GET /v1/feed`: the public feed as JSON, and where to follow it live."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from paya_app import feed
from paya_app.api.bearers import problems
from paya_app.core.actor import Actor
from paya_app.core.config import settings

TOPIC = "feed"

router = APIRouter(tags=["Feed"])


class Realtime(BaseModel):
    """Where new rows are broadcast: a private channel of Supabase's realtime protocol.

    `url` is null when it is this origin's own /realtime/v1. Event `payments` carries
    `{"shown": [row, …], "hidden": [{"id", "version"}, …]}`.
    """

    url: str | None
    apikey: str
    topic: str


class FeedAnswer(BaseModel):
    """A page of the feed, the newest first."""

    data: list[feed.FeedRow]
    has_more: bool
    next_cursor: str | None
    realtime: Realtime


@router.get(
    "/v1/feed",
    response_model=FeedAnswer,
    operation_id="readFeed",
    responses={304: {"description": "Nothing changed."}} | problems(400, 503),
)
async def read_feed(
    request: Request,
    cursor: Annotated[str | None, Query(description="`next_cursor` of an earlier answer.")] = None,
    limit: Annotated[int, Query(ge=1, le=feed.LIMIT_MAX, description="How many at most.")] = feed.LIMIT_DEFAULT,
) -> Response:
    """Public payments, the newest first; `cursor` continues from an earlier answer's `next_cursor`.

    Everybody gets the same rows, signed in or not. `If-None-Match` with the last `ETag` answers 304 while
    nothing changed; a payment that was hidden is gone from the next answer, so caches must ask each time.
    """
    page = await feed.page(Actor.visitor(), cursor=cursor, limit=limit)
    answer = FeedAnswer(
        data=page.rows,
        has_more=page.next_cursor is not None,
        next_cursor=page.next_cursor,
        realtime=Realtime(url=_realtime_url(), apikey=settings().supabase_anon_key, topic=TOPIC),
    )
    body = answer.model_dump_json().encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    # what everybody may see, every site may read; no cookie is looked at here
    headers = {"etag": tag, "cache-control": "no-cache", "access-control-allow-origin": "*"}
    if tag in [known.strip().removeprefix("W/") for known in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def _realtime_url() -> str | None:
    """The websocket address for clients, or None when it is at the page's own origin."""
    base = settings().auth_url
    if base == settings().public_url:
        return None
    return base.replace("http", "ws", 1) + "/realtime/v1"
