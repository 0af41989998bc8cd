"""How Reflex builds and serves PaYa's web."""

import os

import reflex as rx
from reflex.constants import StateManagerMode

from paya_app.web.relocatable import Relocatable

_origin = os.environ.get("PAYA_PUBLIC_URL", "").rstrip("/") or f"http://localhost:{os.environ.get('PORT') or 8700}"

config = rx.Config(
    app_name="paya_app",
    telemetry_enabled=False,
    show_built_with_reflex=False,
    # The address in the bundle is replaced by the page's own origin after the build (Relocatable); at run
    # time the origin is what the socket and CORS compare with.
    api_url=_origin,
    deploy_url=_origin,
    cors_allowed_origins=[_origin],
    frontend_compression_formats=["brotli", "gzip"],
    state_manager_mode=StateManagerMode.REDIS if os.environ.get("REFLEX_REDIS_URL") else StateManagerMode.MEMORY,
    # Pages find their way back without it (address and database), so half an hour of an idle page is enough.
    redis_token_expiration=1800,
    plugins=[Relocatable(), rx.plugins.TailwindV4Plugin({"plugins": []})],
    disable_plugins=[rx.plugins.SitemapPlugin],
)
