"""A sheet over the page (a dialog on wide screens), from Base UI: focus kept inside, Escape closes."""

from typing import Any

import reflex as rx

LIBRARY = "@base-ui/react@1.9.0"


def _open(is_open: rx.Var[bool], details: rx.Var) -> tuple[rx.Var[bool]]:  # noqa: ARG001 - the library sends two
    return (is_open,)


class _Part(rx.Component):
    library = LIBRARY


class _Root(_Part):
    tag = "Dialog.Root"
    open: rx.Var[bool]
    on_open_change: rx.EventHandler[_open]


class _Portal(_Part):
    tag = "Dialog.Portal"


class _Backdrop(_Part):
    tag = "Dialog.Backdrop"


class _Popup(_Part):
    tag = "Dialog.Popup"


class _Title(_Part):
    tag = "Dialog.Title"


def sheet(*children: rx.Component, title: str, is_open: Any, on_open_change: Any) -> rx.Component:
    """The sheet with its title; `on_open_change` gets the wanted state when it is dismissed."""
    return _Root.create(
        _Portal.create(
            _Backdrop.create(class_name="veil"),
            _Popup.create(
                _Title.create(title, class_name="text-center text-base font-semibold mb-4"),
                *children,
                class_name="sheet",
            ),
        ),
        open=is_open,
        on_open_change=on_open_change,
    )
