"""What works where no real bank is behind."""

from paya_app.banking.models import SandboxHint
from paya_app.core.config import settings


def sandbox_hint() -> SandboxHint | None:
    """Dwolla's test values (any account number of 4 to 17 digits works), or None where money is real."""
    the = settings()
    if the.dwolla_environment == "production" or the.paya_env == "production":
        return None
    return SandboxHint(routing="222222226", account="1234567890", amounts_cents=(3, 9))
