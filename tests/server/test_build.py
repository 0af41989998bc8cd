"""The front end is built once per content of its sources, and a failure says what happened."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from paya_app.server import build
from paya_app.server.build import ROOT, STAMP, BuildFailed, refresh_lock, sources_key

SOURCES = ("rxconfig.py", ".npmrc", "bunfig.toml", "assets", "reflex.lock", "paya_app")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the sources."""
    root = tmp_path / "paya"
    root.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "external"))
        else:
            shutil.copy2(ROOT / name, root / name)
    return root


def bundle_of(root: Path, key: str) -> Path:
    made = root / ".web" / "bundles" / key
    (made / "build" / "client").mkdir(parents=True)
    return made


def test_the_key_is_the_content(tree: Path):
    key = sources_key(tree)
    assert sources_key(tree) == key
    (tree / "paya_app" / "wallet" / "service.py").write_text("# no page is made from this\n")
    (tree / "paya_app" / "web" / "__pycache__").mkdir()
    (tree / "paya_app" / "web" / "__pycache__" / "x.pyc").write_bytes(b"x")
    assert sources_key(tree) == key
    for name in ("assets/paya.css", "paya_app/web/pages/home.py", "reflex.lock/package-lock.json", "rxconfig.py"):
        with (tree / name).open("a") as source:
            source.write("\n")
        assert sources_key(tree) != key, name
        key = sources_key(tree)
    (tree / "paya_app" / "web" / "pages" / "new.py").write_text("")
    assert sources_key(tree) != key


def test_a_whole_bundle_is_used_without_a_word(tree: Path):
    bundle = bundle_of(tree, sources_key(tree))
    (bundle / STAMP).write_text("{}")
    said: list[str] = []
    assert build.build(said.append, root=tree) == bundle
    assert said == []


def test_a_page_that_cannot_be_built_is_named_and_nothing_half_made_is_used(tree: Path):
    (tree / "paya_app" / "web" / "pages" / "home.py").write_text("raise RuntimeError('this page is broken')\n")
    half_made = bundle_of(tree, sources_key(tree))
    said: list[str] = []
    with pytest.raises(BuildFailed, match="this page is broken") as failed:
        build.build(said.append, root=tree)
    assert str(tree / ".web" / "build.log") in str(failed.value)
    assert said[0].startswith("Building the web pages")
    assert not (half_made / STAMP).exists()
    left = {path.name for path in tree.iterdir()}
    assert left == {*SOURCES, ".web"}


def test_an_installation_without_sources_and_pages_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(build, "SHIPPED", tmp_path / "bundle")
    with pytest.raises(BuildFailed, match="without its web pages"):
        build.build(lambda _: None, root=tmp_path)
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / STAMP).write_text("{}")
    assert build.build(lambda _: None, root=tmp_path) == tmp_path / "bundle"


def test_old_bundles_are_forgotten(tmp_path: Path):
    made = [tmp_path / f"{number}" for number in range(8)]
    for bundle in made:
        bundle.mkdir()
    build._prune(made[0])
    assert made[0].exists()
    assert len(list(tmp_path.iterdir())) == build.BUNDLES_KEPT


def test_the_lock_comes_back_only_when_it_changed(tree: Path):
    staged = tree / ".web" / "stage" / "reflex.lock"
    shutil.copytree(tree / "reflex.lock", staged)
    assert refresh_lock(root=tree) is False
    (staged / "package.json").write_text("{}")
    assert refresh_lock(root=tree) is True
    assert (tree / "reflex.lock" / "package.json").read_text() == "{}"


def test_building_again_changes_nothing_that_git_would_see():
    """The run's own bundle is built by now or here; the tree stays as it was."""
    before = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=True)
    done = subprocess.run(
        [sys.executable, "-m", "paya_app.server.build"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    after = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert after.stdout == before.stdout
    bundle = Path(done.stderr.strip().splitlines()[-1])
    assert (bundle / STAMP).exists()
    client = bundle / "build" / "client"
    env = next(client.glob("assets/reflex-env-*.js")).read_text()
    assert "localhost" not in env
    assert "location.origin" in env
    assert next(client.glob("assets/entry.client-*.js.br")).exists()
    assert next(client.glob("assets/entry.client-*.js.gz")).exists()
