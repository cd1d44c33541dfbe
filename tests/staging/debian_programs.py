"""Programs of Debian: downloaded once into the user's cache, and compared with their pins."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from penstock.console.broker.jars import user_cache


class DebianPackage(NamedTuple):
    """A package of Debian 12 for amd64, and the SHA-256 of its file."""

    name: str
    version: str
    digest: str

    @property
    def file_name(self) -> str:
        """As `apt-get download` names it."""
        return f"{self.name}_{self.version.replace(':', '%3a')}_amd64.deb"


LIBRARIES = "usr/lib/x86_64-linux-gnu"


def obtain_programs(packages: Sequence[DebianPackage]) -> Path:
    """The folder with what the packages hold, `usr/bin` and `LIBRARIES` in it; nothing is installed, nor as root.

    Raises:
        SystemExit: a package cannot be had, or is not the one that is pinned.
    """
    folder = user_cache() / "debian"
    folder.mkdir(parents=True, exist_ok=True)
    for package in packages:
        file = folder / package.file_name
        if not file.is_file():
            _run("apt-get", "download", f"{package.name}={package.version}", cwd=folder)
        if hashlib.sha256(file.read_bytes()).hexdigest() != package.digest:
            file.unlink()
            raise SystemExit(f"{file.name} does not have the pinned SHA-256 {package.digest}; it was thrown away")
        _run("dpkg-deb", "--extract", str(file), "programs", cwd=folder)
    return folder / "programs"


def _run(*command: str, cwd: Path) -> None:
    try:
        subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        detail = getattr(error, "stderr", "") or error
        raise SystemExit(f"{' '.join(command)} failed; the check needs Debian 12 on amd64: {detail}") from error
