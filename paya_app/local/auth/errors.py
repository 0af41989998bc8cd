"""Errors in the words and shapes of Supabase Auth."""

from starlette.requests import Request
from starlette.responses import JSONResponse

API_VERSION_HEADER = "x-supabase-api-version"
API_VERSION = "2024-01-01"


class AuthRefusal(Exception):
    """A refusal with Supabase's status, code and message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def wrong_code() -> AuthRefusal:
    """The one answer for wrong, used, expired, exhausted and never sent codes."""
    return AuthRefusal(403, "otp_expired", "Token has expired or is invalid")


def bad_token(reason: str) -> AuthRefusal:
    """A bearer token that is not ours, or no longer."""
    return AuthRefusal(403, "bad_jwt", f"invalid JWT: unable to parse or verify signature, {reason}")


def respond(request: Request, refusal: AuthRefusal) -> JSONResponse:
    """`refusal` in the shape of the API version that the client asked for."""
    headers = {"x-sb-error-code": refusal.code}
    if request.headers.get(API_VERSION_HEADER, "") >= API_VERSION:
        headers[API_VERSION_HEADER] = API_VERSION
        body = {"code": refusal.code, "message": refusal.message}
    else:
        body = {"code": refusal.status, "error_code": refusal.code, "msg": refusal.message}
    return JSONResponse(body, refusal.status, headers=headers)
