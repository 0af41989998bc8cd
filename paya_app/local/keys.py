"""The secrets of an embedded PaYa: made once, kept in one private file.

On hosted the same names hold what Supabase, Twilio, Dwolla, Plaid and Kraken gave us, or we made ourselves; here we
give them to ourselves, so that every exchange between the parts is signed and checked exactly as there.
"""

import base64
import json
import os
import secrets
import uuid
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

FILE_NAME = "keys.json"
TWILIO_TEST_FROM = "+15005550006"  # the one number from which Twilio's test credentials can send
_MADE_AT = 1_767_225_600  # 2026-01-01: the keys of an embedded server are younger
_EXPIRE_AT = 4_102_444_800  # 2100-01-01


class KeysUnreadable(Exception):
    """The key file is damaged; the message says what to do."""


@dataclass(frozen=True, slots=True)
class LocalKeys:
    """Every secret of an embedded server. `jwt_key` is the private ES256 JWK (RFC 7517)."""

    path: Path
    jwt_key: dict[str, Any]
    anon_key: str
    service_role_key: str
    send_sms_hook_secret: str
    app_secret: str
    twilio_account_sid: str
    twilio_auth_token: str
    twilio_from: str
    dwolla_key: str
    dwolla_secret: str
    dwolla_webhook_secret: str
    dwolla_reserve_source: str
    plaid_client_id: str
    plaid_secret: str
    kraken_key: str
    kraken_secret: str
    vapid_private_key: str

    def as_environment(self) -> dict[str, str]:
        """The environment variables that the processes of an embedded server read."""
        return {
            "PAYA_SECRET": self.app_secret,
            "SUPABASE_JWT_KEY": json.dumps(self.jwt_key),
            "SUPABASE_ANON_KEY": self.anon_key,
            "SUPABASE_SERVICE_ROLE_KEY": self.service_role_key,
            "SEND_SMS_HOOK_SECRET": self.send_sms_hook_secret,
            "TWILIO_ACCOUNT_SID": self.twilio_account_sid,
            "TWILIO_AUTH_TOKEN": self.twilio_auth_token,
            "TWILIO_FROM": self.twilio_from,
            "DWOLLA_KEY": self.dwolla_key,
            "DWOLLA_SECRET": self.dwolla_secret,
            "DWOLLA_WEBHOOK_SECRET": self.dwolla_webhook_secret,
            "DWOLLA_RESERVE_SOURCE": self.dwolla_reserve_source,
            "PLAID_CLIENT_ID": self.plaid_client_id,
            "PLAID_SECRET": self.plaid_secret,
            "KRAKEN_KEY": self.kraken_key,
            "KRAKEN_SECRET": self.kraken_secret,
            "VAPID_PRIVATE_KEY": self.vapid_private_key,
        }


def new_jwt_key() -> dict[str, Any]:
    """A fresh private ES256 JWK with a `kid`."""
    private = ec.generate_private_key(ec.SECP256R1())
    jwk = ECAlgorithm.to_jwk(private, as_dict=True)
    return {**jwk, "kid": str(uuid.uuid4()), "alg": "ES256", "use": "sig", "key_ops": ["sign", "verify"]}


def new_vapid_key() -> str:
    """A fresh private P-256 key as VAPID's is written: 32 bytes in base64url."""
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return base64.urlsafe_b64encode(number.to_bytes(32)).decode().rstrip("=")


def api_key(role: str, jwt_key: dict[str, Any]) -> str:
    """The API key of `role` (anon or service_role): a JWT, as Supabase's are."""
    return jwt.encode(
        {"iss": "supabase", "ref": "paya", "role": role, "iat": _MADE_AT, "exp": _EXPIRE_AT},
        jwt.PyJWK(jwt_key).key,
        algorithm="ES256",
        headers={"kid": jwt_key["kid"]},
    )


def load_keys(home: Path) -> LocalKeys:
    """The keys of the server that lives in `home`, made on the first call (file mode 0600).

    Two processes that start at once end with the same keys.

    Raises:
        KeysUnreadable: the file is damaged or lacks a key.
    """
    path = home / FILE_NAME
    if not path.exists():
        _write_once(path, _fresh())
    try:
        path.chmod(0o600)
        kept = json.loads(path.read_text(encoding="utf-8"))
        names = [field.name for field in fields(LocalKeys) if field.name != "path"]
        keys = LocalKeys(path=path.absolute(), **{name: kept[name] for name in names})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KeysUnreadable(
            f"The keys in {path} cannot be read ({error!r}). Move the file away to make new ones: "
            "everyone is then signed out, money is untouched."
        ) from error
    if not isinstance(keys.jwt_key, dict) or "d" not in keys.jwt_key:
        raise KeysUnreadable(f"The keys in {path} hold no signing key. Move the file away to make new ones.")
    return keys


def _fresh() -> dict[str, Any]:
    jwt_key = new_jwt_key()
    made = LocalKeys(
        path=Path(),
        jwt_key=jwt_key,
        anon_key=api_key("anon", jwt_key),
        service_role_key=api_key("service_role", jwt_key),
        send_sms_hook_secret="v1,whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(),
        app_secret=secrets.token_urlsafe(48),
        twilio_account_sid="AC" + secrets.token_hex(16),
        twilio_auth_token=secrets.token_hex(16),
        twilio_from=TWILIO_TEST_FROM,
        dwolla_key=secrets.token_urlsafe(37),
        dwolla_secret=secrets.token_urlsafe(37),
        dwolla_webhook_secret=secrets.token_hex(20),
        dwolla_reserve_source=str(uuid.uuid4()),
        plaid_client_id=secrets.token_hex(12),
        plaid_secret=secrets.token_hex(15),
        kraken_key=base64.b64encode(secrets.token_bytes(42)).decode(),
        kraken_secret=base64.b64encode(secrets.token_bytes(64)).decode(),
        vapid_private_key=new_vapid_key(),
    )
    kept = asdict(made)
    del kept["path"]
    return kept


def _write_once(path: Path, kept: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(kept, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # whole or not at all, and the first one wins
        except FileExistsError:
            return
    finally:
        draft.unlink(missing_ok=True)
