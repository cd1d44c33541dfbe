"""What services fail at is told once, if it lasts: a broker that restarts is nothing to tell."""

from __future__ import annotations

from penstock.console.supervision.lasting_failures import LASTING_LOOKS, LastingFailures

CORRUPT = {"validator": {"penstock.loans.events/1": "the batch is corrupt"}}
CUT_OFF = {"validator": {"validator": "the broker did not answer"}}


def test_a_failure_that_lasts_is_told_once_with_its_reason() -> None:
    lasting = LastingFailures()
    told = [lasting.after(CORRUPT) for _ in range(3 * LASTING_LOOKS)]
    line = "validator cannot go on with penstock.loans.events/1, and tries again: the batch is corrupt"
    assert told == [[]] * (LASTING_LOOKS - 1) + [[line]] + [[]] * (2 * LASTING_LOOKS)


def test_a_service_as_a_whole_is_named_once() -> None:
    lasting = LastingFailures()
    told = [line for _ in range(LASTING_LOOKS) for line in lasting.after(CUT_OFF)]
    assert told == ["validator cannot go on, and tries again: the broker did not answer"]


def test_a_failure_that_is_over_between_two_looks_begins_anew() -> None:
    lasting = LastingFailures()
    for failures in [CUT_OFF] * (LASTING_LOOKS - 1) + [{}] + [CUT_OFF] * (LASTING_LOOKS - 1):
        assert lasting.after(failures) == []
