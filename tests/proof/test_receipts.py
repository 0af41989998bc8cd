"""A receipt proves one payment from itself and the public head; whatever was forged proves nothing."""

import copy
import json

import httpx
import pytest
from fastapi import FastAPI

from paya_app import proof
from paya_app.api.problems import add_problem_handlers
from paya_app.api.v1 import proof as routes
from paya_app.core.errors import NotFound
from paya_app.core.ids import new_id
from paya_app.proof import ReceiptRefused, check_receipt, parse_head, parse_receipt
from paya_app.proof.told import tell_receipt


def check(receipt, head=None):
    check_receipt(parse_receipt(json.dumps(receipt)), parse_head(json.dumps(head or receipt["head"])))


@pytest.fixture
async def receipt(traded):
    ann, _, ids = traded
    return await proof.receipt(ann, ids[1])


async def test_every_receipt_of_either_side_holds_against_the_public_head(traded):
    ann, bob, ids = traded
    head = await proof.head()
    for actor in (ann, bob):
        for payment_id in ids:
            receipt = await proof.receipt(actor, payment_id)
            assert receipt["transfer"]["id"] == str(payment_id)
            check(receipt, head)


async def test_a_receipt_holds_against_its_own_head_after_the_log_has_grown(traded, receipt, pay, seal):
    ann, _, _ = traded
    await pay(ann, "bob")
    await seal()
    newer = await proof.head()
    assert newer["size"] > receipt["head"]["size"]
    check(receipt, await proof.head(receipt["head"]["size"]))
    with pytest.raises(ReceiptRefused, match="Ask for the head of that size"):
        check(receipt, newer)


async def test_a_receipt_opens_ones_own_side_alone(traded):
    ann, bob, ids = traded
    anns, bobs = await proof.receipt(ann, ids[0]), await proof.receipt(bob, ids[0])
    assert (set(anns["transfer"]["from"]), set(anns["transfer"]["to"])) == ({"account", "seq", "salt"}, {"hash"})
    assert (set(bobs["transfer"]["from"]), set(bobs["transfer"]["to"])) == ({"hash"}, {"account", "seq", "salt"})


async def test_a_receipt_is_for_those_whose_payment_it_is(traded, people):
    _, _, ids = traded
    eve = await people.join("eve")
    with pytest.raises(NotFound):
        await proof.receipt(eve, ids[0])
    with pytest.raises(NotFound):
        await proof.receipt(eve, new_id())


async def test_what_is_too_new_says_so(traded, pay):
    ann, _, _ = traded
    with pytest.raises(proof.NotSealedYet, match="sealed within seconds"):
        await proof.receipt(ann, await pay(ann, "bob"))


def _set(path, value):
    def change(receipt):
        *way, last = path
        part = receipt
        for step in way:
            part = part[step]
        part[last] = value(part[last]) if callable(value) else value

    return change


FORGED = {
    "another amount": _set(("transfer", "amount"), lambda cents: cents + 1),
    "another moment": _set(("transfer", "at_us"), lambda at: at + 1),
    "another id": _set(("transfer", "id"), "00000000-0000-7000-8000-000000000000"),
    "another account": _set(("transfer", "from", "account"), lambda account: account + 1),
    "another salt": _set(("salt",), "00" * 32),
    "another place": _set(("index",), lambda index: index + 1),
    "a shorter path in the seal": _set(("path",), lambda path: path[:-1]),
    "a longer path in the seal": _set(("path",), lambda path: [*path, "00" * 32]),
    "a shorter path in the log": _set(("log_path",), lambda path: path[:-1]),
    "a longer path in the log": _set(("log_path",), lambda path: [*path, "00" * 32]),
    "another seal": _set(("seal", "n"), lambda n: n + 1),
    "another count": _set(("seal", "event_count"), lambda count: count + 1),
    "another time of sealing": _set(("seal", "at_us"), lambda at: at + 1),
    "another root": _set(("seal", "root"), "00" * 32),
    "another log": _set(("head", "log_root"), "00" * 32),
    "an amount in words": _set(("transfer", "amount"), "12"),
    "a field too many": lambda receipt: receipt.update(note="x"),
    "a field too few": lambda receipt: receipt.pop("salt"),
    "another version": _set(("version",), "paya.receipt.2"),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
async def test_a_forged_receipt_is_refused(receipt, forge):
    head = copy.deepcopy(receipt["head"])
    check(receipt, head)
    forge(receipt)
    with pytest.raises(ReceiptRefused):
        check(receipt, head)


async def test_a_receipt_of_another_log_is_refused(receipt):
    """Everything below the head fits together, but the head is not the public one."""
    head = copy.deepcopy(receipt["head"])
    head["log_root"] = "11" * 32
    with pytest.raises(ReceiptRefused, match="another head than the public one"):
        check(receipt, head)


async def test_an_inner_node_cannot_pass_for_a_transfer(receipt):
    """One level up in the seal: the hash of two leaves, shown as if it were a leaf with a shorter path."""
    assert receipt["path"], "this seal has one leaf only"
    head = copy.deepcopy(receipt["head"])
    receipt["path"] = receipt["path"][1:]
    receipt["index"] //= 2
    receipt["seal"]["event_count"] //= 2
    with pytest.raises(ReceiptRefused):
        check(receipt, head)


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "hello", '{"version": "paya.receipt.1"}', "\x00", "[" * 9999])
def test_what_is_no_receipt_is_refused_with_a_sentence(text):
    with pytest.raises(ReceiptRefused, match=r"This is no receipt of PaYa\."):
        parse_receipt(text)


@pytest.mark.parametrize("is_forged", [False, True])
async def test_the_command_says_yes_or_no(receipt, tmp_path, is_forged):
    head_file, file = tmp_path / "head.json", tmp_path / "receipt.json"
    head_file.write_text(json.dumps(receipt["head"]))
    receipt["transfer"]["amount"] += is_forged
    file.write_text(json.dumps(receipt))
    said = []
    assert tell_receipt(file, str(head_file), said.append) == is_forged
    assert said[0].startswith("No. The transfer" if is_forged else "Yes. Transfer")
    assert tell_receipt(tmp_path / "none.json", None, said.append) == 2


# ---------------------------------------------------------------- over HTTP


@pytest.fixture
async def client(database):
    api = FastAPI()
    add_problem_handlers(api)
    api.include_router(routes.router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://test") as client:
        yield client


async def test_the_head_is_public_and_keeps_for_a_second(traded, client):
    answer = await client.get("/v1/proof/head")
    assert answer.json() == await proof.head()
    assert answer.headers["cache-control"] == "public, max-age=1"
    assert answer.headers["access-control-allow-origin"] == "*"
    earlier = await client.get("/v1/proof/head?size=2")
    assert earlier.json()["size"] == 2
    for size, status in (("0", 200), ("999999", 404), ("-1", 400), ("x", 400), (str(2**60), 400)):
        assert (await client.get(f"/v1/proof/head?size={size}")).status_code == status, size


async def test_before_anything_was_sealed_the_head_is_that_of_an_empty_log(database, client):
    assert (await client.get("/v1/proof/head")).json()["size"] == 0


async def test_without_a_session_there_is_no_receipt(traded, client):
    _, _, ids = traded
    answer = await client.get(f"/v1/payments/{ids[0]}/receipt")
    assert (answer.status_code, answer.json()["code"]) == (401, "signed_out")
