"""A key of the stream's state means one thing for ever: what an earlier release stored lies under it still."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import penstock.drift_detector

RETIRED = {"2c", "2q"}  # of earlier releases, whose values nothing reads any more

SOURCES = Path(penstock.drift_detector.__path__[0])


def test_no_key_is_used_twice_or_again() -> None:
    texts = (path.read_text() for path in SOURCES.rglob("*.py"))
    keys = Counter(key for text in texts for key in re.findall(r'b"(2[a-z])"', text))
    assert keys, "the keys are written otherwise now: mend this test"
    assert {key for key, uses in keys.items() if uses > 1} == set()
    assert keys.keys() & RETIRED == set()
