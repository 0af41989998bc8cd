"""Refusals of keys and of what programs ask with them: what happened, and what to do next."""

from typing import Any

from paya_app.core.errors import PayaError, again

UNDONE = "Nothing was changed."


class DeveloperAccountMissing(PayaError):
    """Whoever is signed in has made no key yet, and so has no account that charges and endpoints could belong to."""

    code = "developer_account_missing"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do first."""
        return f"You have no API key yet, and everything here belongs to one's keys. Make one first. {UNDONE}"


class ApiKeyMissing(PayaError):
    """The request carries no key."""

    code = "api_key_missing"
    status = 401

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says where it goes."""
        return f"There is no key: send yours as `Authorization: Bearer paya_test_…`. {UNDONE}"


class ApiKeyMalformed(PayaError):
    """What was sent is no key of ours, or was changed on the way: its checksum is wrong."""

    code = "api_key_malformed"
    status = 401

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to look at."""
        return f"This is not a whole key: a character is missing or wrong. Copy all of it. {UNDONE}"


class ApiKeyUnknown(PayaError):
    """The key is well formed, and there is none like it here."""

    code = "api_key_unknown"
    status = 401

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to look at."""
        return f"There is no such key here. Is it one of another PaYa? {UNDONE}"


class ApiKeyRevoked(PayaError):
    """The key was revoked."""

    code = "api_key_revoked"
    status = 401

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return f"This key was revoked. Use another, or make one under Settings, API keys. {UNDONE}"


class ApiKeyExpired(PayaError):
    """Another key took this one's place more than 24 hours ago."""

    code = "api_key_expired"
    status = 401

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return f"Another key took this one's place, and the 24 hours for both are over. Use the new one. {UNDONE}"


class ScopeMissing(PayaError):
    """The key may not do this."""

    code = "scope_missing"
    status = 403

    def sentence(self, facts: dict[str, Any]) -> str:
        """Names the scope."""
        return f"This key lacks the scope {facts.get('scope', 'for this')}. Use or make a key that has it. {UNDONE}"


class RateLimited(PayaError):
    """The key has asked as often in this minute as it may."""

    code = "rate_limited"
    status = 429

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says how many, and when to go on."""
        return f"This key may ask {facts.get('max', 100)} times a minute. {UNDONE}{again('Ask again', facts)}"


class LiveUnavailable(PayaError):
    """There is no provider that moves real money for programs yet."""

    code = "live_unavailable"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what there is instead."""
        return "Live keys cannot be made yet: no card provider is connected. No key was made. Make a test key."


class ApiKeysLimit(PayaError):
    """The account has as many keys as it may."""

    code = "api_keys_limit"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says how many, and what to do."""
        return f"You have {facts.get('max', 20)} keys, which is the most. No key was made. Revoke one first."


class ApiKeyNameInvalid(PayaError):
    """What the key is to be called is empty, too long, or holds what nobody sees."""

    code = "api_key_name_invalid"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says the rule."""
        return "Name this key in 1 to 40 characters. No key was made."


class ScopesInvalid(PayaError):
    """No scope was chosen, or one that there is none of."""

    code = "scopes_invalid"
    status = 422

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to choose."""
        return "Choose what this key may do: at least one thing. No key was made."


class ApiKeyReused(PayaError):
    """The id of a key was used for another one."""

    code = "api_key_reused"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says what to do."""
        return "This page has already made another key, which stands. No other was made. Open the page again."


class ApiKeyOver(PayaError):
    """The key has ended, or another has taken its place."""

    code = "api_key_over"
    status = 409

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says so."""
        return "This key has ended, or another has taken its place already. No key was made."
