"""What a program asks with: a body of JSON, read strictly, each fault named with the path of its field."""

import json
from collections.abc import Iterable
from typing import Any, Never, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request

from paya_app.core.bodies import read_limited
from paya_app.developers.request_errors import (
    BodyMalformed,
    ContentTypeUnsupported,
    ParameterInvalid,
    ParameterMissing,
    ParameterUnknown,
)

BODY_BYTES_MAX = 64 * 1024
DEPTH_MAX = 8
PARAM_CHARACTERS_MAX = 120


def whole(value: object) -> object:
    """1500.0 is an integer, by JSON Schema; some programs write every number so."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Asked(BaseModel):
    """Base of what programs send: exactly the fields that are described, of exactly their kinds."""

    model_config = ConfigDict(strict=True, extra="forbid")


Model = TypeVar("Model", bound=Asked)


async def read_asked(request: Request, model: type[Model]) -> Model:
    """The body, as `model` says; no body is an empty object.

    Raises:
        ContentTypeUnsupported: not announced as JSON, or compressed.
        BodyTooLarge: more than 64 KiB.
        BodyMalformed: not JSON, nested more than 8 deep, or a name twice in one object.
        ParameterUnknown, ParameterMissing, ParameterInvalid: which field, by its path.
    """
    body = await read_limited(request.stream(), request.headers, bytes_max=BODY_BYTES_MAX)
    if body or "content-type" in request.headers:
        _require_json(request)
    parsed = parse_json(body) if body else {}
    if not isinstance(parsed, dict):
        raise BodyMalformed(why="it is not an object")
    try:
        return model.model_validate(parsed)
    except ValidationError as error:
        raise _fault(error) from None  # what it says by itself quotes the body


def parse_json(body: bytes) -> Any:
    """The value that UTF-8 JSON says. Raises `BodyMalformed` or, for a text that cannot be kept, `ParameterInvalid`."""
    try:
        value = json.loads(body.decode(), object_pairs_hook=_once_each, parse_constant=_no_number)
    except UnicodeDecodeError:
        raise BodyMalformed(why="it is not UTF-8") from None
    except RecursionError:
        raise BodyMalformed(why=f"it is nested more than {DEPTH_MAX} deep") from None
    except ValueError:  # a number of thousands of digits, too
        raise BodyMalformed from None
    _look_through(value, ())
    return value


def _require_json(request: Request) -> None:
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    encoding = request.headers.get("content-encoding", "identity")
    charset = parameters.replace('"', "").strip().lower()
    if (
        kind.strip().lower() != "application/json"
        or encoding.lower() != "identity"
        or charset not in {"", "charset=utf-8"}
    ):
        raise ContentTypeUnsupported


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise BodyMalformed(why="a name stands twice in one object")
    return values


def _no_number(_: str) -> Never:
    raise BodyMalformed(why="NaN and Infinity are no numbers of JSON")


def _look_through(value: object, path: tuple[object, ...]) -> None:
    """Refuse what is nested too deep, and what no database keeps: NUL and halves of characters."""
    if len(path) > DEPTH_MAX:
        raise BodyMalformed(why=f"it is nested more than {DEPTH_MAX} deep")
    if isinstance(value, str):
        if not _is_kept(value):
            raise ParameterInvalid(param=param_of(path), why="NUL and halves of characters cannot be kept")
    elif isinstance(value, dict):
        for name, inner in value.items():
            if not _is_kept(name):
                raise ParameterInvalid(param=param_of(path), why="NUL and halves of characters cannot be kept")
            _look_through(inner, (*path, name))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            _look_through(inner, (*path, place))


def _is_kept(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def param_of(path: Iterable[object]) -> str:
    """`metadata.order.0`: where in the body, at most 120 characters."""
    written = ".".join(str(part)[:40] for part in path)[:PARAM_CHARACTERS_MAX]
    return written.encode("ascii", "backslashreplace").decode()


def _fault(error: ValidationError) -> ParameterInvalid:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    param = param_of(first["loc"])
    match first["type"]:
        case "extra_forbidden":
            return ParameterUnknown(param=param, why="there is no such field")
        case "missing":
            return ParameterMissing(param=param, why="this field is needed")
        case _:
            return ParameterInvalid(param=param, why=_lowered(first["msg"].removeprefix("Value error, "))[:200])


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]
