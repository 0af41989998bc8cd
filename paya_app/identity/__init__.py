"""People: phones, handles, sessions."""

from paya_app.identity.acting import actor_for_secret, actor_for_session, ended_among
from paya_app.identity.people import Person, claim_handle, find, me, normalize_handle, person
from paya_app.identity.phones import normalize_phone
from paya_app.identity.privacy import ReceivedAudience, choose_received_audience, received_audience
from paya_app.identity.sessions import Session, end_other_sessions, end_session, sessions, sign_out
from paya_app.identity.sign_in import SignedIn, finish_sign_in, start_sign_in

__all__ = [
    "Person",
    "ReceivedAudience",
    "Session",
    "SignedIn",
    "actor_for_secret",
    "actor_for_session",
    "choose_received_audience",
    "claim_handle",
    "end_other_sessions",
    "end_session",
    "ended_among",
    "find",
    "finish_sign_in",
    "me",
    "normalize_handle",
    "normalize_phone",
    "person",
    "received_audience",
    "sessions",
    "sign_out",
    "start_sign_in",
]
