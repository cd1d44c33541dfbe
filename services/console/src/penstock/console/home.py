"""The folder that holds everything one deployment on one machine writes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from unicodedata import category

from penstock.console.failure import ConsoleFailure

FORMAT = 1


@dataclass(frozen=True)
class Home:
    """The paths of one deployment. Nothing else on the machine is written, except the user's cache.

    >>> Home(Path("/srv/credit")).data("trainer").as_posix()
    '/srv/credit/data/trainer'
    """

    root: Path

    @property
    def run(self) -> Path:
        """The current run: the plan, the supervisor's lock and the deployment record."""
        return self.root / "run"

    @property
    def logs(self) -> Path:
        """One log file per process."""
        return self.root / "logs"

    @property
    def kafka(self) -> Path:
        """The broker's configuration and its log."""
        return self.root / "kafka"

    @property
    def artifacts(self) -> Path:
        """The content-addressed store of models and archives."""
        return self.root / "artifacts"

    @property
    def keys(self) -> Path:
        """The keys that sign models and seal answers."""
        return self.root / "keys"

    @property
    def signing_key(self) -> Path:
        """The private key that signs models."""
        return self.keys / "signing.pem"

    @property
    def trusted_keys(self) -> Path:
        """The public keys whose models are served."""
        return self.keys / "trusted.pem"

    @property
    def answer_key(self) -> Path:
        """The key that seals answers given over HTTP."""
        return self.keys / "answer.key"

    @property
    def demo(self) -> Path:
        """The demo's report."""
        return self.root / "demo"

    @property
    def database(self) -> Path:
        """The registry's SQLite database."""
        return self.root / "registry.db"

    @property
    def batches(self) -> Path:
        """What declared batches have written, a folder for each stream."""
        return self.root / "batches"

    @property
    def temporary(self) -> Path:
        """The processes' temporary files."""
        return self.run / "tmp"

    def data(self, service: str) -> Path:
        """The folder in which a service keeps its state."""
        return self.root / "data" / service

    def log_file(self, process: str) -> Path:
        """The log file of a process."""
        return self.logs / f"{process}.log"


def home_from_environment() -> Home:
    """The home named by `PENSTOCK_HOME`, else `.penstock` in the working directory."""
    return Home(Path(os.environ.get("PENSTOCK_HOME") or ".penstock").absolute())


def prepare(home: Home) -> None:
    """Create the folders of `home`, or check that an existing one can be read.

    Raises:
        ConsoleFailure: the home was written in another format, cannot be written, or cannot be named to the services.
    """
    _check_name(home)
    try:
        home.root.mkdir(parents=True, exist_ok=True)
        check_format(home)
        for folder in (home.run, home.logs, home.kafka, home.artifacts, home.demo, home.temporary):
            folder.mkdir(parents=True, exist_ok=True)
        home.keys.mkdir(mode=0o700, exist_ok=True)
        _format_file(home).write_text(f"{FORMAT}\n")
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConsoleFailure(f"The home {home.root} cannot be written: {reason}.", status=2) from error


def check_format(home: Home) -> None:
    """Check that this version can read the home.

    Raises:
        ConsoleFailure: the home has another format.
    """
    file = _format_file(home)
    home_format = file.read_text(errors="replace").strip() if file.exists() else str(FORMAT)
    if home_format != str(FORMAT):
        raise ConsoleFailure(
            f"The home {home.root} has format {home_format[:20]!r}; this Penstock reads format {FORMAT}. "
            "Use the version that wrote it, or choose another folder with PENSTOCK_HOME.",
            status=2,
        )


def _check_name(home: Home) -> None:
    """A question mark would end the path of the database's URL, and Java reads file names as UTF-8 text."""
    path = str(home.root)
    if any(letter == "?" or category(letter) in ("Cc", "Cs") for letter in path):
        raise ConsoleFailure(
            f"The home {path!r} has a character in its path that is not allowed: a question mark, a line break or "
            "what is no UTF-8. Choose another folder with PENSTOCK_HOME.",
            status=2,
        )


def _format_file(home: Home) -> Path:
    return home.root / "format"
