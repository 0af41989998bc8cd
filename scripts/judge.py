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
from scripts.environment import ROOT

CONFIGURATION = ROOT / "tests" / "api" / "schemathesis.toml"
AT_LENGTH = ("--max-examples=200", "--max-failures=50")
# it makes more plans than one person may have
LIFT = "insert into risk.limit_value (name, value_max, reason) values ('plans_count', 1000000, 'a measurement')"
PLANS = 20
A_PLAN = {"name": "A plan", "amount_cents": 1500, "frequency": "daily", "zone": "UTC", "minute_of_day": 540}


async def judged(
    url: str,
    folder: Path,
    *,
    tokens: Mapping[str, str],
    how: Sequence[str],
    more: str = "",
    output: IO[bytes] | int | None = None,
) -> tuple[int, str]:
    """What schemathesis finds at `url`: 0 for nothing, and what it said unless that went to `output`.

    Args:
        url: where `/v1` is served.
        folder: an empty one, for its files.
        tokens: access tokens by name: the first is used for everything, the others must not see what is hers.
        how: further options of `schemathesis run`.
        more: more of its configuration.
        output: where what it says goes at once, or None to return it.
    """
    names, people = list(tokens), folder / "people.json"
    plans = await _plans(url, tokens[names[0]])
    headers = [(name, {"name": "Authorization", "value": f"Bearer {token}"}) for name, token in tokens.items()]
    people.write_text(json.dumps({"auth": [{"name": name, "fixedHeaders": [header]} for name, header in headers]}))
    told = [
        CONFIGURATION.read_text(encoding="utf-8"),
        "[dictionaries.plans]",
        f"values = {json.dumps(plans)}",
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


async def _plans(url: str, token: str) -> list[str]:
    """Ids of fresh plans of the person whose token this is."""
    async with httpx.AsyncClient(base_url=url, headers={"authorization": f"Bearer {token}"}, trust_env=False) as client:
        made = []
        for _ in range(PLANS):
            key = str(uuid4())
            answer = await client.post("/v1/savings-plans", json=A_PLAN, headers={"idempotency-key": key})
            answer.raise_for_status()
            made.append(key)
        return made


async def judge(options: Sequence[str]) -> int:
    """Start PaYa, have it judged, and return the exit code."""
    async with running() as paya:
        with paya.superuser() as superuser, tempfile.TemporaryDirectory() as folder:
            superuser.execute(LIFT)
            actors = await join(superuser, ["ann", "eve"], cents=100_000)
            tokens = access_tokens(superuser, actors)
            code, _ = await judged(
                paya.url, Path(folder), tokens=tokens, how=[*AT_LENGTH, *options], output=sys.stdout.fileno()
            )
    return code


if __name__ == "__main__":
    sys.exit(asyncio.run(judge(sys.argv[1:])))
