"""Which messages Twilio takes: its checks, in its order, and the numbers of its test credentials."""

import phonenumbers
from phonenumbers import NumberParseException

from paya_app.local.vendors.twilio.errors import TwilioRefusal

BODY_CHARACTERS_MAX = 1600
VALID_FROM = "+15005550006"

_GSM_7_SEGMENT = 160
_GSM_7_PART = 153
_UCS_2_SEGMENT = 70
_UCS_2_PART = 67
_GSM_7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà^{}\\[~]|€"
)


def check_message(form: dict[str, str]) -> tuple[str, str, str]:
    """The sender, recipient and text of a message that Twilio would take.

    Raises:
        TwilioRefusal: with Twilio's number for what is wrong.
    """
    to, sender, body = form.get("To", ""), form.get("From", ""), form.get("Body", "")
    if not to:
        raise TwilioRefusal(400, 21604, "A 'To' phone number is required.")
    if not sender:
        raise TwilioRefusal(400, 21603, "A 'From' phone number is required.")
    if not body:
        raise TwilioRefusal(400, 21602, "Message body is required.")
    if len(body) > BODY_CHARACTERS_MAX:
        raise TwilioRefusal(400, 21617, "The concatenated message body exceeds the 1600 character limit")
    if "\x00" in to + sender + body:
        raise TwilioRefusal(400, 21619, "A text message body or media urls must be specified.")
    _check_sender(sender)
    _check_recipient(to, sender)
    return sender, to, body


def segments(body: str) -> int:
    """How many texts this takes: 160 characters of GSM-7 or 70 others, slightly fewer when there are several."""
    plain = all(character in _GSM_7 for character in body)
    length = len(body) if plain else len(body.encode("utf-16-le")) // 2
    whole, part = (_GSM_7_SEGMENT, _GSM_7_PART) if plain else (_UCS_2_SEGMENT, _UCS_2_PART)
    return 1 if length <= whole else -(-length // part)


def _check_sender(sender: str) -> None:
    match sender:
        case "+15005550006":
            return
        case "+15005550001":
            raise TwilioRefusal(
                400,
                21212,
                f"The 'From' number {sender} is not a valid phone number, shortcode, or alphanumeric sender ID.",
            )
        case "+15005550008":
            raise TwilioRefusal(
                429, 21611, f"This 'From' number {sender} has exceeded the maximum number of queued messages"
            )
        case _:
            raise TwilioRefusal(
                400,
                21606,
                f"The 'From' phone number {sender} is not a valid, message-capable Twilio phone number for this "
                "destination/account",
            )


def _check_recipient(to: str, sender: str) -> None:
    match to:
        case "+15005550002":
            raise TwilioRefusal(
                400,
                21612,
                f"Message cannot be sent with the current combination of 'To' ({to}) and/or 'From' ({sender}) "
                "parameters",
            )
        case "+15005550003":
            raise TwilioRefusal(
                400,
                21408,
                f"Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {to}",
            )
        case "+15005550004":
            raise TwilioRefusal(400, 21610, "Attempt to send to unsubscribed recipient")
        case "+15005550009":
            raise TwilioRefusal(400, 21614, f"To number: {to}, is not a mobile number")
        case _ if not _is_number(to):
            raise TwilioRefusal(400, 21211, f"Invalid 'To' Phone Number: {to[:12]}")
        case _:
            return


def _is_number(text: str) -> bool:
    try:
        return text != "+15005550001" and phonenumbers.is_valid_number(phonenumbers.parse(text, None))
    except NumberParseException:
        return False
