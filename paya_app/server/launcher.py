"""Serves the built pages and the HTTP surface with granian, on one port."""

import os
from pathlib import Path

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from paya_app.core.config import settings
from paya_app.server.build import ROOT, BuildFailed, build, is_whole

APP_NAME = "paya_app"
SOCKET_BYTES_MAX = 64 * 1024


def serve(host: str, port: int, *, bundle: Path | None = None) -> None:
    """Serve until told to end.

    Args:
        host: Address to bind.
        port: Port to bind.
        bundle: The built pages; when not given, `pages_to_serve`.
    """
    pages = bundle or pages_to_serve()
    home = ROOT if (ROOT / "rxconfig.py").is_file() else pages
    if not (home / "rxconfig.py").is_file():
        raise BuildFailed("This installation of PaYa came without its pages' settings. Install it again.")
    # Reflex looks for rxconfig.py in the directory it runs in, wherever we were started.
    os.chdir(home)
    os.environ |= environment(pages)
    Server(
        "paya_app.paya_app:served",
        factory=True,
        interface=Interfaces.ASGI,
        address=host,
        port=port,
        workers=1,
        websockets=True,
        log_level=_log_level(),
        working_dir=home,
        workers_kill_timeout=5,
    ).serve()


def pages_to_serve() -> Path:
    """The bundle that the supervisor began with; started by hand, that of the sources (built when there is none).

    Raises:
        BuildFailed: there is none, and it cannot be built.
    """
    began_with = settings().paya_local_bundle
    if began_with and is_whole(Path(began_with)):
        return Path(began_with)
    return build(_say)


def require_configured() -> None:
    """Refuse to serve when Reflex did not find rxconfig.py, which it looks for in the directory it runs in.

    Without it, sockets of any origin would be let in and pages would be asked for elsewhere.

    Raises:
        RuntimeError: Reflex runs with settings that are not ours.
    """
    from reflex_base.config import get_config

    if get_config().app_name != APP_NAME:
        raise RuntimeError(f"Reflex did not find PaYa's rxconfig.py from {Path.cwd()}.")


def environment(bundle: Path) -> dict[str, str]:
    """What Reflex reads to serve a bundle without compiling, bundling or asking the network for anything."""
    source = str(ROOT)
    paths = [str(bundle), source, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {
        "REFLEX_WEB_WORKDIR": str(bundle),
        "REFLEX_STATES_WORKDIR": str(bundle / "states"),
        "REFLEX_DIR": str(bundle / "reflex"),
        "REFLEX_ENV_MODE": "prod",
        "REFLEX_BACKEND_ONLY": "1",
        "REFLEX_CHECK_LATEST_VERSION": "false",
        "REFLEX_TELEMETRY_ENABLED": "false",
        "REFLEX_SOCKET_MAX_HTTP_BUFFER_SIZE": str(SOCKET_BYTES_MAX),
        "__REFLEX_SKIP_COMPILE": "1",
        "__REFLEX_MOUNT_FRONTEND_COMPILED_APP": "1",
        "PAYA_PUBLIC_URL": settings().public_url,
        "PYTHONPATH": os.pathsep.join(paths),
    }


def _log_level() -> LogLevels:
    return LogLevels.warning if settings().paya_env == "production" else LogLevels.info


def _say(line: str) -> None:
    os.write(2, f"{line}\n".encode())
