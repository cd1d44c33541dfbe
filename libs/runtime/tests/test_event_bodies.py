"""What the documents say of an event is what is checked."""

from __future__ import annotations

import re

from penstock.contracts.checks.envelope_check import UNFIT_FOR_ID
from penstock.runtime.http.event_bodies import ID_PATTERN

BLANKS_IN_SOME_LANGUAGES = "\u0085\ufeff"
"""`\\s` of Python has the first, that of JavaScript the second."""


def test_an_id_that_the_documents_allow_is_one_that_is_accepted() -> None:
    characters = [chr(code) for code in range(0x10000)]
    assert [each for each in characters if re.match(ID_PATTERN, each)] == [
        each for each in characters if not UNFIT_FOR_ID.search(each)
    ]
    without_blanks = ID_PATTERN.replace(r"\s", "")
    assert not [each for each in BLANKS_IN_SOME_LANGUAGES if re.match(without_blanks, each)]
