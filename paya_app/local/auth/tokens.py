"""Access tokens: signed with one ES256 key, and refused unless everything about them is right."""

from datetime import datetime
from typing import Any

import jwt

from paya_app.local.auth.config import ACCESS_TTL
from paya_app.local.auth.errors import bad_token

ALGORITHM = "ES256"
AUDIENCE = "authenticated"
_PRIVATE_MEMBERS = {"d", "key_ops"}


class Signer:
    """Signs and verifies with one private JWK."""

    def __init__(self, jwt_key: dict[str, Any], issuer: str) -> None:
        self._key = jwt.PyJWK(jwt_key, ALGORITHM)
        self._kid = jwt_key["kid"]
        self._issuer = issuer
        public = {name: value for name, value in jwt_key.items() if name not in _PRIVATE_MEMBERS}
        self._public_key = jwt.PyJWK(public, ALGORITHM)
        self.jwks = {"keys": [{**public, "key_ops": ["verify"]}]}

    def access_token(self, user: dict[str, Any], session: dict[str, Any], at: datetime) -> tuple[str, int]:
        """A token for this session and the second (Unix time) at which it expires."""
        issued = int(at.timestamp())
        expires = issued + int(ACCESS_TTL.total_seconds())
        claims = {
            "iss": self._issuer,
            "sub": str(user["id"]),
            "aud": AUDIENCE,
            "exp": expires,
            "iat": issued,
            "email": user["email"] or "",
            "phone": user["phone"] or "",
            "app_metadata": user["raw_app_meta_data"] or {},
            "user_metadata": user["raw_user_meta_data"] or {},
            "role": "authenticated",
            "aal": "aal1",
            "amr": [{"method": "otp", "timestamp": int(session["created_at"].timestamp())}],
            "session_id": str(session["id"]),
            "is_anonymous": False,
        }
        return jwt.encode(claims, self._key.key, ALGORITHM, headers={"kid": self._kid}), expires

    def user_claims(self, token: str, at: datetime) -> dict[str, Any]:
        """The claims of a person's access token.

        Raises:
            AuthRefusal: not signed by our key, for somebody else, expired, or made for realtime alone.
        """
        claims = self._verified(token, audience=AUDIENCE, required=["exp", "iat", "sub", "session_id"])
        if claims["exp"] <= at.timestamp():
            raise bad_token("token has invalid claims: token is expired")
        if claims.get("role") != "authenticated" or claims.get("scope"):
            raise bad_token("token has invalid claims")
        return claims

    def role(self, token: str) -> str:
        """The role of an API key.

        Raises:
            AuthRefusal: not signed by our key.
        """
        return str(self._verified(token, audience=None, required=["exp"]).get("role", ""))

    def _verified(self, token: str, *, audience: str | None, required: list[str]) -> dict[str, Any]:
        try:
            if jwt.get_unverified_header(token).get("kid") != self._kid:
                raise bad_token("unrecognized JWT kid")
            return jwt.decode(
                token,
                self._public_key.key,
                algorithms=[ALGORITHM],
                audience=audience,
                options={
                    "require": required,
                    "verify_aud": audience is not None,
                    "verify_exp": audience is None,
                },
            )
        except jwt.PyJWTError as error:
            raise bad_token(str(error)) from None
