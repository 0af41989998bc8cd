import json
import stat
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest

from paya_app.core.config import Settings
from paya_app.local.keys import FILE_NAME, KeysUnreadable, load_keys


def test_made_once_and_private(tmp_path):
    home = tmp_path / "new" / "home"
    keys = load_keys(home)
    assert load_keys(home) == keys
    assert stat.S_IMODE((home / FILE_NAME).stat().st_mode) == 0o600
    assert [path.name for path in home.iterdir()] == [FILE_NAME]


def test_processes_that_start_at_once_end_with_the_same_keys(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(load_keys, [tmp_path] * 16))
    assert all(keys == made[0] for keys in made)


def test_two_homes_share_nothing(tmp_path):
    one, two = (load_keys(tmp_path / name).as_environment() for name in ("one", "two"))
    assert {name for name in one if one[name] == two[name]} == {"TWILIO_FROM"}


def test_a_file_that_others_could_read_is_closed(tmp_path):
    load_keys(tmp_path)
    (tmp_path / FILE_NAME).chmod(0o644)
    load_keys(tmp_path)
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"jwt_key": {}', "\x00"])
def test_a_damaged_file_is_said_not_replaced(tmp_path, text):
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(KeysUnreadable, match="Move the file away"):
        load_keys(tmp_path)
    assert (tmp_path / FILE_NAME).read_text() == text


def test_a_file_without_its_signing_key_is_refused(tmp_path):
    load_keys(tmp_path)
    kept = json.loads((tmp_path / FILE_NAME).read_text())
    del kept["jwt_key"]["d"]
    (tmp_path / FILE_NAME).write_text(json.dumps(kept))
    with pytest.raises(KeysUnreadable):
        load_keys(tmp_path)


def test_the_api_keys_are_tokens_of_their_roles(tmp_path):
    keys = load_keys(tmp_path)
    public = jwt.PyJWK({name: value for name, value in keys.jwt_key.items() if name not in {"d", "key_ops"}}).key
    for token, role in ((keys.anon_key, "anon"), (keys.service_role_key, "service_role")):
        assert jwt.decode(token, public, algorithms=["ES256"])["role"] == role
        assert jwt.get_unverified_header(token)["kid"] == keys.jwt_key["kid"]


def test_the_settings_know_every_name(tmp_path):
    names = {name.upper() for name in Settings.model_fields}
    assert set(load_keys(tmp_path).as_environment()) <= names
