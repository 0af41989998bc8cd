"""What of a link is kept secret: the vendor's session, and the access to a bank, each sealed for its own row."""

import json
from uuid import UUID

from paya_app.core.crypto import seal, unseal
from paya_app.providers import plaid

KEY_VERSION = 1  # of the keys that `seal` derives; written beside what is sealed

_SESSION, _ACCESS = "bank link sessions", "bank access tokens"


def sealed_session(session: plaid.HostedLink, link_id: UUID) -> bytes:
    """The session's token and address."""
    return seal(json.dumps([session.token, session.url]).encode(), purpose=_SESSION, bound_to=link_id.bytes)


def opened_session(sealed: bytes, link_id: UUID) -> plaid.HostedLink:
    """The session that was sealed for this link. Raises `Unsealable` for any other."""
    return plaid.HostedLink(*json.loads(unseal(bytes(sealed), purpose=_SESSION, bound_to=link_id.bytes)))


def sealed_access(access_token: str, connection_id: UUID) -> bytes:
    """An access token."""
    return seal(access_token.encode(), purpose=_ACCESS, bound_to=connection_id.bytes)


def opened_access(sealed: bytes, connection_id: UUID) -> str:
    """The access token that was sealed for this connection. Raises `Unsealable` for any other."""
    return unseal(bytes(sealed), purpose=_ACCESS, bound_to=connection_id.bytes).decode()
