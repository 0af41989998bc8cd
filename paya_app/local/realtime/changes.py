"""Following a table: what a client asked for with `postgres_changes`, and which rows are for it.

This server tells of INSERTs on public.payments. Each row is read again as the follower, under row level
security, when it is handed on: what the follower may not read does not get out.
"""

import json
import re
import zlib
from dataclasses import dataclass
from typing import Any

SCHEMA = "public"
TABLE = "payments"
BINDINGS_MAX = 10
EVENTS = frozenset({"*", "INSERT", "UPDATE", "DELETE"})
_FILTER = re.compile(r"(?P<column>[a-z_]+)=(?P<operator>eq|neq|in)\.(?P<value>.*)", re.DOTALL)
_TRUE = frozenset({"true", "t"})
_FALSE = frozenset({"false", "f"})


class BindingRefused(Exception):
    """What the client asked to follow cannot be followed; the message says why."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Keeps rows whose `column` is (or, negated, is not) one of `values`, compared as text."""

    column: str
    values: frozenset[str]
    is_negated: bool

    def matches(self, record: dict[str, Any]) -> bool:
        """Whether the record passes; a null passes no filter, as in SQL."""
        value = record.get(self.column)
        return value is not None and (_text(value) in self.values) is not self.is_negated


@dataclass(frozen=True, slots=True)
class Binding:
    """One thing to follow. `asked` is what the client said; `fault` why nothing will come of it, if so."""

    id: int
    asked: dict[str, Any]
    filter: Filter | None = None
    select: frozenset[str] | None = None
    fault: str | None = None

    @property
    def echo(self) -> dict[str, Any]:
        """What the join's answer says: what was asked, and the id that its rows carry."""
        return {**self.asked, "id": self.id}

    def matches(self, record: dict[str, Any]) -> bool:
        """Whether an inserted row is for this binding."""
        return self.fault is None and (self.filter is None or self.filter.matches(record))


def parse_bindings(asked: object) -> tuple[Binding, ...]:
    """The bindings of a join's `postgres_changes`.

    Raises:
        BindingRefused: not a list of at most BINDINGS_MAX objects of the known shape.
    """
    if asked is None:
        return ()
    if not isinstance(asked, list) or len(asked) > BINDINGS_MAX:
        raise BindingRefused(f"postgres_changes is a list of at most {BINDINGS_MAX}")
    return tuple(_binding(item) for item in asked)


def _binding(asked: object) -> Binding:
    event = asked.get("event") if isinstance(asked, dict) else None
    if not isinstance(asked, dict) or not isinstance(event, str) or event not in EVENTS:
        raise BindingRefused("each of postgres_changes has an event: *, INSERT, UPDATE or DELETE")
    known = {k: asked[k] for k in ("event", "schema", "table", "filter", "select") if k in asked}
    texts = [known.get(k) for k in ("schema", "table", "filter")]
    select = known.get("select")
    if any(not isinstance(text, str | None) for text in texts) or not isinstance(select, list | None):
        raise BindingRefused("schema, table and filter are texts; select is a list")
    # as on Supabase, what is asked alike has one id, so that followers share their frames
    number = zlib.crc32(json.dumps(known, sort_keys=True).encode()) & 0x7FFFFFFF or 1
    columns = frozenset(str(name) for name in select) if select else None
    fault = _fault(known)
    wanted = known.get("filter")
    return Binding(number, known, _filter(wanted) if wanted and not fault else None, columns, fault)


def _fault(known: dict[str, Any]) -> str | None:
    if known.get("schema", SCHEMA) not in {SCHEMA, "*"} or known.get("table", "*") not in {TABLE, "*", ""}:
        return f"Only {SCHEMA}.{TABLE} can be followed here"
    if known["event"] not in {"*", "INSERT"}:
        return f"Only INSERT on {SCHEMA}.{TABLE} can be followed here"
    wanted = known.get("filter")
    if wanted and not _FILTER.fullmatch(wanted):
        return "Filters here are column=eq.value, column=neq.value and column=in.(a,b)"
    return None


def _filter(wanted: str) -> Filter:
    found = _FILTER.fullmatch(wanted)
    assert found  # noqa: S101 - _fault saw that it matches
    value = found["value"]
    values = value.removeprefix("(").removesuffix(")").split(",") if found["operator"] == "in" else [value]
    return Filter(found["column"], frozenset(map(_normal, values)), is_negated=found["operator"] == "neq")


def _normal(value: str) -> str:
    """Booleans have several texts."""
    lowered = value.strip().lower()
    return "true" if lowered in _TRUE else "false" if lowered in _FALSE else value.strip()


def _text(value: object) -> str:
    return _normal(str(value))


def payload(
    record: dict[str, Any], columns: list[dict[str, str]], at: str, bindings: tuple[Binding, ...]
) -> dict[str, Any]:
    """The message for one inserted row, in Supabase's shape; `select` of the bindings narrows the row."""
    shown = None if any(b.select is None for b in bindings) else frozenset().union(*(b.select or () for b in bindings))
    return {
        "ids": [b.id for b in bindings],
        "data": {
            "schema": SCHEMA,
            "table": TABLE,
            "commit_timestamp": at,
            "type": "INSERT",
            "columns": [c for c in columns if shown is None or c["name"] in shown],
            "record": {k: v for k, v in record.items() if shown is None or k in shown},
            "errors": None,
        },
    }
