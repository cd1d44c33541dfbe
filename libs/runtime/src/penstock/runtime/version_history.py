"""Which version of the services a data folder has seen at work."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

DISTRIBUTION = "penstock-runtime"


class VersionHistory:
    """The version that last worked for a while on a data folder."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "version"

    def is_new(self) -> bool:
        """Whether the version that runs has not worked here before, or another has since."""
        try:
            return self._file.read_text().strip() != version(DISTRIBUTION)
        except OSError:
            return True

    def record(self) -> None:
        """Record that the version that runs has worked here for a while."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(version(DISTRIBUTION))
