"""Which files of the prediction log a question is about: found in the store, and on this machine's disk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from penstock.archiver.archive_files import CONTROL, ROOT, ArchiveFile, archive_files, archived_stop, covering
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
        with _failures():
            found = [
                (stream, topic, f"{stream}/{topic}/{partition}/{file.name}")
                for (stream, topic, partition), files in sorted(self._partitions().items())
                if not streams or stream in streams or topic == "decisions"
                for file in covering(files)
            ]
            absent = sorted(set(streams) - {stream for stream, _, _ in found})
            if absent:
                raise wrong_input(f"Nothing is archived of {', '.join(absent)} in {self._url}.")
            return [
                LogFile(None if stream == CONTROL else stream, topic, self._local(name))
                for stream, topic, name in found
            ]

    def ends(self, stream: str) -> Mapping[tuple[str, int], int]:
        """The offset up to which each partition of a stream's topics is archived, by topic and partition."""
        with _failures():
            return {
                (topic, int(partition)): archived_stop(files)
                for (of_stream, topic, partition), files in self._partitions().items()
                if of_stream == stream
            }

    def _partitions(self) -> Mapping[tuple[str, str, str], Sequence[ArchiveFile]]:
        """All files by stream, topic and partition."""
        names: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        for name in self._store.sizes(self._root):
            match name.split("/"):
                case [stream, topic, partition, last]:  # others are somebody else's
                    names[stream, topic, partition].append(last)
        return {key: archive_files(each) for key, each in names.items()}

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


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except ArtifactError as error:
        raise ConsoleFailure(str(error)) from error


class FilesChanged(Exception):
    """A file was merged into another one after it was listed: list them again."""


def _open(url: str) -> NamedFiles:
    try:
        return open_named_files(url)
    except ArtifactError as error:
        raise wrong_input(str(error)) from error
