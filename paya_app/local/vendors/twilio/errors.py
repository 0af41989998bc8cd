"""Twilio's refusals, by its own numbers."""

from starlette.responses import JSONResponse


class TwilioRefusal(Exception):
    """A refusal as Twilio words it: HTTP status, error number, sentence."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def response(self) -> JSONResponse:
        """The answer on the wire."""
        return JSONResponse(
            {
                "code": self.code,
                "message": self.message,
                "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
                "status": self.status,
            },
            self.status,
            headers={"www-authenticate": 'Basic realm="Twilio API"'} if self.status == 401 else None,  # noqa: PLR2004
        )


def unauthenticated() -> TwilioRefusal:
    """Wrong account or token."""
    return TwilioRefusal(401, 20003, "Authenticate")


def not_found(path: str) -> TwilioRefusal:
    """No such resource."""
    return TwilioRefusal(404, 20404, f"The requested resource {path} was not found")
