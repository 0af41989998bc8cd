"""The Dockerfile, read closely: there is no engine in the tests."""

import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions in order, continued lines joined, comments dropped."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    joined = re.sub(r"\\\n\s*", " ", text)
    pairs = (line.split(None, 1) for line in joined.splitlines() if line.strip())
    return [(word.upper(), rest.strip()) for word, rest in pairs]


def stages() -> list[list[tuple[str, str]]]:
    """The instructions of each stage."""
    found: list[list[tuple[str, str]]] = []
    for word, rest in instructions():
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest))
    return found


def copied() -> list[str]:
    """Every path of the tree that the builder stage copies."""
    sources: list[str] = []
    for word, rest in stages()[0]:
        if word in {"COPY", "ADD"}:
            sources += [part for part in rest.split()[:-1] if not part.startswith("--")]
    return sources


def test_everything_it_copies_exists_and_is_let_in():
    assert copied()
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in ignore if line.startswith("!")}
    assert "*" in ignore
    for source in copied():
        assert (ROOT / source).exists(), source
        assert source.rstrip("/") in let_in or source.split("/")[0] in let_in, source
    assert {name for name in let_in if not (ROOT / name).exists()} == set()


def test_everything_the_package_and_the_build_need_is_copied():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    present = {source.rstrip("/") for source in copied()}
    assert {*packages, "assets", "reflex.lock", "rxconfig.py", ".npmrc", "bunfig.toml", "supabase"} <= present


def test_two_stages_on_one_pinned_python():
    bases = [rest.split()[0] for stage in stages() for word, rest in stage if word == "FROM"]
    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.1[123]-slim-\w+", bases[0])


def test_it_runs_as_nobody_in_particular():
    words = [word for word, _ in stages()[-1]]
    user = dict(stages()[-1])["USER"]
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user), "a number, so that Kubernetes can see it is not root"
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert words.count("USER") == 1


def test_it_starts_the_app_and_says_whether_it_lives():
    last = dict(stages()[-1])
    assert json.loads(last["ENTRYPOINT"]) == ["paya"]
    assert json.loads(last["CMD"]) == ["app"]
    assert "/ping" in last["HEALTHCHECK"]
    assert "PAYA_ENV=production" in last["ENV"]
    assert "PAYA_HOST=0.0.0.0" in last["ENV"]


def test_no_secret_is_baked_in():
    for word, rest in instructions():
        if word in {"ENV", "ARG", "LABEL"}:
            assert not re.search(r"SECRET|TOKEN|PASSWORD|_KEY|DATABASE_URL", rest), rest


@pytest.mark.parametrize("command", ["app", "worker", "scheduler", "migrate", "build"])
def test_the_commands_that_it_names_exist(command: str):
    from typer.main import get_command

    from paya_app.cli import app

    assert command in get_command(app).commands  # pyright: ignore[reportAttributeAccessIssue]
    assert f"paya {command}" in (ROOT / "Dockerfile").read_text() or command in dict(stages()[-1])["CMD"]
