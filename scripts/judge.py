"""Let schemathesis judge `/v1` of a whole running PaYa, at length.

Usage: python -m scripts.judge [options of `schemathesis run`, like --max-examples=500]

It finds nothing, or this exits non-zero. The tests do the same briefly (tests/api/test_judged.py).
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO
from uuid import uuid4

import httpx

from bench.cast import join
from bench.running import running
from bench.tokens import access_tokens
from paya_app.core.actor import Actor
from paya_app.developers import SCOPES, create_key
from scripts.environment import ROOT

CONFIGURATION = ROOT / "tests" / "api" / "schemathesis.toml"
AT_LENGTH = ("--max-examples=200", "--max-failures=50")
# it makes more plans than one person may have
LIFT = "insert into risk.limit_value (name, value_max, reason) values ('plans_count', 1000000, 'a measurement')"
# and asks more often than one key may
UNCOUNTED = "update developers.api_key set rate_per_minute = null"
KINDS = ("plans", "charges", "captures", "refunds", "disputes", "endpoints", "deliveries")
ENDPOINTS = 4
# nobody listens there, and what is made up is refused: nothing leaves this machine
NOBODY = "http://127.0.0.1:1024/hooks"
KEYED = "/v1/(charges|captures|refunds|disputes|webhook-(endpoints|deliveries)|sim|payments/(authorize|capture|refund))"
OURS = f"--include-path-regex=^{KEYED}"
THEIRS = f"--exclude-path-regex=^{KEYED}"
PLANS = 20
CHARGES = 12
A_CHARGE = {"card": "4242424242424242", "amount_minor": 2000, "currency": "USD"}
A_PLAN = {"name": "A plan", "amount_cents": 1500, "frequency": "daily", "zone": "UTC", "minute_of_day": 540}


async def judged(
    url: str,
    folder: Path,
    *,
    tokens: Mapping[str, str],
    how: Sequence[str],
    more: str = "",
    known: Mapping[str, Sequence[str]],
    output: IO[bytes] | int | None = None,
) -> tuple[int, str]:
    """What schemathesis finds at `url`: 0 for nothing, and what it said unless that went to `output`.

    Args:
        url: where `/v1` is served.
        folder: an empty one, for its files.
        tokens: access tokens or keys by name: the first is used for everything, the others must not see what is hers.
        how: further options of `schemathesis run`.
        more: more of its configuration.
        known: ids of hers by kind, for the dictionaries that the configuration names.
        output: where what it says goes at once, or None to return it.
    """
    names, people = list(tokens), folder / "people.json"
    headers = [(name, {"name": "Authorization", "value": f"Bearer {token}"}) for name, token in tokens.items()]
    people.write_text(json.dumps({"auth": [{"name": name, "fixedHeaders": [header]} for name, header in headers]}))
    told = [
        CONFIGURATION.read_text(encoding="utf-8"),
        *(f"[dictionaries.{kind}]\nvalues = {json.dumps(ids)}" for kind, ids in known.items()),
        "[auth.wfc]",
        f"path = {json.dumps(str(people))}\nuser = {json.dumps(names[0])}\npeers = {json.dumps(names)}",
        more,
    ]
    (folder / "schemathesis.toml").write_text("\n".join(told) + "\n", encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "schemathesis"),
        *("--config-file", str(folder / "schemathesis.toml"), "run", f"{url}/v1/openapi.json"),
        *("--url", url, "--checks=all", "--generation-database=none", "--no-color", *how),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE if output is None else output,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None  # noqa: S101 - it has ended
    return process.returncode, (said or b"").decode(errors="replace")


async def plans(url: str, token: str) -> list[str]:
    """Ids of fresh plans of the person whose token this is."""
    async with httpx.AsyncClient(base_url=url, headers={"authorization": f"Bearer {token}"}, trust_env=False) as client:
        made = []
        for _ in range(PLANS):
            key = str(uuid4())
            answer = await client.post("/v1/savings-plans", json=A_PLAN, headers={"idempotency-key": key})
            answer.raise_for_status()
            made.append(key)
        return made


async def charged(url: str, secret: str) -> dict[str, list[str]]:
    """Ids of fresh charges of the account whose key this is, some captured, refunded and disputed; and endpoints."""
    made: dict[str, list[str]] = {kind: [] for kind in KINDS if kind != "plans"}
    async with httpx.AsyncClient(
        base_url=url, headers={"authorization": f"Bearer {secret}"}, trust_env=False
    ) as client:

        async def post(kind: str, path: str, body: dict[str, object]) -> str:
            answer = await client.post(f"/v1{path}", json=body, headers={"idempotency-key": str(uuid4())})
            answer.raise_for_status()
            made[kind].append(answer.json()["id"])
            return made[kind][-1]

        for number in range(CHARGES):
            charge = await post("charges", "/charges", A_CHARGE)
            if number % 2:
                await post("captures", f"/charges/{charge}/capture", {"amount_minor": 1000, "final": False})
                await post("refunds", f"/charges/{charge}/refund", {"amount_minor": 100})
                await post("disputes", f"/sim/charges/{charge}/dispute", {"amount_minor": 100})
        for _ in range(ENDPOINTS):
            endpoint = await post("endpoints", "/webhook-endpoints", {"url": NOBODY})
            await post("deliveries", f"/webhook-endpoints/{endpoint}/test", {})
    return made


def peers(made: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """The dictionaries of both judgements: what one does not use is there all the same."""
    nothing = [str(uuid4())]
    return {kind: made.get(kind, nothing) for kind in KINDS}


async def judge(options: Sequence[str]) -> int:
    """Start PaYa, have it judged twice, for people's programs and for those with keys, and return the exit code."""
    async with running() as paya:
        with paya.superuser() as superuser, tempfile.TemporaryDirectory() as folder:
            superuser.execute(LIFT)
            actors = await join(superuser, ["ann", "eve"], cents=100_000)
            tokens = access_tokens(superuser, actors)
            made = await _keys(actors)
            superuser.execute(UNCOUNTED)
            first = next(iter(tokens))
            codes = []
            for name, who, how, known in (
                ("people", tokens, THEIRS, {"plans": await plans(paya.url, tokens[first])}),
                ("keys", made, OURS, await charged(paya.url, made[first])),
            ):
                (place := Path(folder) / name).mkdir()
                code, _ = await judged(
                    paya.url,
                    place,
                    tokens=who,
                    how=[*AT_LENGTH, how, *options],
                    known=peers(known),
                    output=sys.stdout.fileno(),
                )
                codes.append(code)
    return max(codes)


async def _keys(actors: Mapping[str, Actor]) -> dict[str, str]:
    """A key with every scope for each of these people."""
    made = {
        name: await create_key(actor, key_id=uuid4(), mode="test", name="A judge", scopes=SCOPES)
        for name, actor in actors.items()
    }
    return {name: new.secret or "" for name, new in made.items()}


if __name__ == "__main__":
    sys.exit(asyncio.run(judge(sys.argv[1:])))
