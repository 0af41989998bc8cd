"""One message of the channel protocol: objects in version 1.0.0, arrays in 2.0.0.

A client of version 2.0.0 sends its broadcasts as binary frames; only their header matters here, since no
client may broadcast.
"""

import json
from dataclasses import dataclass
from typing import Any, NoReturn

FRAME_CHARACTERS_MAX = 64 * 1024
REF_CHARACTERS_MAX = 64
TOPIC_CHARACTERS_MAX = 200
ARRAY_LENGTH = 5
PUSH_KIND = 3
PUSH_HEADER_BYTES = 7

Ref = str | int | None


class FrameMalformed(Exception):
    """What came over the socket is no frame of the protocol."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message. `join_ref` names the join it belongs to, `ref` the request that it is or answers."""

    join_ref: Ref
    ref: Ref
    topic: str
    event: str
    payload: dict[str, Any]


def decode(data: str, *, arrays: bool) -> Frame:
    """The frame in `data`.

    Raises:
        FrameMalformed: not JSON, of another shape, or too long.
    """
    if len(data) > FRAME_CHARACTERS_MAX:
        raise FrameMalformed("too long")
    try:
        parts = json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise FrameMalformed("not JSON") from error
    if arrays:
        if not isinstance(parts, list) or len(parts) != ARRAY_LENGTH:
            raise FrameMalformed("not an array of five")
        join_ref, ref, topic, event, payload = parts
    else:
        if not isinstance(parts, dict):
            raise FrameMalformed("not an object")
        join_ref, ref, topic, event, payload = (parts.get(k) for k in ("join_ref", "ref", "topic", "event", "payload"))
    return Frame(_ref(join_ref), _ref(ref), _name(topic), _name(event), _object(payload))


def decode_push(data: bytes) -> Frame:
    """The header of a binary broadcast push; its payload is left alone.

    Raises:
        FrameMalformed: another kind of binary frame, or one that ends early.
    """
    if len(data) < PUSH_HEADER_BYTES or data[0] != PUSH_KIND:
        raise FrameMalformed("not a broadcast push")
    texts: list[str] = []
    start = PUSH_HEADER_BYTES
    for length in data[1:4]:
        part = data[start : start + length]
        if len(part) != length:
            raise FrameMalformed("ends early")
        try:
            texts.append(part.decode())
        except UnicodeDecodeError as error:
            raise FrameMalformed("not UTF-8") from error
        start += length
    join_ref, ref, topic = texts
    return Frame(join_ref or None, ref or None, _name(topic), "broadcast", {})


def encode(frame: Frame, *, arrays: bool) -> str:
    """`frame` as text; ASCII, so that a stray surrogate in it cannot break the socket."""
    body: Any = (
        [frame.join_ref, frame.ref, frame.topic, frame.event, frame.payload]
        if arrays
        else {"topic": frame.topic, "event": frame.event, "payload": frame.payload, "ref": frame.ref}
    )
    return json.dumps(body, separators=(",", ":"))


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _ref(value: object) -> Ref:
    if value is None or (isinstance(value, str) and len(value) <= REF_CHARACTERS_MAX):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 53:
        return value
    raise FrameMalformed("a ref is a short text, a number or null")


def _name(value: object) -> str:
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise FrameMalformed("a name is printable ASCII")
    if not 1 <= len(value) <= TOPIC_CHARACTERS_MAX:
        raise FrameMalformed("a name has 1 to 200 characters")
    return value


def _object(value: object) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise FrameMalformed("a payload is an object")
    return value
