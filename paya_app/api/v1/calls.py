"""One call of a program: by which key, admitted to what, and done once."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from paya_app import developers
from paya_app.api.v1.asked import Asked
from paya_app.api.v1.idempotency import fingerprint_of, idempotency_key_of
from paya_app.api.v1.request_ids import request_id_of
from paya_app.core.errors import PayaError
from paya_app.developers import Admission
from paya_app.developers.request_errors import VersionUnknown

VERSION_HEADER = "paya-version"
_KEY = "paya.call"
_SCHEME = "bearer"


class Call:
    """A request with a key. What is learnt of it on the way goes into the headers of its answer."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.request_id = request_id_of(request.scope)
        # of the request that was refused first, for an answer that is the same each time
        self.told_id = self.request_id
        self.admission: Admission | None = None
        self.is_replayed = False
        self._secret_hash = b""
        self._version = ""

    def begin(self) -> None:
        """Read the key's form.

        Raises:
            ApiKeyMissing, ApiKeyMalformed: without asking the database.
        """
        scheme, _, secret = self.request.headers.get("authorization", "").partition(" ")
        self._secret_hash = developers.hash_of(secret.strip() if scheme.lower() == _SCHEME else None)

    async def admit(self, scope: str) -> Admission:
        """Whose key it is, when it has `scope`. Every call comes here or to `once`, and is counted.

        Raises:
            PayaError: the key is unknown, over, lacks the scope, or has asked too often; no such version.
        """
        self.admission, refusal = await developers.admit(self._secret_hash, scope)
        if refusal is not None:
            raise refusal
        assert self.admission is not None  # noqa: S101 - it is one or the other
        self._read_version()
        return self.admission

    async def once(
        self, scope: str, operation: str, read: Callable[[], Awaitable[tuple[Asked, dict[str, Any]]]]
    ) -> dict[str, Any]:
        """What `operation` made, or made before under this idempotency key.

        Args:
            scope: what the key must allow.
            operation: a name that `charges.execute` knows.
            read: reads the body, and makes of it what the operation needs.

        Raises:
            PayaError: as in `admit`; then what is wrong with the request; then why the operation refused.
        """
        try:
            self._read_version()
            key = idempotency_key_of(self.request)
            body, wanted = await read()
        except PayaError:
            # whoever has no good key is told that, and nothing about the rest
            await self.admit(scope)
            raise
        outcome = await developers.run_once(
            self._secret_hash,
            scope,
            key=key,
            fingerprint=fingerprint_of(self.request, body, self._version),
            operation=operation,
            request=wanted,
            request_id=self.request_id,
        )
        self.admission, self.is_replayed = outcome.admission, outcome.is_replayed
        if outcome.refusal is not None:
            self.told_id = outcome.request_id or self.request_id
            raise outcome.refusal
        assert outcome.object is not None  # noqa: S101 - it is one or the other
        return outcome.object

    def finish(self, response: Response) -> Response:
        """Say with the answer what was learnt on the way."""
        headers = response.headers
        headers["cache-control"] = "private, no-store"
        if self.is_replayed:
            headers["idempotent-replayed"] = "true"
        if self.admission is not None:
            headers[VERSION_HEADER] = self._version or self.admission.version.isoformat()
            if rate := self.admission.rate:
                headers["ratelimit-policy"] = f'"key";q={rate.quota};w=60'
                headers["ratelimit"] = f'"key";r={rate.left};t={rate.resets_s}'
        return response

    def _read_version(self) -> None:
        known = [version.isoformat() for version in developers.VERSIONS]
        named = self.request.headers.getlist(VERSION_HEADER)
        if len(named) > 1 or (named and named[0] not in known):
            raise VersionUnknown(param="PaYa-Version", known=", ".join(known))
        self._version = named[0] if named else ""


def call_of(request: Request) -> Call:
    """The call that this request is; the same one each time."""
    if _KEY not in request.scope:
        request.scope[_KEY] = Call(request)
    return request.scope[_KEY]
