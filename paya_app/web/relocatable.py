"""One build for every address: the bundle asks the page's own origin."""

import re
from pathlib import Path
from typing import Any

from reflex_base.plugins.base import Plugin

_SOCKET = re.compile(r"[`\"']ws://[^/`\"']+(/[^`\"']*)[`\"']")
_HTTP = re.compile(r"[`\"']http://[^/`\"']+(/[^`\"']*)[`\"']")


class Relocatable(Plugin):
    """Rewrites the backend's address, which Reflex bakes into one file, to `location.origin`."""

    def post_build(self, **context: Any) -> None:
        """Rewrite the address in `static_dir`.

        Raises:
            RuntimeError: the bundle does not look as expected, so the page would call a wrong address.
        """
        static_dir: Path = context["static_dir"]
        files = list(static_dir.glob("assets/reflex-env-*.js"))
        if len(files) != 1:
            raise RuntimeError(f"expected one reflex-env file in the bundle, found {len(files)}")
        text = files[0].read_text()
        text, sockets = _SOCKET.subn(r"(location.origin.replace(/^http/,`ws`)+`\1`)", text)
        text, addresses = _HTTP.subn(r"(location.origin+`\1`)", text)
        if sockets != 1 or not addresses:
            raise RuntimeError(f"expected one socket address in {files[0].name}, found {sockets}")
        files[0].write_text(text)
