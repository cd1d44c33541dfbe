"""Java archives, pinned by name and digest and kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.console.broker.download import Progress


@dataclass(frozen=True)
class Pin:
    """One archive: its Maven coordinate and the SHA-256 of its bytes.

    >>> Pin.parse("00ff  io.zipkin:zipkin-server:3.5.1:exec").file_name
    'zipkin-server-3.5.1-exec.jar'
    """

    digest: str
    group: str
    name: str
    version: str
    classifier: str = ""

    @classmethod
    def parse(cls, line: str) -> Pin:
        """Read `<sha256>  <group>:<name>:<version>[:<classifier>]`."""
        digest, coordinate = line.split()
        return cls(digest, *coordinate.split(":"))

    @property
    def file_name(self) -> str:
        """The archive's name in a Maven repository."""
        return "-".join(filter(None, (self.name, self.version, self.classifier))) + ".jar"

    def matches(self, path: Path) -> bool:
        """Whether `path` is a file with the pinned digest."""
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self.digest


def read_pins(name: str) -> tuple[Pin, ...]:
    """The pins that this package carries for `kafka` or `zipkin`."""
    text = (files("penstock.console") / "local" / f"{name}.sha256").read_text()
    return tuple(map(Pin.parse, text.splitlines()))


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
