"""Imports go down only, arrows between folders go one way, and only the edge does I/O: rules of pyproject.toml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from . import house

ROOT = Path(__file__).parents[2]


def test_the_import_rules_are_kept() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[done.stdout.find("Broken contracts") :] + done.stderr


def test_the_picture_of_the_house_is_current() -> None:
    assert house.PICTURE.read_text() == house.draw(), "run `make docs`"


def test_every_distribution_is_in_the_picture() -> None:
    drawn = {name for layer in house.LAYERS for name in layer}
    assert drawn == set(house.distributions())
