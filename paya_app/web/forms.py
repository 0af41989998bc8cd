"""What a page sends, read strictly: an event's arguments come from anyone."""

from typing import Annotated, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError

from paya_app.core.errors import RequestInvalid

M = TypeVar("M", bound=BaseModel)

TEXT_CHARACTERS_MAX = 2000
Text = Annotated[str, StringConstraints(max_length=TEXT_CHARACTERS_MAX)]

_TEXT = TypeAdapter(Text)
_ID = TypeAdapter(UUID)
_FLAG = TypeAdapter(bool)


class Form(BaseModel):
    """Base of what pages send: texts of bounded length; unknown fields are left out."""

    model_config = ConfigDict(extra="ignore", strict=True)


def read(form: type[M], value: object) -> M:
    """`value` as this form.

    Raises:
        RequestInvalid: it is not of that shape.
    """
    try:
        return form.model_validate(value)
    except (ValidationError, RecursionError):
        raise RequestInvalid from None


def read_text(value: object) -> str:
    """A text of at most 2,000 characters, without NUL.

    Raises:
        RequestInvalid: it is not one.
    """
    try:
        return _TEXT.validate_python(value, strict=True).replace("\x00", "")
    except ValidationError:
        raise RequestInvalid from None


def read_flag(value: object) -> bool:
    """True or false.

    Raises:
        RequestInvalid: neither.
    """
    try:
        return _FLAG.validate_python(value, strict=True)
    except ValidationError:
        raise RequestInvalid from None


def read_id(value: object) -> UUID | None:
    """An id, or None when the text is none."""
    try:
        return _ID.validate_python(value) if isinstance(value, str) else None
    except ValidationError:
        return None
