"""Plaid's notices: forged, stale, repeated; and a death between any two steps of a link."""

import asyncio
import hashlib
import json
import time

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from paya_app import banking
from paya_app.banking import link_steps
from paya_app.core.ids import new_id
from paya_app.providers.outcome import Unknown
from tests.support.linking import linking_opened


@pytest.fixture
async def linking(database, monkeypatch):
    # the stand-in's own deliveries are left out: what reaches us here, the test sends
    async with linking_opened(database, monkeypatch, retry_delays_s=()) as the:
        yield the


async def signed(linking, body: bytes, *, key=None, kid=None, alg="ES256", **claims) -> str:
    jwk, known = (await linking.database.rows("select jwk, kid from vendor_plaid.signing_key where expired is null"))[0]
    said = {"iat": int(time.time()), "request_body_sha256": hashlib.sha256(body).hexdigest(), **claims}
    return jwt.encode(said, key or jwt.PyJWK(jwk, "ES256").key, alg, headers={"kid": kid or known})


async def post(linking, body: bytes, signature: str) -> int:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        headers = {b"Plaid-Verification": signature.encode("latin-1")}
        return (await client.post(linking.hooks_url, content=body, headers=headers)).status_code


def finished(token: str) -> bytes:
    return json.dumps(
        {"webhook_type": "LINK", "webhook_code": "SESSION_FINISHED", "link_token": token, "status": "SUCCESS"}
    ).encode()


async def test_a_forged_or_stale_notice_is_refused_and_leaves_nothing(linking):
    body = finished("link-sandbox-1")
    mine = ec.generate_private_key(ec.SECP256R1())
    forged = [
        "",
        "nonsense",
        await signed(linking, body, key=mine),
        await signed(linking, body, key=mine, kid="nobody"),
        await signed(linking, body + b" "),
        await signed(linking, body, iat=int(time.time()) - 301),
        await signed(linking, body, iat=int(time.time()) + 3600),
        await signed(linking, body, iat="soon"),
        await signed(linking, body, key="0" * 64, alg="HS256"),
        jwt.encode({"iat": int(time.time())}, "", "none", headers={"kid": "x"}),
        (await signed(linking, body))[:-4] + "AAAA",
        "é" * 64,
    ]
    for signature in forged:
        assert await post(linking, body, signature) == 401, signature
    assert await linking.value("select count(*) from banking.vendor_event") == 0
    assert await linking.value("select count(*) from jobs.procrastinate_jobs") == 0
    for bad in (b"", b"[1]", b"nonsense", b"[" * 5000, b'{"webhook_type": 1, "webhook_code": "x"}'):
        assert await post(linking, bad, await signed(linking, bad)) == 400
    assert await post(linking, b"x" * 10_000_000, "x") == 413
    assert await post(linking, body, await signed(linking, body)) == 200, "about a session of nobody's"
    assert await linking.value("select count(*) from jobs.procrastinate_jobs") == 0


async def test_the_same_notice_a_hundred_times_is_one_bank(linking, people):
    ann = await people.join("ann")
    link_id = await linking.visit(ann)
    body = finished(await linking.value("select token from vendor_plaid.link_token"))
    signature = await signed(linking, body)
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        headers = {"Plaid-Verification": signature}
        sent = [client.post(linking.hooks_url, content=body, headers=headers) for _ in range(100)]
        assert {answer.status_code for answer in await asyncio.gather(*sent)} == {200}
    await linking.work()
    assert (await banking.link(ann, link_id)).state == "linked"
    assert await post(linking, body, signature) == 200
    late = await signed(linking, body, iat=int(time.time()) - 60)
    assert await post(linking, body, late) == 200
    await linking.work()
    assert len(await banking.banks(ann)) == 1
    assert await linking.value("select count(*) from vendor_dwolla.funding_source where customer_id is not null") == 1
    assert await linking.bank.dead_letters() == []


class Died(Exception):
    """A worker's death."""


STEPS = ["begin_exchange", "book_exchanged", "book_account", "book_customer", "book_linked"]


@pytest.mark.parametrize("last", [f"{when} {step}" for step in STEPS for when in ("before", "after")])
async def test_a_death_between_two_steps_is_made_good(linking, people, monkeypatch, last):
    ann = await people.join("ann")
    link_id = await linking.visit(ann)
    when, step = last.split()
    real = link_steps.as_service

    async def dying(sql, **params):
        if step in sql and when == "before":
            raise Died
        given = await real(sql, **params)
        if step in sql:
            raise Died
        return given

    with monkeypatch.context() as death:
        death.setattr(link_steps, "as_service", dying)
        with pytest.raises(Died):
            await banking.follow_link(link_id)
    if last == "before book_exchanged":
        # the one answer that cannot be had twice: in time the link is over, and says so
        await linking.database.rows("update banking.link set exchange_begun_at = exchange_begun_at - interval '2 min'")
        await banking.follow_link(link_id)
        found = await banking.link(ann, link_id)
        assert (found.state, found.code) == ("failed", "link_interrupted")
        assert await banking.banks(ann) == []
        link_id = await linking.visit(ann)
    await banking.follow_link(link_id)
    assert (await banking.link(ann, link_id)).state == "linked"
    assert [one.source.state for one in await banking.banks(ann)] == ["verified"]
    assert await linking.value("select count(*) from vendor_dwolla.funding_source where customer_id is not null") == 1
    assert await linking.value("select count(*) from vendor_dwolla.customer") == 1


async def test_an_exchange_without_an_answer_is_never_taken_for_a_refusal_at_once(linking, people, monkeypatch):
    ann = await people.join("ann")
    link_id = await linking.visit(ann)

    async def silent(_token):
        raise Unknown("no_answer_in_time")

    with monkeypatch.context() as lost:
        lost.setattr(link_steps.plaid, "exchange", silent)
        with pytest.raises(Unknown):
            await banking.follow_link(link_id)
    assert (await banking.link(ann, link_id)).state == "exchanging"
    await banking.follow_link(link_id)
    assert (await banking.link(ann, link_id)).state == "linked", "it had not arrived"


CANARIES = "access-sandbox-", "public-sandbox-", "link-sandbox-", "processor-sandbox-"


async def test_no_token_and_no_account_number_is_readable_here(linking, people, capfd, caplog):
    ann = await people.join("ann")
    await linking.linked(ann)
    seen = new_id()
    await linking.visit(ann, seen)
    numbers = await linking.database.rows("select number from vendor_dwolla.bank_account where routing = '011401533'")
    secrets = [
        *CANARIES,
        numbers[0][0],
        *[token for (token,) in await linking.database.rows("select hosted_id from vendor_plaid.link_token")],
    ]
    tables = await linking.database.rows(
        "select format('%I.%I', schemaname, tablename) from pg_tables"
        " where schemaname not in ('pg_catalog', 'information_schema') and schemaname not like 'vendor_%'"
    )
    for (name,) in tables:
        for secret in secrets:
            found = await linking.value(f"select count(*) from {name} t where t::text like %s", f"%{secret}%")
            assert found == 0, (name, secret)
    told = (
        repr(await banking.link(ann, seen)) + repr(await banking.banks(ann)) + caplog.text + "".join(capfd.readouterr())
    )
    assert [secret for secret in secrets if secret in told] == []
