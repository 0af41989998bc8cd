"""Who speaks: the claims of an API key or an access token, checked with the public keys of this server."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.algorithms import ECAlgorithm

ROLES = frozenset({"anon", "authenticated", "service_role"})
TOKEN_CHARACTERS_MAX = 8192


class TokenRefused(Exception):
    """The token is malformed, expired, or not ours; the message is the reason the client reads."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Verified claims, and the second (Unix time) when they end."""

    claims: dict[str, Any]
    expires_at_s: float

    @property
    def role(self) -> str:
        """The database role of the claims: one of ROLES."""
        return self.claims["role"]

    def has_expired(self) -> bool:
        """Whether the claims have ended."""
        return self.expires_at_s <= time.time()


class Verifier:
    """Checks ES256 tokens against public JWKs (dicts, as published in a JWKS)."""

    def __init__(self, jwks: Sequence[dict[str, Any]]) -> None:
        self._keys = [ECAlgorithm(ECAlgorithm.SHA256).from_jwk(_public(jwk)) for jwk in jwks]

    def identity(self, token: object) -> Identity:
        """The identity that `token` proves.

        Raises:
            TokenRefused: it proves none.
        """
        if not isinstance(token, str) or not 1 <= len(token) <= TOKEN_CHARACTERS_MAX:
            raise TokenRefused("MalformedJWT: The token provided is not a valid JWT")
        for key in self._keys:
            try:
                claims = jwt.decode(
                    token,
                    key,  # pyright: ignore[reportArgumentType] - a public key, by _public
                    algorithms=["ES256"],
                    options={"verify_aud": False, "require": ["exp", "role"]},
                )
            except jwt.InvalidSignatureError:
                continue
            except jwt.ExpiredSignatureError as error:
                raise TokenRefused("InvalidJWTToken: Token has expired") from error
            except jwt.MissingRequiredClaimError as error:
                raise TokenRefused("InvalidJWTToken: Fields `role` and `exp` are required in JWT") from error
            except (jwt.PyJWTError, ValueError, RecursionError) as error:
                raise TokenRefused("MalformedJWT: The token provided is not a valid JWT") from error
            if claims["role"] not in ROLES:
                raise TokenRefused("InvalidJWTToken: This role is unknown here")
            return Identity(claims, float(claims["exp"]))
        raise TokenRefused("JwtSignatureError: Failed to validate JWT signature")


def _public(jwk: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in jwk.items() if name != "d"}
