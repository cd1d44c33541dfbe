"""Which failures of services a command tells that waits for them: decisions without I/O."""

from __future__ import annotations

from collections.abc import Mapping

LASTING_LOOKS = 5  # what a restart of the broker leaves behind is over by then


class LastingFailures:
    """What services fail at in several looks in a row: a broker that restarts is no failure of theirs."""

    def __init__(self) -> None:
        self._looks: dict[tuple[str, str], int] = {}  # in how many looks in a row each was there
        self._told: set[tuple[str, str]] = set()

    def after(self, failures: Mapping[str, Mapping[str, str]]) -> list[str]:
        """The lines to tell after another look that found these failures, by service and what it fails at."""
        now = {(name, what): why for name, of_service in failures.items() for what, why in of_service.items()}
        self._looks = {failure: self._looks.get(failure, 0) + 1 for failure in now}
        lasting = (failure for failure, looks in self._looks.items() if looks >= LASTING_LOOKS)
        new = [failure for failure in lasting if failure not in self._told]
        self._told.update(new)
        return [f"{_words(*failure)}, and tries again: {now[failure]}" for failure in new]


def _words(name: str, what: str) -> str:
    return f"{name} cannot go on" if what == name else f"{name} cannot go on with {what}"
