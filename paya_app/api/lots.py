"""`GET /save/lots.csv`: one's own lots, for whoever is signed in to the pages."""

from fastapi import APIRouter, Request, Response

from paya_app import identity, savings
from paya_app.api.cookies import SESSION, read_cookie
from paya_app.core.clock import now
from paya_app.core.errors import SignedOut

router = APIRouter(include_in_schema=False)


@router.get("/save/lots.csv")
async def lots_csv(request: Request) -> Response:
    """The file, under a name with the day (UTC).

    Raises:
        SignedOut: nobody is signed in.
    """
    actor = await identity.actor_for_secret(read_cookie(request, SESSION))
    if actor is None:
        raise SignedOut
    headers = {
        "cache-control": "private, no-store",
        "content-disposition": f'attachment; filename="paya-lots-{now():%Y-%m-%d}.csv"',
    }
    return Response(await savings.lots_csv(actor), media_type="text/csv; charset=utf-8", headers=headers)
