"""An archiver on a memory log and a store in memory, which may fail; it may crash and be started again."""

from __future__ import annotations

import json
from collections import Counter, deque
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from obstore.store import MemoryStore

from penstock.archiver.archive_files import ROOT, archive_files, covering
from penstock.archiver.archived_partition import FileRules
from penstock.archiver.wiring import service_of
from penstock.artifacts import ArtifactError
from penstock.artifacts.named_files import NamedFiles
from penstock.bus.follower import Follower
from penstock.bus.ports import RecordBatch, TopicPartition
from penstock.bus.topics import control_topics, stream_topics
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import STREAMS, Topic
from penstock.runtime.service import Resources
from penstock.runtime.single_process import SingleProcess, VirtualClock

EXAMPLES = Path(__file__).parents[3] / "libs/contracts/examples"
NOW = 1_767_225_600_000  # 2026-01-01T00:00Z
MINUTE, DAY = 60_000, 86_400_000
RULES = FileRules(rows=50, wait_ms=5 * MINUTE, retention_days=400)


def example(kind: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((EXAMPLES / f"penstock.{kind}.v1.json").read_text())
    return document


def declared(document: dict[str, Any]) -> StreamDeclared:
    identity = {name: document[name] for name in ("source", "id", "time")}
    return StreamDeclared.model_validate(identity | document["data"])


class FaultyFiles(NamedFiles):
    """Files whose next puts fail: `lost` before anything is written, `doubtful` after all of it is.

    All puts fail while it is `away`, and those below a folder while that is `unwritable`.
    """

    def __init__(self) -> None:
        super().__init__(MemoryStore(), "memory:")
        self.faults: deque[str] = deque()
        self.away = False
        self.unwritable: str | None = None

    def put(self, name: str, content: bytes | Path) -> None:
        refused = self.away or (self.unwritable is not None and self.unwritable in name)
        fault = self.faults.popleft() if self.faults else "lost" if refused else ""
        if fault != "lost":
            super().put(name, content)
        if fault:
            raise ArtifactError(f"the store is away ({fault})")


class Site:
    """Records on a log, and what an archiver makes of them."""

    def __init__(self, rules: FileRules = RULES) -> None:
        self.process = SingleProcess(VirtualClock(NOW))
        self.log = self.process.log
        self.store = FaultyFiles()
        self.rules = rules
        self.stream = declared(example("stream-declared"))
        self._followers: list[Follower] = []

    async def start(self, *streams: StreamDeclared) -> None:
        """Start an archiver; one that was there before has crashed, unheard."""
        await self.log.create(control_topics("penstock"))
        for stream in streams:
            await self.log.create(stream_topics("penstock", stream))
            self.append(STREAMS, None, [stream.to_json()])
        for member in list(self.log.group("archiver").members):
            await member.expire_session()
        resources: Resources = replace(self.process.resources(), log=self.log)
        self._followers = [resources.follow_streams(), *service_of(self.store, self.rules, resources).followers]
        for follower in self._followers:
            await follower.start()

    @property
    def failures(self) -> dict[str, str]:
        return {what: why for follower in self._followers for what, why in follower.failures().items()}

    def append(self, topic: Topic[Any], stream: str | None, values: list[bytes], partition: int = 0) -> None:
        name = topic.name("penstock", stream)
        self.log.append([RecordBatch(name, partition, [b"key"] * len(values), values)])

    async def step(self, minutes: float = 0) -> None:
        """Let so much time pass, and then the archiver do what is to be done."""
        self.process.clock.advance_to(self.process.clock() + int(minutes * MINUTE))
        while sum([await follower.step(0) for follower in self._followers]):
            pass

    def folders(self) -> list[str]:
        return sorted({name.rpartition("/")[0] for name in self.store.sizes(ROOT)})

    def files(self, folder: str) -> dict[str, bytes]:
        """The files of a folder that are to be read, and their bytes."""
        path = f"{ROOT}/{folder}"
        names = [file.name for file in covering(archive_files(self.store.sizes(path)))]
        return {name: self.store.read(f"{path}/{name}") or b"" for name in names}

    def rows(self, folder: str) -> pa.Table:
        return pa.concat_tables(
            [pq.read_table(pa.BufferReader(content)) for content in self.files(folder).values()],
            promote_options="default",
        )

    def offsets(self, folder: str) -> Counter[int]:
        """How often each offset is in the rows of a folder."""
        return Counter(self.rows(folder)["offset"].to_pylist()) if self.files(folder) else Counter()

    def committed(self, key: TopicPartition) -> int:
        return self.log.commits("archiver").get(key, 0)


def prediction(number: int, entity: str | None = None, **data: Any) -> bytes:
    document = example("prediction")
    document |= {"id": f"e{number}"}
    document["data"] |= {"entity": entity or f"c{number % 7}", **data}
    return json.dumps(document).encode()
