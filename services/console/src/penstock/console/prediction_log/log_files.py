"""Which files of the prediction log a question is about: found in the store, and on this machine's disk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from penstock.archiver.archive_files import CONTROL, ROOT, archive_files, covering
from penstock.artifacts import ArtifactError, open_named_files
from penstock.artifacts.named_files import NamedFiles
from penstock.console.failure import ConsoleFailure, wrong_input


class LogFile(NamedTuple):
    """A file with records of a topic, on this machine; `stream` is None for the control plane."""

    stream: str | None
    topic: str
    path: Path


class PredictionLog:
    """The prediction log of a namespace, in the store at a URL; what lies elsewhere is fetched into `folder`.

    Raises:
        ConsoleFailure (from every method): the store cannot be read.
    """

    def __init__(self, url: str, namespace: str, folder: Path) -> None:
        self._url = url
        self._root = f"{ROOT}/{namespace}"
        self._folder = folder
        self._store = _open(url)

    def files(self, streams: Collection[str]) -> list[LogFile]:
        """The files of these streams, or of all and of the control plane; decisions, which name streams, in any case.

        Raises:
            ConsoleFailure: nothing is archived of one of the streams.
        """
        try:
            return self._files(streams)
        except ArtifactError as error:
            raise ConsoleFailure(str(error)) from error

    def _files(self, streams: Collection[str]) -> list[LogFile]:
        found = list(self._wanted(self._store.sizes(self._root), streams))
        absent = sorted(set(streams) - {stream for stream, _, _ in found})
        if absent:
            raise wrong_input(f"Nothing is archived of {', '.join(absent)} in {self._url}.")
        return [
            LogFile(None if stream == CONTROL else stream, topic, self._local(name)) for stream, topic, name in found
        ]

    def _wanted(self, names: Iterable[str], streams: Collection[str]) -> Iterable[tuple[str, str, str]]:
        """Stream, topic and name of the files to read, without those that are in others."""
        folders: dict[str, list[str]] = defaultdict(list)
        for name in names:
            folder, _, last = name.rpartition("/")
            if folder.count("/") == 2:  # others are somebody else's
                folders[folder].append(last)
        for folder, files in sorted(folders.items()):
            stream, topic, _ = folder.split("/")
            if not streams or stream in streams or topic == "decisions":
                for file in covering(archive_files(files)):
                    yield stream, topic, f"{folder}/{file.name}"

    def _local(self, name: str) -> Path:
        if not self._url.startswith("s3://"):
            return Path(self._url.removeprefix("file://")).expanduser().absolute() / self._root / name
        path = self._folder / name
        if not path.exists():
            content = self._store.read(f"{self._root}/{name}")
            if content is None:
                raise FilesChanged(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return path


class FilesChanged(Exception):
    """A file was merged into another one after it was listed: list them again."""


def _open(url: str) -> NamedFiles:
    try:
        return open_named_files(url)
    except ArtifactError as error:
        raise wrong_input(str(error)) from error
