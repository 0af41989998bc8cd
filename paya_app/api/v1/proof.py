"""`GET /v1/proof/head`, which is everybody's, and `GET /v1/payments/{id}/receipt`, which is one's own."""

import asyncio
import json
import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.security import APIKeyCookie

from paya_app import identity, proof
from paya_app.api.bearers import problems
from paya_app.api.cookies import SESSION, read_cookie
from paya_app.api.problems import problem
from paya_app.core.errors import NotFound, SignedOut
from paya_app.core.ids import parse_id
from paya_app.proof.receipts import Head, Receipt

HEAD_FRESH_S = 1.0
# A payment is sealed about a second after it was made; whoever asks sooner waits here instead of asking again.
SEALED_WITHIN_S = 4.0
ASK_EVERY_S = 0.25
SIZE_MAX = 2**53 - 1

router = APIRouter(tags=["Proof"])

# said in the description; read by `read_cookie`, which knows the name's other form, on https
_session = APIKeyCookie(name=SESSION, scheme_name="session", description="A session of the pages.", auto_error=False)


class _Newest:
    """The newest head, read from the database once a second at most, however many ask."""

    def __init__(self) -> None:
        self._head: dict[str, Any] = {}
        self._until = 0.0
        self._one = asyncio.Lock()

    async def read(self) -> dict[str, Any]:
        """The head, at most a second old."""
        async with self._one:
            if time.monotonic() >= self._until:
                self._head = await proof.head()
                self._until = time.monotonic() + HEAD_FRESH_S
        return self._head


def _newest(request: Request) -> _Newest:
    state = request.app.state
    if not hasattr(state, "newest_head"):
        state.newest_head = _Newest()
    return state.newest_head


@router.get("/v1/proof/head", response_model=Head, operation_id="readHead", responses=problems(400, 404, 503))
async def read_head(
    request: Request,
    size: Annotated[int | None, Query(ge=0, le=SIZE_MAX, description="Of an earlier head, in seals.")] = None,
) -> Response:
    """The head of the log of seals; `size` asks for an earlier one, which must always answer the same."""
    head = await _newest(request).read() if size is None else await proof.head(size)
    # it says nothing about anybody, so every site may read it
    headers = {"cache-control": f"public, max-age={int(HEAD_FRESH_S)}", "access-control-allow-origin": "*"}
    return Response(json.dumps(head), media_type="application/json", headers=headers)


@router.get(
    "/v1/payments/{payment}/receipt",
    response_model=Receipt,
    operation_id="readReceipt",
    responses=problems(400, 401, 404, 409, 503),
    dependencies=[Depends(_session)],
)
async def read_receipt(
    request: Request, payment: Annotated[str, Path(max_length=64, description="The payment's id.")]
) -> Response:
    """The receipt of a payment that the session's person sent or received, as a file."""
    actor = await identity.actor_for_secret(read_cookie(request, SESSION))
    if actor is None:
        raise SignedOut
    payment_id = parse_id(payment)
    if payment_id is None:
        raise NotFound(what="payment")
    until = time.monotonic() + SEALED_WITHIN_S
    while True:
        try:
            receipt = await proof.receipt(actor, payment_id)
        except proof.NotSealedYet as error:
            if time.monotonic() >= until:
                return problem(request, error, {"retry-after": "2", "cache-control": "no-store"})
            await asyncio.sleep(ASK_EVERY_S)
        else:
            break
    headers = {
        "cache-control": "private, no-store",
        "content-disposition": f'attachment; filename="paya-receipt-{str(payment_id)[-12:]}.json"',
    }
    return Response(json.dumps(receipt, indent=1) + "\n", media_type="application/json", headers=headers)
