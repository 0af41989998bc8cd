"""Phone numbers: US numbers that can get a text message, written E.164."""

import re
from typing import Any

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType

from paya_app.core.config import settings
from paya_app.core.errors import PhoneInvalid

CHARACTERS_MAX = 32

# What people type or paste between the digits; contacts copied from a phone come wrapped in U+202A and U+202C.
_WRITTEN = re.compile(r"[\s\u202a(]*\+?[0-9().\-\s\u2010-\u2013\u202a\u202c]*")
_EXTENSION = re.compile(r"(?i)[0-9]\s*(ext|x|#|;|,)")
_FICTITIOUS = re.compile(r"\+1[0-9]{3}55501[0-9]{2}")  # 555-0100 to 555-0199, set aside for stories
_OF_DEMO = re.compile(r"\+121255501[0-2][0-9]")  # the thirty of the demo cast
_CAN_BE_TEXTED = {
    PhoneNumberType.FIXED_LINE,
    PhoneNumberType.MOBILE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE,
}


class PhoneMissing(PhoneInvalid):
    """Nothing was written."""

    code = "phone_missing"

    def sentence(self, facts: dict[str, Any]) -> str:
        """Asks for it."""
        return "Write your phone number, like (202) 555-0123."


class PhoneHasExtension(PhoneInvalid):
    """A number behind a switchboard gets no texts."""

    code = "phone_has_extension"

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says so."""
        return "Numbers with an extension cannot get texts. Write a mobile number, like (202) 555-0123."


class PhoneForeign(PhoneInvalid):
    """A number of another country."""

    code = "phone_foreign"

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says where PaYa works."""
        return "PaYa works with US phone numbers only, for now. Write one like (202) 555-0123."


class PhoneCannotText(PhoneInvalid):
    """A toll-free, premium or other number that texts do not reach."""

    code = "phone_cannot_text"

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says so."""
        return "That number cannot get texts. Write a mobile number, like (202) 555-0123."


class PhoneFictitious(PhoneInvalid):
    """555-01xx, outside of an embedded server."""

    code = "phone_fictitious"

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says so."""
        return "Numbers with 555-01 belong to stories, not to people. Write your own, area code first."


class PhoneOfDemo(PhoneInvalid):
    """The number of a demo person, where the demo runs: a code would sign in as that person."""

    code = "phone_of_demo"

    def sentence(self, facts: dict[str, Any]) -> str:
        """Says whose it is and what to write."""
        return "That number belongs to a demo person here. Write another one, like (202) 555-0123."


def normalize_phone(text: object) -> str:
    """The E.164 form (`+12025550123`) of a US number that can get texts, from what a person wrote.

    Digits of other scripts are refused rather than read: what we show back must be what was typed.
    555-01xx numbers exist in embedded mode alone, where the stand-in phone gets their texts.

    Raises:
        PhoneInvalid: or one of its kinds, which says what is wrong.
    """
    if not isinstance(text, str) or len(text) > CHARACTERS_MAX:
        raise PhoneInvalid
    if not text.strip():
        raise PhoneMissing
    if _EXTENSION.search(text):
        raise PhoneHasExtension
    if not _WRITTEN.fullmatch(text):
        raise PhoneInvalid
    try:
        number = phonenumbers.parse(text, "US")
    except NumberParseException:
        raise PhoneInvalid from None
    if number.country_code != 1:
        raise PhoneForeign
    if not phonenumbers.is_valid_number(number):
        raise PhoneInvalid
    if phonenumbers.number_type(number) not in _CAN_BE_TEXTED:
        raise PhoneCannotText
    if phonenumbers.region_code_for_number(number) != "US":
        raise PhoneForeign
    phone = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if _FICTITIOUS.fullmatch(phone) and not settings().embedded:
        raise PhoneFictitious
    return phone


def is_of_demo(phone: str) -> bool:
    """Whether the demo runs here and this number (E.164) is kept for its people."""
    return settings().runs_demo and _OF_DEMO.fullmatch(phone) is not None


def format_phone(phone: str) -> str:
    """A US number as people write it, `(202) 555-0123`, from its E.164 form."""
    number = phonenumbers.parse(phone, "US")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
