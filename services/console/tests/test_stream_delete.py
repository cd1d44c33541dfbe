"""`penstock stream delete`: what it counts before it asks, and that it does nothing unasked."""

from __future__ import annotations

from pathlib import Path

from penstock.archiver.archive_files import ROOT
from penstock.artifacts import open_named_files
from penstock.bus.memory.log import MemoryLog
from penstock.bus.ports import RecordBatch
from penstock.bus.topics import stream_topics
from penstock.console.stream_remains import Files, Remains, Topics, archive_of, packages_of, remains_lines, topics_of
from penstock.contracts.topics import EVENTS

from .command_process import penstock
from .conftest import FakeDeployment
from .declared_stream import STREAM
from .test_decisions_of_people import posted, registry, result


async def test_the_topics_that_are_still_there_are_counted_with_their_records() -> None:
    log = MemoryLog()
    assert await topics_of(log, "penstock", STREAM) == Topics((), 0, 0)
    topics = stream_topics("penstock", STREAM)
    await log.create(topics)
    name = EVENTS.name("penstock", STREAM.name)
    log.append([RecordBatch(name, 0, [None] * 5, [b"x" * 100] * 5)])
    log.expire((name, 0), 2)
    await log.delete_topics([topics[-1].name])
    found = await topics_of(log, "penstock", STREAM)
    assert (len(found.names), found.records, found.bytes > 0) == (len(topics) - 1, 3, True)


def test_the_files_of_its_prediction_log_are_counted_and_no_others(tmp_path: Path) -> None:
    files = open_named_files(str(tmp_path))
    for stream in ("loans", "loans-2"):
        files.put(f"{ROOT}/penstock/{stream}/predictions/0/a.parquet", b"x" * 10)
    assert archive_of(str(tmp_path), "penstock", "loans") == Files(1, 10, f"{tmp_path}/{ROOT}/penstock/loans")
    assert archive_of(str(tmp_path), "penstock", "cards").files == 0


def test_a_package_that_two_trainings_made_is_counted_once() -> None:
    runs = [{"run": {"candidate": {"digest": "sha256:1", "size": 7}}}] * 2 + [{"run": {"status": "failed"}}]
    assert packages_of("/models", runs) == Files(1, 7, "/models")


def test_it_says_what_goes_what_stays_and_where() -> None:
    packages, archive = Files(2, 3_000_000, "/models"), Files(4, 5_000_000, "/models/prediction-log/penstock/loans")
    remains = Remains(Topics(("penstock.loans.events",), 1234, 6_000_000), 3, packages, archive)
    text = "\n".join(remains_lines("loans", remains))
    for figure in ("1 topics with 1,234 records, 6.0 MB", "2 model packages, 3.0 MB", "4 files", archive.place):
        assert figure in text
    assert remains.as_json()["goes"]["records"] == 1234


def test_where_nobody_can_be_asked_it_needs_yes_and_does_nothing(deployment: FakeDeployment) -> None:
    deployment.start_ready(registry=registry(result("deleted")))
    for options in ((), ("--json",)):
        done = penstock(deployment.home, "stream", "delete", "loans", "--reason", "moved", *options)
        assert done.returncode == 2
        assert "say --yes" in done.stderr
    assert posted(deployment) == []
