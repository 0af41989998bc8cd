"""Refusals of requests of programs before anything was done: their body, their idempotency key, their version."""

from typing import Any

from paya_app.core.errors import PayaError
from paya_app.developers.errors import UNDONE


class ContentTypeUnsupported(PayaError):
    """The body is not announced as JSON."""

    code = "content_type_unsupported"
    status = 415

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to send."""
        return f"Send the body as JSON, with `Content-Type: application/json`. {UNDONE}"


class BodyMalformed(PayaError):
    """The body is not JSON, or nested too deeply."""

    code = "body_malformed"
    status = 400

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what is wrong."""
        return f"The body cannot be read: {facts.get('why', 'it is not JSON')}. {UNDONE}"


class ParameterInvalid(PayaError):
    """A field has a value that it cannot have. `param` is its path."""

    code = "parameter_invalid"
    status = 400

    def sentence(self, facts: dict[str, Any]) -> str:
        """Names the field."""
        return f"{facts.get('param') or 'The request'}: {facts.get('why', 'this value is not possible')}. {UNDONE}"


class ParameterMissing(ParameterInvalid):
    """A field that is needed is not there. `param` is its path."""

    code = "parameter_missing"


class ParameterUnknown(ParameterInvalid):
    """There is no such field. `param` is its path."""

    code = "parameter_unknown"


class VersionUnknown(PayaError):
    """`PaYa-Version` names a version that there is none of."""

    code = "version_unknown"
    status = 400

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says which there are."""
        return f"PaYa-Version: there is no such version. There are: {facts.get('known', '')}. {UNDONE}"


class IdempotencyKeyMissing(PayaError):
    """A request that changes something has no `Idempotency-Key`."""

    code = "idempotency_key_missing"
    status = 400

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to send."""
        return f"Send an `Idempotency-Key`: any text of yours that is new for each operation. {UNDONE}"


class IdempotencyKeyMalformed(PayaError):
    """`Idempotency-Key` is empty, too long, sent twice, or holds other than visible ASCII."""

    code = "idempotency_key_malformed"
    status = 400

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says the form."""
        return f"Idempotency-Key: send it once, 1 to 255 visible ASCII characters. {UNDONE}"


class IdempotencyKeyReused(PayaError):
    """The key stands for another request. `resource_id` is what that one made, if anything."""

    code = "idempotency_key_reused"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return (
            f"This Idempotency-Key was used for another request, which stands. {UNDONE} Take a new key for a new one."
        )


class IdempotencyInFlight(PayaError):
    """A request with the same key is being worked on at this moment."""

    code = "idempotency_in_flight"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says that it happens once."""
        return "A request with this Idempotency-Key is being worked on. Ask again in a second: it happens once."
