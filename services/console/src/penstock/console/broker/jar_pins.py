"""The pins of Java archives: which are wanted, and the digest each must have."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path


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
