"""What goes with a stream that is deleted, and what retention keeps: counted, before a person is asked."""

from __future__ import annotations

from typing import Any, NamedTuple

from penstock.archiver.archive_files import ROOT
from penstock.artifacts import ArtifactError, open_named_files
from penstock.bus.ports import Log
from penstock.bus.topics import stream_topics
from penstock.console.failure import ConsoleFailure
from penstock.contracts.records.streams import StreamDeclared


class Topics(NamedTuple):
    """The stream's topics that are on the broker, the records in them, and their bytes on one copy."""

    names: tuple[str, ...]
    records: int
    bytes: int


class Files(NamedTuple):
    """How many files, their bytes, and where they lie."""

    files: int
    bytes: int
    place: str


class Remains(NamedTuple):
    """What goes: `topics`. What stays: `versions` of models, their packages in the store, and the prediction log."""

    topics: Topics
    versions: int
    packages: Files
    archive: Files

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        goes = self.topics._asdict()
        return {
            "goes": goes,
            "stays": {
                "versions": self.versions,
                "packages": self.packages._asdict(),
                "archive": self.archive._asdict(),
            },
        }


async def topics_of(log: Log, namespace: str, declared: StreamDeclared) -> Topics:
    """The topics of a stream as they are now."""
    topics = stream_topics(namespace, declared)
    keys = [(topic.name, number) for topic in topics for number in range(topic.partitions)]
    existing = await log.existing([topic.name for topic in topics])
    keys = [key for key in keys if key[0] in existing]
    begins, ends = await log.beginning_offsets(keys), await log.end_offsets(keys)
    sizes = (await log.retention(sorted(existing))).values() if existing else ()
    return Topics(
        tuple(sorted(existing)),
        sum(ends[key] - begins.get(key, 0) for key in ends),
        sum(sum(each.sizes.values()) for each in sizes),
    )


def archive_of(artifacts: str, namespace: str, stream: str) -> Files:
    """The files of a stream in the prediction log.

    Raises:
        ConsoleFailure: the store cannot be read.
    """
    folder = f"{ROOT}/{namespace}/{stream}"
    try:
        sizes = open_named_files(artifacts).sizes(folder)
    except ArtifactError as error:
        raise ConsoleFailure(f"what is archived of {stream} cannot be counted: {error}") from error
    return Files(len(sizes), sum(sizes.values()), f"{artifacts.rstrip('/')}/{folder}")


def packages_of(artifacts: str, runs: list[dict[str, Any]]) -> Files:
    """The packages of the models that trainings have made; what they were trained on lies beside them."""
    candidates = [run["run"]["candidate"] for run in runs if run["run"].get("candidate")]
    sizes = {candidate["digest"]: candidate["size"] for candidate in candidates}
    return Files(len(sizes), sum(sizes.values()), artifacts)


def remains_lines(stream: str, remains: Remains) -> list[str]:
    """What goes and what stays, a line each, and how to be rid of that."""
    topics, packages, archive = remains.topics, remains.packages, remains.archive
    return [
        f"{stream} is deleted for good:",
        f"  goes   its {len(topics.names)} topics with {topics.records:,} records, {_size(topics.bytes)}, also those "
        "that are not handled or archived yet",
        "  goes   its models from the servers, its rollout, the proposal that waits; events are refused (404)",
        "  stays  its history, in the registry and on the control topics: audit log, ledger, and its models' records "
        f"({remains.versions})",
        f"  stays  {packages.files} model packages, {_size(packages.bytes)}, and their training data, by digest in "
        f"{packages.place}; penstock models {stream} --json names them",
        f"  stays  {archive.files} files of the prediction log, {_size(archive.bytes)}; to be rid of them remove "
        f"{archive.place}",
        f"  stays  what services keep of it on their disks: folders <group>/{stream} below their state folders, which "
        "may be removed once it is deleted",
        "  stays  its name, which is not given again",
    ]


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
