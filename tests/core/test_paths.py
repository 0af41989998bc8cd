import pytest

from paya_app.core.paths import local_path

HOSTILE = [
    "https://evil.example/",
    "HTTPS:evil.example",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    " //evil.example",
    "/.//evil.example",
    "/..//evil.example",
    "/pay/..//evil.example",
    "/%2e/%2fevil.example",
    "/%2f/evil.example",
    "/%5cevil.example",
    "/%255cevil.example",
    "/%09/evil.example",
    "//evil.example\\@localhost/",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)//",
    "data:text/html,x",
    "pay/",
    "?next=//evil.example",
    "@evil.example",
    ".evil.example",
    "/pay/\r\nset-cookie: x=y",
    "/pay/\x00",
    "/pay/%00",
    "/pay/\u202e",
    "/päy/",
    "/pay/<script>",
    '/pay/"onload=',
    "/session/end",
    "/session",
    "/SESSION/end",
    "/./session/end",
    "/pay/../session/end",
    "/pay/%2e%2e/session/end",
    "/%73ession/end",
    "/" + "x" * 512,
    "",
    None,
    1,
    ["/pay/"],
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nobody_is_led_elsewhere(text: object):
    assert local_path(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "/",
        "/pay/?to=bob&amount=12.34",
        "/pay/?to=bob&note=half%20the%20rent%20%2F%20oil",
        "/activity/0190c7a2-5c1e-7bd1-9c5e-0d2b8a1f4e11/?new=1",
        "/u/ann_field/",
        "/?q=//anything",
        "/sessions-of-mine/",
        "/settings/sessions/",
        "/" + "x" * 511,
    ],
)
def test_pages_of_ours(text: str):
    assert local_path(text) == text
