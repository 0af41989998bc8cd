"""Developers: their accounts, the keys of their programs, and what a key is admitted to."""

from paya_app.developers.accounts import my_account
from paya_app.developers.admission import Admission, Outcome, Rate, admit, run_once
from paya_app.developers.errors import DeveloperAccountMissing
from paya_app.developers.keys import (
    SCOPES,
    ApiKey,
    Mode,
    NewKey,
    Scope,
    create_key,
    keys,
    revoke_key,
    rotate_key,
)
from paya_app.developers.secrets import hash_of
from paya_app.developers.versions import CURRENT_VERSION, VERSIONS

__all__ = [
    "CURRENT_VERSION",
    "SCOPES",
    "VERSIONS",
    "Admission",
    "ApiKey",
    "DeveloperAccountMissing",
    "Mode",
    "NewKey",
    "Outcome",
    "Rate",
    "Scope",
    "admit",
    "create_key",
    "hash_of",
    "keys",
    "my_account",
    "revoke_key",
    "rotate_key",
    "run_once",
]
