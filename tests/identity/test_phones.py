import pytest

from paya_app.core.config import settings
from paya_app.core.errors import PayaError, PhoneInvalid
from paya_app.identity.phones import (
    PhoneCannotText,
    PhoneFictitious,
    PhoneForeign,
    PhoneHasExtension,
    PhoneMissing,
    PhoneOfDemo,
    format_phone,
    is_of_demo,
    normalize_phone,
)
from paya_app.local.demo_cast import NUMBERS


@pytest.mark.parametrize(
    "written",
    [
        "+12125550123",
        "2125550123",
        "(212) 555-0123",
        "212.555.0123",
        "1 212 555 0123",
        "  +1 (212) 555–0123  ",
        "\u202a+1 (212) 555-0123\u202c",
        "+1\u00a0212\u00a0555\u00a00123",
    ],
)
def test_one_number_however_it_is_written(written):
    assert normalize_phone(written) == "+12125550123"


def test_a_number_that_nobody_made_up():
    assert normalize_phone("(212) 736-5000") == "+12127365000"


@pytest.mark.parametrize("written", ["", " ", "\t"])
def test_nothing_written(written):
    with pytest.raises(PhoneMissing):
        normalize_phone(written)


@pytest.mark.parametrize(
    "written",
    [
        None,
        2125550123,
        b"+12125550123",
        ["+12125550123"],
        "0",
        "-1",
        "1.001",
        "1e308",
        "NaN",
        "1,00",
        "911",
        "555-0123",
        "(555) 555-0123",
        "(212) 055-0123",
        "+1212555012345",
        "+",
        "++12125550123",
        "212555\x000123",
        "212\u202e5550123",
        "<script>alert(1)</script>",
        "'; drop table auth.users; --",
        "📱2125550123",
        "1-800-FLOWERS",
        "٢١٢٥٥٥٠١٢٣",
        "２１２５５５０１２３",
        "2" * 33,
        "2" * 10_000_000,
    ],
)
def test_what_is_no_phone_number(written):
    with pytest.raises(PhoneInvalid) as refused:
        normalize_phone(written)
    assert refused.value.message.endswith(".")


@pytest.mark.parametrize("written", ["(212) 555-0123 x9", "2125550123 ext. 4", "2125550123#5", "2125550123;ext=1"])
def test_an_extension_gets_no_texts(written):
    with pytest.raises(PhoneHasExtension, match="extension"):
        normalize_phone(written)


@pytest.mark.parametrize("written", ["+442079460018", "+4915123456789", "(416) 736-2100", "(340) 776-2100"])
def test_other_countries(written):
    with pytest.raises(PhoneForeign, match="US"):
        normalize_phone(written)


@pytest.mark.parametrize("written", ["(800) 736-5000", "(900) 736-5000", "+1 500 555 0006"])
def test_numbers_that_texts_do_not_reach(written):
    with pytest.raises(PhoneCannotText, match="mobile"):
        normalize_phone(written)


def test_numbers_of_stories_are_for_embedded_servers_alone(monkeypatch):
    monkeypatch.setenv("PAYA_MODE", "hosted")
    settings.cache_clear()
    try:
        with pytest.raises(PhoneFictitious):
            normalize_phone("(212) 555-0100")
        assert normalize_phone("(212) 736-5000") == "+12127365000"
    finally:
        monkeypatch.undo()
        settings.cache_clear()


def demo(monkeypatch, **changes: str) -> None:
    for name, value in ({"PAYA_MODE": "embedded", "PAYA_ENV": "development", "PAYA_DEMO": "1"} | changes).items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()


@pytest.fixture
def _settings_afterwards(monkeypatch):
    yield
    monkeypatch.undo()
    settings.cache_clear()


@pytest.mark.usefixtures("_settings_afterwards")
def test_the_demo_peoples_numbers_are_theirs_where_the_demo_runs(monkeypatch):
    demo(monkeypatch)
    assert all(is_of_demo(number) for number in NUMBERS)
    neighbors = ["+12125550099", "+12125550130", "+12125550199", "+12025550100", "+12127365000", "+121255501000"]
    assert not any(is_of_demo(number) for number in neighbors)


@pytest.mark.usefixtures("_settings_afterwards")
@pytest.mark.parametrize("changes", [{"PAYA_MODE": "hosted"}, {"PAYA_ENV": "test"}, {"PAYA_DEMO": "0"}])
def test_without_the_demo_nobody_has_them(monkeypatch, changes):
    demo(monkeypatch, **changes)
    assert not any(is_of_demo(number) for number in NUMBERS)


def test_every_kind_of_refusal_has_a_code_of_its_own():
    kinds = [PhoneInvalid, PhoneMissing, PhoneHasExtension, PhoneForeign, PhoneCannotText, PhoneFictitious, PhoneOfDemo]
    assert {PayaError.by_code[kind.code] for kind in kinds} == set(kinds)
    assert len({kind().message for kind in kinds}) == len(kinds)


@pytest.mark.parametrize(
    "kind", [PhoneInvalid, PhoneMissing, PhoneHasExtension, PhoneForeign, PhoneCannotText, PhoneOfDemo]
)
def test_every_refusal_says_what_is_expected(kind):
    assert "like (202) 555-0123" in kind().message


def test_people_read_it_as_they_write_it():
    assert format_phone("+12125550123") == "(212) 555-0123"
