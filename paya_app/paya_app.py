"""The application: pages and the HTTP surface attached, nothing else."""

import reflex as rx

from paya_app.server.asgi import compose, lifespan
from paya_app.server.faults import FAULTS
from paya_app.server.one_line import OneLine
from paya_app.web import shell
from paya_app.web.pages import PAGES
from paya_app.web.viewer import Viewer


def say_trouble(exception: Exception) -> rx.event.EventSpec:
    """An error that no handler expected: logged without its words, told as a sentence."""
    FAULTS.say(exception)
    return Viewer.report_trouble()  # pyright: ignore[reportReturnType] - an event handler called is its spec


app = rx.App(
    html_lang="en",
    head_components=shell.head(),
    stylesheets=["/paya.css"],
    toaster=None,
    app_wraps={(55, "ErrorBoundary"): shell.last_resort, (5, "Overlay"): shell.overlay},
    backend_exception_handler=say_trouble,
    api_transformer=compose,
)
app.register_lifespan_task(lifespan)
for page in PAGES:
    app.add_page(
        page.component, route=page.route, title=page.title, description=page.description, on_load=page.on_load, image=""
    )


def served() -> OneLine:
    """What the server serves: Reflex's application with ours in it, each path of one line."""
    return OneLine(app())
