"""A plot of money over days, with its figures as a table below it."""

from dataclasses import dataclass
from typing import Any

import reflex as rx


@dataclass
class ChartPoint:
    """At the end of `day` (ISO): US cents; `low` and `high` are `worth` where there is no range."""

    day: str
    spent: int
    worth: int
    low: int
    high: int


class _LabChart(rx.Component):
    library = rx.asset("lab_chart.jsx", shared=True).importable_path
    tag = "LabChart"

    points: rx.Var[list[ChartPoint]]
    title: rx.Var[str]
    worth: rx.Var[str]


def lab_chart(points: Any, *, title: str, worth: str) -> rx.Component:
    """The plot. `title`: what it shows, for screen readers; `worth`: what the line of the worth is called."""
    return _LabChart.create(points=points, title=title, worth=worth)
