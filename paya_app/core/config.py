"""Settings from the environment: the only place where the mode of running is read.

Embedded mode (the default of `paya run`) and hosted mode differ in addresses and keys alone, so the rest
of the code asks for an address or a key and never for the mode. `embedded` exists for the launcher, and for
the one rule that fictitious phone numbers are real there.
"""

from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

SECRETS_NEEDED_HOSTED = (
    "database_url",
    "paya_worker_database_url",
    "paya_secret",
    "supabase_url",
    "supabase_anon_key",
    "supabase_service_role_key",
    "supabase_jwt_key",
    "send_sms_hook_secret",
    "twilio_account_sid",
    "twilio_auth_token",
    "twilio_from",
    "dwolla_key",
    "dwolla_secret",
    "dwolla_webhook_secret",
    "dwolla_reserve_source",
    "plaid_client_id",
    "plaid_secret",
    "kraken_key",
    "kraken_secret",
    "smtp_url",
    "mail_from",
    "vapid_private_key",
)


class SettingsMissing(Exception):
    """Hosted mode lacks a setting; the message names each."""


class Settings(BaseSettings):
    """Every setting, by the name of its environment variable in lower case."""

    model_config = SettingsConfigDict(extra="ignore", env_file=None)

    paya_mode: Literal["embedded", "hosted"] = "hosted"
    paya_env: Literal["development", "test", "production"] = "development"
    paya_home: Path = Path(".paya")
    paya_host: str = "127.0.0.1"
    port: int = Field(default=8700, ge=0, le=65535)
    paya_public_url: str = ""
    paya_secret: SecretStr = SecretStr("")
    paya_demo: bool = True
    paya_send_batching: bool = True
    # many plans that are due together share one order at the exchange
    paya_buys_aggregated: bool = True
    paya_proxy_hops: int = Field(default=0, ge=0, le=10)
    paya_ach_hold_days: int = Field(default=0, ge=0, le=60)
    # how long a vendor that is down is left alone before it is probed
    paya_breaker_s: float = Field(default=30, gt=0, le=3600)
    paya_ach_seconds: float | None = Field(default=None, ge=0, le=86400)

    database_url: str = ""
    database_direct_url: str = ""
    paya_worker_database_url: str = ""

    supabase_url: str = ""
    supabase_anon_key: str = ""
    supabase_service_role_key: SecretStr = SecretStr("")
    supabase_jwt_key: SecretStr = SecretStr("")
    send_sms_hook_secret: SecretStr = SecretStr("")

    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr = SecretStr("")
    twilio_from: str = ""
    twilio_base_url: str = ""

    # takes over when Twilio cannot be had; no region, nothing takes over
    sns_region: str = ""
    sns_access_key_id: str = ""
    sns_secret_access_key: SecretStr = SecretStr("")
    sns_base_url: str = ""

    dwolla_key: str = ""
    dwolla_secret: SecretStr = SecretStr("")
    dwolla_base_url: str = ""
    dwolla_environment: Literal["sandbox", "production"] = "sandbox"
    dwolla_webhook_secret: SecretStr = SecretStr("")
    dwolla_reserve_source: str = ""

    plaid_client_id: str = ""
    plaid_secret: SecretStr = SecretStr("")
    plaid_environment: Literal["sandbox", "production"] = "sandbox"
    plaid_base_url: str = ""

    kraken_key: str = ""
    kraken_secret: SecretStr = SecretStr("")
    kraken_base_url: str = ""

    # smtps://user:password@host:465, or smtp://… where TLS is insisted on but at this machine itself
    smtp_url: str = ""
    mail_from: str = ""
    # a P-256 key, 32 bytes in base64url; browsers learn its public half
    vapid_private_key: SecretStr = SecretStr("")
    # more push services than those of browsers, like http://127.0.0.1:9000, with spaces between
    push_origins: str = ""
    # sites whose pages may call the API with a key, like https://shop.example, with spaces between; none by default
    paya_api_origins: str = ""

    paya_local_auth_database_url: str = ""
    paya_local_realtime_database_url: str = ""
    paya_local_vendors_database_url: str = ""
    # set by the supervisor for the programs that it starts
    paya_local_bundle: str = ""
    paya_local_heartbeat: str = ""

    paya_local_twilio_port: int = Field(default=0, ge=0, le=65535)
    paya_local_dwolla_port: int = Field(default=0, ge=0, le=65535)
    paya_local_plaid_port: int = Field(default=0, ge=0, le=65535)
    paya_local_kraken_port: int = Field(default=0, ge=0, le=65535)
    paya_local_smtp_port: int = Field(default=0, ge=0, le=65535)

    @property
    def embedded(self) -> bool:
        """Whether this process was started by the embedded supervisor."""
        return self.paya_mode == "embedded"

    @property
    def runs_demo(self) -> bool:
        """Whether demo people live here: embedded, in development, and not turned off."""
        return self.embedded and self.paya_demo and self.paya_env == "development"

    @property
    def ach_s(self) -> float:
        """Seconds that a bank transfer takes on the stand-in's clock; 0 where no such clock runs."""
        return self.paya_ach_seconds if self.paya_ach_seconds is not None else 4.0 * self.embedded

    @property
    def public_url(self) -> str:
        """The one origin that people and vendors reach us at, without a trailing slash."""
        return (self.paya_public_url or f"http://localhost:{self.port}").rstrip("/")

    @property
    def auth_url(self) -> str:
        """Where Supabase (or its stand-in) answers."""
        return (self.supabase_url or self.public_url).rstrip("/")

    def require_hosted(self) -> None:
        """Refuse to go on when a hosted process lacks a setting.

        Raises:
            SettingsMissing: names every missing variable.
        """
        missing = [name.upper() for name in SECRETS_NEEDED_HOSTED if not _text(getattr(self, name))]
        if missing:
            raise SettingsMissing(
                "This is hosted mode, as all but `paya run` without DATABASE_URL is. These settings are missing: "
                + ", ".join(missing)
                + ". Set them, or use `paya run` without DATABASE_URL for the embedded default."
            )


def _text(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read once.

    Raises:
        SettingsMissing: a variable is malformed; the message names it.
    """
    try:
        return Settings()
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        raise SettingsMissing(f"These settings cannot be read: {faults}.") from None
