"""Is PaYa there, and does its database answer?"""

from fastapi import APIRouter

from paya_app.core import db
from paya_app.core.actor import Actor

router = APIRouter()


@router.get("/v1/health")
async def health() -> dict[str, str]:
    """`{"status": "ok"}` when the database answers; a 503 problem otherwise."""
    await db.query(Actor.visitor(), "select 1")
    return {"status": "ok"}
