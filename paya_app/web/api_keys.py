"""What the page of keys shows and reads: rows of keys, and a new one's name and scopes."""

from dataclasses import dataclass

from paya_app.developers import SCOPES, ApiKey, Scope
from paya_app.web.forms import Form, Text

SCOPE_WORDS: dict[Scope, str] = {
    "payments:read": "See charges",
    "payments:write": "Make charges, capture, refund",
    "webhooks:read": "See webhooks",
    "webhooks:write": "Set up webhooks",
    "sim:write": "Simulate: turn the clock, open disputes",
}
# what most programs need first
OFFERED: tuple[Scope, ...] = ("payments:read", "payments:write")


@dataclass
class ApiKeyRow:
    """A key as the page shows it; times are ISO 8601, empty when there is none."""

    id: str
    name: str
    ending: str
    scopes: str
    state: str
    version: str
    made_at: str
    used_at: str
    expires_at: str


class NewKeyForm(Form):
    """A new key as its form sends it: the page's id for it, its name, and a field for each scope that is ticked."""

    draft: Text = ""
    name: Text = ""
    payments_read: Text = ""
    payments_write: Text = ""
    webhooks_read: Text = ""
    webhooks_write: Text = ""
    sim_write: Text = ""

    @property
    def scopes(self) -> list[Scope]:
        """Those that are ticked."""
        return [scope for scope in SCOPES if getattr(self, field_of(scope))]


def field_of(scope: Scope) -> str:
    """The name of a scope's field."""
    return scope.replace(":", "_")


def key_row(key: ApiKey) -> ApiKeyRow:
    """One row."""
    return ApiKeyRow(
        id=str(key.id),
        name=key.name,
        ending=f"paya_{key.mode}_…{key.last4}",
        scopes=", ".join(key.scopes),
        state=key.state,
        version=key.paya_version.isoformat(),
        made_at=key.created_at.isoformat(),
        used_at=key.last_used_at.isoformat() if key.last_used_at else "",
        expires_at=key.expires_at.isoformat() if key.expires_at else "",
    )
