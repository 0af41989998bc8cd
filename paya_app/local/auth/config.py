"""What the stand-in for Supabase Auth needs to know."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from paya_app.core.clock import now
from paya_app.core.config import settings
from paya_app.core.crypto import derived_key

CODE_DIGITS = 6
CODE_TTL = timedelta(minutes=10)
CODE_TRIES_MAX = 5
SEND_INTERVAL = timedelta(seconds=5)  # the Supabase CLI's default for auth.sms.max_frequency
SENDS_PER_HOUR_MAX = 30
ACCESS_TTL = timedelta(minutes=15)
REFRESH_TTL = timedelta(days=7)
REUSE_INTERVAL = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class AuthConfig:
    """Addresses, keys and the clock. `jwt_key` is the private ES256 JWK that signs access tokens."""

    database_url: str
    issuer: str
    jwt_key: dict[str, Any]
    anon_key: str
    service_role_key: str
    hook_url: str
    hook_secret: str
    code_key: bytes
    refresh_key: bytes
    clock: Callable[[], datetime] = now

    @classmethod
    def from_settings(cls) -> "AuthConfig":
        """As the embedded supervisor set this process up."""
        chosen = settings()
        return cls(
            database_url=chosen.paya_local_auth_database_url,
            issuer=f"{chosen.auth_url}/auth/v1",
            jwt_key=json.loads(chosen.supabase_jwt_key.get_secret_value()),
            anon_key=chosen.supabase_anon_key,
            service_role_key=chosen.supabase_service_role_key.get_secret_value(),
            hook_url=f"{chosen.public_url}/hooks/send-sms",
            hook_secret=chosen.send_sms_hook_secret.get_secret_value(),
            code_key=derived_key("local auth: one-time codes"),
            refresh_key=derived_key("local auth: refresh tokens"),
        )
