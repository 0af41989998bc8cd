"""Every code that routes with a key refuse with, for `/v1/docs`: `doc_url` of a problem leads there."""

import inspect

from paya_app.charges import errors as charge_errors
from paya_app.core.bodies import BodyTooLarge
from paya_app.core.errors import KeyReused, NotFound, PayaError, ServiceUnavailable
from paya_app.developers import errors as key_errors
from paya_app.developers import request_errors
from paya_app.webhooks import errors as webhook_errors

MODULES = (key_errors, request_errors, charge_errors, webhook_errors)
OTHERS = (BodyTooLarge, KeyReused, NotFound, ServiceUnavailable)
INTERNAL = (PayaError.code, PayaError.status, "Something went wrong on our side; nothing was kept of the request.")


def refusals() -> list[tuple[str, int, str]]:
    """Code, HTTP status and meaning of each, by code."""
    names = {module.__name__ for module in MODULES}
    theirs = [kind for kind in PayaError.by_code.values() if kind.__module__ in names and kind.status < INTERNAL[1]]
    told = [(kind.code, kind.status, inspect.cleandoc(kind.__doc__ or "")) for kind in (*theirs, *OTHERS)]
    return sorted([*told, INTERNAL])
