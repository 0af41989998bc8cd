import json
import subprocess
import sys

import pytest

from paya_app.core.log import strike_out

CANARY = "2025550123"
SCRIPT = """
import logging, structlog
from paya_app.core.log import configure
configure("app")
log = structlog.get_logger()
log.info("sent to +1{canary}", to="1{canary}", phone="{canary}", code="123456", amount_cents=1234)
logging.getLogger("vendor").warning("POST /Messages To=+1{canary}")
try:
    raise ValueError("no such number {canary}")
except ValueError:
    log.exception("failed")
"""


@pytest.fixture(scope="module")
def lines():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(canary=CANARY)], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    return done.stderr


def test_every_line_is_one_json_object(lines):
    parsed = [json.loads(line) for line in lines.splitlines()]
    assert [entry["level"] for entry in parsed] == ["info", "warning", "error"]
    assert parsed[0]["amount_cents"] == 1234
    assert parsed[0]["program"] == "app"


def test_no_phone_number_or_code_reaches_the_log(lines):
    assert CANARY not in lines
    assert "123456" not in lines


@pytest.mark.parametrize(
    ("text", "struck"),
    [
        ("call (212) 555-0123 now", "call … now"),
        ("to 212-555-0123.", "to …."),
        ("212.555.0123", "…"),
        ("212 555 0123", "…"),
        ("+1 (212) 555-0123", "…"),
        ("1-212-555-0123", "…"),
        ("phone='(212)555-0123'", "phone='…'"),
        ("To=+12125550123&", "To=…&"),
        ("PaYa code: 123456", "PaYa code: …"),
        ("Your code is 123456.", "Your code is …."),
        ('{"code": "123456"}', '{"code": "…"}'),
        ("verification_code=123456", "verification_code=…"),
        ("123456 is your PaYa code", "… is your PaYa code"),
        ("PaYa code: 123-456", "PaYa code: …"),
    ],
)
def test_phones_and_codes_are_struck_out_however_they_are_written(text, struck):
    assert strike_out(None, "", {"event": text}) == {"event": struck}
    assert strike_out(None, "", {"facts": {"inner": [text]}}) == {"facts": {"inner": [struck]}}


@pytest.mark.parametrize(
    "text",
    [
        "amount_cents=123456",
        "$212,555.01 and 2125.55",
        "2026-11-20T14:20:01.833676Z",
        "took 1763647738 to 1763647738123 ms",
        "019a212-5550-7123-8212-555012345678",
        "3f2a0212-555a-4212-9212-212555012345",
        "listening on 127.0.0.1:8700, 54321",
        "error code 21211, status code: 503",
        "code: 1234567",
        "run 212 of 1000",
        "10.212.255.123",
    ],
)
def test_amounts_times_ids_and_ports_stay(text):
    assert strike_out(None, "", {"event": text}) == {"event": text}
