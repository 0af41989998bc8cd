"""The documents are true: links lead somewhere, every setting is described, every decision is listed."""

import re
from pathlib import Path

import pytest

from paya_app.core.config import SECRETS_NEEDED_HOSTED, Settings

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def settings_described() -> dict[str, bool]:
    """Each variable of README's table, and whether it is said to be needed."""
    found = {}
    for line in (ROOT / "README.md").read_text().splitlines():
        if row := re.match(r"\| (`[A-Z_`, ]+`) \| (needed)? ?\|", line):
            found |= dict.fromkeys(re.findall(r"`([A-Z_]+)`", row[1]), row[2] == "needed")
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files(document: Path):
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text())
    local = [link for link in links if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in local if not (document.parent / link).exists()] == []


def test_every_setting_is_described_and_no_other():
    internal = {name for name in Settings.model_fields if name.startswith("paya_local_")}
    assert set(settings_described()) == {name.upper() for name in set(Settings.model_fields) - internal}


def test_what_hosted_mode_needs_is_marked():
    needed = {name for name, is_needed in settings_described().items() if is_needed}
    assert needed == {name.upper() for name in SECRETS_NEEDED_HOSTED}


def test_every_decision_is_listed():
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(r"\| \[(\d{4})\]\((\1-[a-z0-9-]+\.md)\) \|", (folder / "README.md").read_text())
    assert [name for _, name in listed] == sorted(path.name for path in folder.glob("[0-9]*.md"))
    for number, name in listed:
        assert (folder / name).read_text().startswith(f"# {number} ")


def test_the_readme_says_how_to_start():
    text = (ROOT / "README.md").read_text()
    assert "\nmake run\n" in text
    assert "\nmake test\n" in text


def test_the_changelog_has_a_place_for_what_comes():
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text()


def test_every_layer_that_is_enforced_is_explained():
    text = (ROOT / "docs" / "architecture.md").read_text()
    settings = (ROOT / "pyproject.toml").read_text()
    layers = re.search(r"^layers = \[(.*?)^\]", settings, re.DOTALL | re.MULTILINE)
    assert layers
    names = set(re.findall(r"\b([a-z]+)\b", layers[1])) - {"__main__"}
    listing = re.search(r"^```\n(cli,.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert listing
    present = {name for name in names if (ROOT / "paya_app" / name / "__init__.py").exists()}
    assert {name for name in present if not re.search(rf"\b{name}\b", listing[1])} == set()
