"""What every route for programs has in common: who asks, under which key, and a body of JSON with a limit."""

from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ValidationError

from paya_app.api.problems import MEDIA_TYPE
from paya_app.core.actor import Actor
from paya_app.core.bodies import read_limited
from paya_app.core.errors import RequestInvalid
from paya_app.core.ids import parse_id
from paya_app.identity.bearer import AccessTokenRefused, actor_for_token

JSON_BYTES_MAX = 16 * 1024
_UUID = {"format": "uuid"}

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="accessToken",
    bearerFormat="JWT",
    description="A person's access token of Supabase Auth.",
)

Model = TypeVar("Model", bound=BaseModel)


class Problem(BaseModel):
    """What went wrong (RFC 9457): `code` is for programs, `detail` a sentence for people.

    Routes with a key say more where they know it: `param`, the path of the field; `resource_id`, what the first request
    of an idempotency key made; of a charge `state`, `next_states` and the `operations` that are possible.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str
    retry_at: str | None = None
    request_id: str | None = None
    doc_url: str | None = None
    param: str | None = None
    decline_code: str | None = None
    resource_id: str | None = None
    state: str | None = None
    next_states: list[str] | None = None
    operations: list[str] | None = None
    left_minor: int | None = None


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The description of answers with these statuses."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": "What was refused, and why.", "content": content} for status in statuses}


def body_of(model: type[BaseModel], *, required: bool = True, **examples: dict[str, Any]) -> dict[str, Any]:
    """The description of a body that `read_json` reads, with examples by name."""
    content: dict[str, Any] = {"schema": model.model_json_schema()}
    if examples:
        content["examples"] = {name: {"value": value} for name, value in examples.items()}
    return {"requestBody": {"required": required, "content": {"application/json": content}}}


async def bearer(credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Actor:
    """Who asks. Raises `AccessTokenRefused` or `ServiceUnavailable`."""
    if credentials is None:
        raise AccessTokenRefused
    return await actor_for_token(credentials.credentials)


async def key_of(
    idempotency_key: Annotated[
        str,
        Header(
            alias="Idempotency-Key",
            description="A UUID of yours: asking again with the same one changes nothing.",
            json_schema_extra=_UUID,
        ),
    ],
) -> UUID:
    """The key under which something is asked for, bare or in quotes."""
    key = parse_id(idempotency_key.strip('"'))
    if key is None:
        raise RequestInvalid(sentence="Idempotency-Key: write a UUID. Nothing was changed.")
    return key


async def optional_key_of(
    idempotency_key: Annotated[
        str | None,
        Header(alias="Idempotency-Key", description="As for POST; may be left out.", json_schema_extra=_UUID),
    ] = None,
) -> UUID | None:
    """The key under which something is asked for, if there is one."""
    return None if idempotency_key is None else await key_of(idempotency_key)


async def read_json(request: Request, model: type[Model]) -> Model:
    """The body, as `model` says.

    Raises:
        BodyTooLarge: more than 16 KiB.
        RequestInvalid: no JSON, or a field that is of another kind, missing or unknown.
    """
    body = await read_limited(request.stream(), request.headers, bytes_max=JSON_BYTES_MAX)
    try:
        return model.model_validate_json(body or b"{}")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part)[:40] for part in first["loc"]) or "the body"
        raise RequestInvalid(sentence=f"{where}: {first['msg'][:200]}. Nothing was changed.") from error


Person = Annotated[Actor, Depends(bearer)]
Key = Annotated[UUID, Depends(key_of)]
OptionalKey = Annotated[UUID | None, Depends(optional_key_of)]
