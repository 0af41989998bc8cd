"""Who acts: a visitor, a signed-in person, or the system itself."""

import json
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

Role = Literal["anon", "authenticated", "service_role"]


@dataclass(frozen=True, slots=True)
class Actor:
    """One caller, as the database will see it: a role and the verified claims of the session.

    `claims` were verified by whoever made the actor; nothing below checks a signature again.
    """

    role: Role
    user_id: UUID | None = None
    session_id: UUID | None = None
    claims: dict[str, Any] = field(default_factory=dict)
    # what each transaction raises when the session is over; None: whoever made the actor looked
    session_over: type[Exception] | None = None

    @classmethod
    def visitor(cls) -> "Actor":
        """Somebody who is not signed in."""
        return cls("anon", claims={"role": "anon"})

    @classmethod
    def user(cls, claims: dict[str, Any], *, session_over: type[Exception] | None = None) -> "Actor":
        """The person of these verified access-token claims (`sub` and `session_id` are UUID texts)."""
        session = claims.get("session_id")
        return cls(
            "authenticated",
            user_id=UUID(claims["sub"]),
            session_id=UUID(session) if session else None,
            claims={**claims, "role": "authenticated"},
            session_over=session_over,
        )

    @classmethod
    def service(cls) -> "Actor":
        """PaYa itself: jobs, vendors' webhooks, session keeping."""
        return cls("service_role", claims={"role": "service_role"})

    @property
    def claims_json(self) -> str:
        """The claims as the database reads them (`request.jwt.claims`), for calls that set them themselves."""
        if self.session_over is not None:
            message = "only db.transaction looks whether the session of a token is over"
            raise RuntimeError(message)
        return self.claims_to_look_at

    @property
    def claims_to_look_at(self) -> str:
        """The claims for `db.transaction`, which looks whether their session is over."""
        return json.dumps(self.claims, separators=(",", ":"), default=str)
