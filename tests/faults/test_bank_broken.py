"""The bank checker sees each of thirteen damages, and nothing where there is none."""

import asyncio
from dataclasses import replace

import pytest

from bench.bank import broken, run

pytestmark = pytest.mark.xdist_group("crash")


def named(variants):
    return [pytest.param(variant, id=variant.name) for variant in variants]


@pytest.mark.parametrize("variant", named(broken.VARIANTS))
def test_a_damage_is_seen_and_its_healthy_control_is_not_blamed(bank_server, healthy, variant):
    control = healthy(variant.scenario)
    assert control["violations"] == {}, control["examples"]
    assert control["acknowledged"] > 0

    damaged = asyncio.run(run(bank_server, variant.damaged))
    assert variant.shows & damaged["violations"].keys(), damaged
    assert damaged["seed"] == control["seed"]


def test_what_the_variants_share_is_not_what_gives_them_away(bank_server):
    figures = asyncio.run(run(bank_server, replace(broken.SOUND.damaged, seconds=3)))
    assert figures["violations"] == {}, figures["examples"]
    assert figures["unknown"]["answers_lost"] > 0


def test_every_damage_on_the_shelf_is_tried():
    files = {path.stem for path in broken.FOLDER.glob("*.sql")} - {"first", "sound"}
    assert files <= {variant.name for variant in broken.VARIANTS}
    assert len(broken.VARIANTS) >= 8
