"""Java archives as they are pinned, kept in the user's cache and downloaded once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.console.broker.jar_pins import Pin

if TYPE_CHECKING:
    from penstock.console.broker.download import Progress


def user_cache() -> Path:
    """The user's cache folder, shared by all homes."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "penstock"


def obtain_jars(archives: Sequence[Pin], cache: Path | None = None, progress: Progress | None = None) -> list[Path]:
    """The archives' paths, in the order of `archives`; what the cache lacks is downloaded.

    Every archive is compared with its pin each time, so a damaged or replaced one is never run.

    Raises:
        ConsoleFailure: an archive cannot be downloaded, or does not have the pinned digest.
    """
    folder = (cache or user_cache()) / "jars"
    missing = [pin for pin in archives if not pin.matches(folder / pin.file_name)]
    if missing:
        # The Maven client takes a second to import, which a start from the cache does not need.
        from penstock.console.broker.download import download  # noqa: PLC0415

        download(missing, folder, progress)
    return [folder / pin.file_name for pin in archives]
