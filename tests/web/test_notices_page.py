"""`/settings/notifications` while somebody fills it in."""

from tests.support.event_socket import event_socket
from tests.support.running import RunningPaya
from tests.web.test_handlers import HANDLERS


async def test_a_hint_that_arrives_takes_no_open_form_away(paya: RunningPaya):
    ann = await paya.sign_up()
    path = "/settings/notifications/"
    async with event_socket(paya.url, cookie=ann.secret) as socket:
        await socket.send(HANDLERS["NoticesState.enter"], path=path)
        opened = await socket.send(HANDLERS["NoticesState.set_quiet"], {"is_wanted": True}, path=path)
        assert opened.value("notices_state", "is_quiet") is True
        hint = await socket.send(HANDLERS["NoticesState.refresh"], path=path)
        choice = {"kind": "plan.paused", "channel": "sms", "is_wanted": True}
        chosen = await socket.send(HANDLERS["NoticesState.choose"], {"choice": choice}, path=path)
        for after in (hint, chosen):
            assert after.value("notices_state", "is_quiet") is not False
