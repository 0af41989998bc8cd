"""The history on a plan's page, a page at a time."""

from tests.support.event_socket import event_socket
from tests.support.running import RunningPaya
from tests.web.test_handlers import HANDLERS, make_plan


async def test_the_history_is_paged_and_begins_with_how_it_started(paya: RunningPaya):
    ann = await paya.sign_up(cents=5000)
    plan_id = await make_plan(paya, ann)
    path, query = f"/save/{plan_id}/", {"plan": plan_id}
    async with event_socket(paya.url, cookie=ann.secret) as socket:
        await socket.send(HANDLERS["PlanState.enter"], path=path, query=query)
        newest: list[dict[str, str]] = []
        for verb in ("pause", "resume") * 5:
            payload = {"verb": verb, "item": plan_id}
            asked = await socket.send(HANDLERS["PlanState.ask"], payload, path=path, query=query)
            question = asked.value("plan_state", "question")
            done = await socket.send(HANDLERS["PlanState.act"], {"asked": question}, path=path, query=query)
            newest = done.value("plan_state", "told")
        assert [row["what"] for row in newest] == ["Resumed", "Paused"] * 5
        assert {row["who"] for row in newest} == {"You"}
        older = await socket.send(HANDLERS["PlanState.show_older"], path=path, query=query)
        (first,) = older.value("plan_state", "told")
        assert first["what"] == "Started"
        assert "Amount: $25.00" in first["lines"]
        assert older.value("plan_state", "is_older") is True
        latest = await socket.send(HANDLERS["PlanState.show_latest"], path=path, query=query)
        assert latest.value("plan_state", "told") == newest
