"""The front end, built once and kept: a bundle per content of its sources.

The build runs in a staging directory under `.web/` (ignored by git), so nothing else in the source tree
changes, and its result is copied to `.web/bundles/<key>/`. The stamp is written last: a bundle without it is
half made and is built again. An installed PaYa carries its bundle next to this module and builds nothing.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = Path(__file__).resolve().parent / "bundle"
STAMP = "paya-bundle.json"
BUNDLES_KEPT = 4
BUILD_S_MAX = 900

_FILES = ("rxconfig.py", ".npmrc", "bunfig.toml", "paya_app/paya_app.py")
_TREES = ("assets", "reflex.lock", "paya_app/web")
_STAGED = ("rxconfig.py", ".npmrc", "bunfig.toml", "assets", "reflex.lock")
# What a stage looks like from the outside: a piece of the builder's output, and how to say it.
_STAGES = (
    ("Initializing", "preparing"),
    ("Compiling", "compiling the pages"),
    ("Creating Production Build", "bundling for the browser"),
)

Progress = Callable[[str], None]


class BuildFailed(Exception):
    """The front end could not be built; the message says why and where the whole output is."""


def build(on_progress: Progress, *, root: Path = ROOT) -> Path:
    """Make sure that the bundle for the current sources exists, and return its directory.

    Args:
        on_progress: Gets one plain line per stage; is not called when the bundle is there already.
        root: The source tree.

    Raises:
        BuildFailed: no bundle, and it cannot be built.
    """
    if not (root / "rxconfig.py").exists():
        if is_whole(SHIPPED):
            return SHIPPED
        raise BuildFailed("This installation of PaYa came without its web pages. Install it again.")
    bundle = root / ".web" / "bundles" / sources_key(root)
    if is_whole(bundle):
        return bundle
    (root / ".web").mkdir(exist_ok=True)
    with FileLock(root / ".web" / "build.lock", timeout=BUILD_S_MAX):
        if not is_whole(bundle):
            _build(root, bundle, on_progress)
    return bundle


def sources_key(root: Path = ROOT) -> str:
    """A hash of everything that the bundle is made from: pages, parts, assets, settings, locks, Reflex."""
    digest = hashlib.sha256(f"reflex {version('reflex')}\n".encode())
    for path in sorted(_sources(root)):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def _sources(root: Path) -> list[Path]:
    files = [root / name for name in _FILES if (root / name).is_file()]
    for tree in _TREES:
        files += [
            path
            for path in (root / tree).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts and "external" not in path.parts
        ]
    return files


def is_whole(bundle: Path) -> bool:
    """Whether the bundle was finished."""
    return (bundle / STAMP).is_file()


def _build(root: Path, bundle: Path, on_progress: Progress) -> None:
    started = time.monotonic()
    on_progress("Building the web pages, once for these sources (about half a minute) …")
    stage = root / ".web" / "stage"
    _prepare(root, stage)
    _export(root, stage, on_progress)
    _keep(stage, bundle)
    _prune(bundle)
    on_progress(f"Web pages built in {time.monotonic() - started:.0f} s.")


def _prepare(root: Path, stage: Path) -> None:
    """Bring the stage's copies up to date; its packages and Reflex's own caches stay from the last build."""
    stage.mkdir(parents=True, exist_ok=True)
    for name in _STAGED:
        source, target = root / name, stage / name
        if target.is_dir():
            shutil.rmtree(target)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("external"))
        elif source.exists():
            shutil.copy2(source, target)


def _export(root: Path, stage: Path, on_progress: Progress) -> None:
    log = root / ".web" / "build.log"
    tail: deque[str] = deque(maxlen=12)
    said: set[str] = set()
    command = [sys.executable, "-m", "reflex", "export", "--frontend-only", "--no-zip"]
    with (
        log.open("w", encoding="utf-8") as record,
        subprocess.Popen(  # noqa: S603 - our own interpreter
            command,
            cwd=stage,
            env=_environment(root, stage),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        ) as process,
    ):
        assert process.stdout is not None  # noqa: S101 - PIPE was asked for
        for line in process.stdout:
            record.write(line)
            tail.append(line.rstrip())
            for sign, words in _STAGES:
                if sign in line and words not in said:
                    said.add(words)
                    on_progress(f"  … {words}")
        code = process.wait(BUILD_S_MAX)
    if code or not (stage / ".web" / "build" / "client" / "index.html").exists():
        shown = "\n".join(f"    {line}" for line in tail if line.strip())
        raise BuildFailed(
            f"The web pages could not be built (exit {code}). The first build downloads npm packages, so it needs "
            f"the network. The end of its output:\n{shown}\n  All of it: {log}"
        )


def _environment(root: Path, stage: Path) -> dict[str, str]:
    """The builder's environment: npm from this environment, nothing asked of the network but packages."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REFLEX_", "__REFLEX"))}
    return kept | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH", "")])),
        "PYTHONUNBUFFERED": "1",
        "REFLEX_USE_NPM": "1",
        "REFLEX_CHECK_LATEST_VERSION": "false",
        "REFLEX_TELEMETRY_ENABLED": "false",
        "REFLEX_DIR": str(stage / "reflex"),
        "REFLEX_ENV_MODE": "prod",
        # The address in the bundle is rewritten after the build; a fixed one keeps the bundle the same.
        "PAYA_PUBLIC_URL": "http://localhost:8700",
        "NO_COLOR": "1",
        "TERM": "dumb",
        "COLUMNS": "160",
    }


def _keep(stage: Path, bundle: Path) -> None:
    """Copy what serving needs, beside its place, and put it there in one move."""
    web, half_made = stage / ".web", bundle.with_suffix(".part")
    shutil.rmtree(half_made, ignore_errors=True)
    shutil.rmtree(bundle, ignore_errors=True)
    shutil.copytree(web / "build" / "client", half_made / "build" / "client")
    shutil.copytree(web / "backend", half_made / "backend")
    shutil.copy2(web / "reflex.json", half_made / "reflex.json")
    shutil.copy2(stage / "rxconfig.py", half_made / "rxconfig.py")  # an installed PaYa has no other
    (half_made / STAMP).write_text(json.dumps({"key": bundle.name, "reflex": version("reflex")}) + "\n")
    half_made.rename(bundle)


def _prune(newest: Path) -> None:
    """Forget bundles that no one has built or asked for in a while; a running app holds its own in memory."""
    others = [path for path in newest.parent.iterdir() if path.is_dir() and path != newest]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in others[BUNDLES_KEPT - 1 :]:
        shutil.rmtree(path, ignore_errors=True)


def refresh_lock(*, root: Path = ROOT) -> bool:
    """Copy the npm lock of the last build back into the source tree. True when it changed."""
    staged, kept = root / ".web" / "stage" / "reflex.lock", root / "reflex.lock"
    changed = False
    for name in ("package.json", "package-lock.json"):
        content = (staged / name).read_bytes()
        if not (kept / name).exists() or (kept / name).read_bytes() != content:
            kept.mkdir(exist_ok=True)
            (kept / name).write_bytes(content)
            changed = True
    return changed


def main() -> int:
    """`python -m paya_app.server.build [--lock]`: build, and with `--lock` keep the npm lock it used."""
    try:
        bundle = build(_say)
    except BuildFailed as error:
        _say(str(error))
        return 1
    if "--lock" in sys.argv[1:] and refresh_lock():
        _say("The npm lock changed: commit reflex.lock/. The next build uses it.")
    _say(str(bundle))
    return 0


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
