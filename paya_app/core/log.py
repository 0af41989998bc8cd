"""Logs: one JSON object a line on stderr, without what could name a person.

Phone numbers and one-time codes are struck out of every text, whoever wrote it.
"""

import logging
import re
import sys
from typing import Any

import structlog

# +12125550123 and 2125550123; 212-555-0123, (212) 555-0123 and the like, with or without the country's 1.
# What stands inside a longer word, number or UUID is none.
_PHONE = re.compile(
    r"(?<![\w.-])\+?1?[2-9]\d{9}(?![\w-])"
    r"|\+\d{8,15}"
    r"|(?<![\w.-])(?:\+?1[ .-]?)?(?:\([2-9]\d{2}\)[ .-]?|[2-9]\d{2}[ .-])[2-9]\d{2}[ .-]?\d{4}(?![\w-]|[.,]\d)"
)
# Six digits that a sentence or a field calls a code; vendors' error codes have five.
_CODE = re.compile(
    r"(?P<called>(?<![a-z])(?:code|passcode|otp)[\"']?(?:\s+is)?\s*[:=]?\s*[\"']?)\d{3}[ -]?\d{3}(?![\w-])"
    r"|(?<![\w.-])\d{3}[ -]?\d{3}(?=\s+is\s+your\b)",
    re.IGNORECASE,
)
_SECRET_KEYS = frozenset(
    {"phone", "code", "token", "secret", "password", "authorization", "cookie", "account", "routing"}
)


def strike_out(_: object, __: str, event: dict[str, Any]) -> dict[str, Any]:
    """A structlog processor: phone numbers become `…`, and values under telling keys go."""
    return {key: "…" if key in _SECRET_KEYS else _struck(value) for key, value in event.items()}


def _struck(value: Any) -> Any:
    if isinstance(value, str):
        return _CODE.sub(lambda found: f"{found['called'] or ''}…", _PHONE.sub("…", value))
    if isinstance(value, dict):
        return strike_out(None, "", {str(key): inner for key, inner in value.items()})
    if isinstance(value, list | tuple):
        return [_struck(inner) for inner in value]
    return value


def configure(program: str) -> None:
    """Send this process's logs, and those of the libraries in it, to stderr as JSON lines."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        strike_out,
    ]
    render = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    structlog.contextvars.bind_contextvars(program=program)
