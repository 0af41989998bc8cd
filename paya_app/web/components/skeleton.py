"""What a page shows while it waits: bones with the height of what comes."""

import reflex as rx


def bone(width: str = "100%", height: str = "18px", class_name: str = "") -> rx.Component:
    """One grey bar."""
    return rx.el.span(class_name=f"bone {class_name}".strip(), style={"width": width, "height": height})


def bone_rows(count: int = 4) -> rx.Component:
    """Rows of a list to be, as high as rows of two lines are."""
    row = rx.el.div(
        bone("40px", "40px", "rounded-full! shrink-0"),
        rx.el.div(bone("58%", "16px"), bone("38%", "14px", "mt-2"), class_name="t"),
        bone("44px", "14px"),
        class_name="row",
    )
    return rx.el.div(*[row for _ in range(count)], class_name="bone-rows", aria_hidden="true")


def bone_section(count: int = 4) -> rx.Component:
    """A heading and rows to be, where a section with a list comes."""
    return rx.el.div(
        rx.el.div(bone("88px", "16px"), class_name="sec", aria_hidden="true"),
        rx.el.div(bone_rows(count), class_name="card"),
    )


def waiting(*children: rx.Component) -> rx.Component:
    """A part of the page that waits, said once to screen readers."""
    return rx.el.div(rx.el.p("Loading …", class_name="sr-only", role="status"), *children, aria_busy="true")
