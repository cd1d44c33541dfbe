"""What grows with the rows of a replay in one process lies in files, and is gone with it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import psutil
import pytest

from penstock.bus.memory.log import MemoryLog
from penstock.bus.memory.partition import PACKED_BLOCK
from penstock.bus.ports import RecordBatch
from penstock.bus.topics import stream_topics
from penstock.console.replay.in_process_deployment import in_process_deployment
from penstock.console.replay.log_retention import KEPT, STEP, LogRetention
from penstock.console.replay.rows.labelled_rows import event_body
from penstock.contracts.topics import DATA_PLANE, OUTCOMES

from .declared_stream import NOW, STREAM

ROWS, CHUNK = 20_000, 100
TOPICS = [topic.name("penstock", "s") for topic in DATA_PLANE]
OUTCOME = (OUTCOMES.name("penstock", "s"), 0)


async def test_the_log_keeps_the_newest_records_in_memory_and_outcomes_readable_however_many_rows_come() -> None:
    log = MemoryLog()
    await log.create(stream_topics("penstock", STREAM))
    retention = LogRetention(log, "penstock", STREAM)
    reader = await log.reader(dict.fromkeys([(topic, 0) for topic in TOPICS], 0))
    most = 0
    for row in range(0, ROWS, CHUNK):
        values = [b"%d" % number for number in range(row, row + CHUNK)]
        log.append([RecordBatch(topic, 0, [None] * CHUNK, values) for topic in TOPICS])
        await reader.read_to_end()
        retention.apply(CHUNK)
        partitions = [log.partition((topic, 0)) for topic in TOPICS]
        most = max(most, *(partition.in_memory for partition in partitions if partition is not None))
    assert most <= KEPT + STEP + PACKED_BLOCK
    assert [record.value for record in log.records_of(OUTCOME)] == [b"%d" % number for number in range(ROWS)]
    await log.close()


def files_below(folder: Path) -> set[str]:
    """The names of all files and folders."""
    return {path.name for path in folder.rglob("*")}


def trainings(folder: Path) -> list[psutil.Process]:
    """The child processes that train on what lies below the folder; one that has ended does not."""
    return [child for child in psutil.Process().children(recursive=True) if str(folder) in _command(child)]


def _command(child: psutil.Process) -> str:
    try:
        return str(child.cmdline())
    except psutil.NoSuchProcess:  # a zombie is one, too
        return ""


async def test_state_models_and_training_processes_are_gone_with_the_deployment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    async with in_process_deployment(STREAM.declaration) as deployment:
        assert not await deployment.send("event", [event_body("t", "1", NOW, {"x": 1.0})], NOW)
        await deployment.await_quiet()
        assert {"artifacts", "state", "CURRENT"} <= files_below(tmp_path), "models, and the services' state"
    assert not files_below(tmp_path)
    assert not trainings(tmp_path)
