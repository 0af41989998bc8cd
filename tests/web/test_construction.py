"""Every page can be made, none brings Radix, and the packages are pinned without naming where they come from."""

import json
from pathlib import Path

import pytest
from reflex_base.components.component import Component

from paya_app.web.pages import PAGES, Page

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.route)
def test_a_page_can_be_made(page: Page):
    made = page.component()
    assert isinstance(made, Component)
    assert made.render()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.route)
def test_a_page_has_a_title_and_a_load(page: Page):
    assert page.title.endswith("PaYa") or page.title.startswith("PaYa")
    assert page.on_load is not None


def test_one_module_per_page():
    modules = [page.component.__module__ for page in PAGES]
    assert len(set(modules)) == len(modules)


def test_no_radix_in_the_packages():
    lock = json.loads((ROOT / "reflex.lock" / "package-lock.json").read_text())
    packages = (ROOT / "reflex.lock" / "package.json").read_text()
    assert "radix" not in packages
    assert not [name for name in lock["packages"] if "radix" in name]


def test_the_lock_pins_by_hash_and_names_no_registry():
    text = (ROOT / "reflex.lock" / "package-lock.json").read_text()
    assert '"resolved"' not in text
    entries = {name: entry for name, entry in json.loads(text)["packages"].items() if name and not entry.get("link")}
    assert entries
    assert [name for name, entry in entries.items() if "integrity" not in entry] == []


def test_no_states_list_grows_without_bound():
    for name, limit in {"ROWS_MAX": 50, "PAGE": 50}.items():
        from paya_app.web.pages import activity

        assert getattr(activity, name) <= limit
