"""Locks pin every package by hash and name no index: any mirror serves them."""

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
NPM_FOLDERS = (ROOT / "reflex.lock", ROOT / "tools" / "advisor")
PIN = re.compile(r"^([a-z0-9][a-z0-9.-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


def pins(lock: Path) -> dict[str, str]:
    """Package to version; a package pinned twice (for two platforms) keeps its last."""
    return dict(PIN.findall(lock.read_text()))


def test_the_locks_are_the_three_that_are_used():
    assert [lock.name for lock in LOCKS] == ["dev.lock", "installer.lock", "run.lock"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_package_has_a_hash(lock: Path):
    text = lock.read_text()
    starts = [match.start() for match in PIN.finditer(text)]
    assert starts, "the lock pins nothing"
    blocks = [text[start:end] for start, end in pairwise([*starts, len(text)])]
    without = [block.splitlines()[0] for block in blocks if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", block)]
    assert without == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_no_index_is_named(lock: Path):
    lines = [line for line in lock.read_text().splitlines() if not line.lstrip().startswith("#")]
    options = re.compile(r"\s*(-[if]\b|--(index|extra|find|trusted))")
    assert [line for line in lines if "://" in line or options.match(line)] == []


@pytest.mark.parametrize("folder", NPM_FOLDERS, ids=lambda folder: folder.name)
def test_npm_locks_pin_by_integrity_and_name_no_registry(folder: Path):
    lock = json.loads((folder / "package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name and not package.get("link")}
    assert packages, "the lock pins nothing"
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if not package.get("integrity", "").startswith("sha512-")] == []


def test_the_advisor_is_named_by_exact_version():
    dependencies = json.loads((ROOT / "tools" / "advisor" / "package.json").read_text())["dependencies"]
    assert list(dependencies) == ["supabase"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", dependencies["supabase"])


def test_npm_keeps_registries_out_of_the_locks_it_writes():
    for folder in (ROOT, ROOT / "tools" / "advisor"):
        assert "omit-lockfile-registry-resolved=true" in (folder / ".npmrc").read_text().splitlines()


def test_the_pages_come_without_radix():
    for name in ("package.json", "package-lock.json"):
        assert "@radix-ui" not in (ROOT / "reflex.lock" / name).read_text()
