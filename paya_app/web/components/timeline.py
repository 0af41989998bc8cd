"""The stages of something that takes days."""

from dataclasses import dataclass
from typing import Any

import reflex as rx

from paya_app.web.components.when import when


@dataclass
class StageRow:
    """One stage as the page shows it; `mark` is done, now, failed or empty, times are ISO 8601 or empty."""

    title: str
    mark: str
    at: str
    expected_at: str
    detail: str


def timeline(stages: Any) -> rx.Component:
    """What happened, what happens now, and what comes when."""
    return rx.el.ol(rx.foreach(stages, _stage), class_name="tl card", aria_label="Stages")


def _stage(stage: rx.vars.ObjectVar[StageRow]) -> rx.Component:
    return rx.el.li(
        rx.el.b(stage.title),
        rx.cond(stage.detail != "", rx.el.p(stage.detail, class_name="s m")),
        rx.cond(
            stage.at != "",
            rx.el.p(when(stage.at), class_name="s m num"),
            rx.cond(
                stage.expected_at != "",
                rx.el.p(when(stage.expected_at, "by", "Expected "), class_name="s m num"),
            ),
        ),
        rx.cond(stage.mark == "now", rx.el.span("In progress", class_name="sr-only")),
        rx.cond(stage.mark == "done", rx.el.span("Done", class_name="sr-only")),
        class_name=stage.mark,
        aria_current=rx.cond(stage.mark == "now", "step", "false"),
    )
