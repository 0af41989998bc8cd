"""The passwords of the embedded server's login roles: random, made once, in one file that only we may read."""

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
from pathlib import Path

from paya_app.local.postgres.faults import PostgresFault

FILE_NAME = "database-passwords.json"
SUPERUSER = "supabase_admin"
LOGIN_ROLES = (
    SUPERUSER,
    "postgres",
    "authenticator",
    "supabase_auth_admin",
    "supabase_realtime_admin",
    "paya_vendors",
    "paya_app",
    "paya_worker",
)


def complete(home: Path) -> dict[str, str]:
    """The password of every login role, making those that are missing. Call it under the home's lock."""
    kept = _read(home)
    missing = [role for role in LOGIN_ROLES if role not in kept]
    if missing:
        kept |= {role: secrets.token_urlsafe(24) for role in missing}
        _write(home, kept)
    return kept


def password_of(home: Path, role: str) -> str:
    """The password of one login role.

    Raises:
        PostgresFault: the file is gone, or `role` is no login role of ours.
    """
    kept = _read(home)
    if role not in kept:
        raise PostgresFault(f"{home / FILE_NAME} holds no password for the database role {role}.")
    return kept[role]


def matches(password: str, verifier: str | None) -> bool:
    """Whether `verifier`, as the server stores it (SCRAM-SHA-256, RFC 5803), was made of `password`."""
    stored = re.fullmatch(r"SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):.+", verifier or "")
    if stored is None:
        return False
    rounds, salt, stored_key = int(stored[1]), base64.b64decode(stored[2]), base64.b64decode(stored[3])
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    return hmac.compare_digest(hashlib.sha256(client_key).digest(), stored_key)


def _read(home: Path) -> dict[str, str]:
    try:
        return json.loads((home / FILE_NAME).read_text())
    except FileNotFoundError:
        return {}


def _write(home: Path, kept: dict[str, str]) -> None:
    draft = home / f"{FILE_NAME}.new"
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(kept, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(home / FILE_NAME)
