"""One behaviour suite for every state store: on disk and in memory, values and positions are written atomically."""

from __future__ import annotations

import resource
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from penstock.bus.errors import StateLocked, TransientError
from penstock.bus.state.rocksdb import CorruptState, RocksStateStores, _error_kind
from penstock.bus.state.unit_state import Changes, MemoryStateStores, State, StateStores

UNIT = ("group", "loans", 0)


@pytest.fixture(params=["memory", "disk"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], State]:
    state_stores: StateStores = MemoryStateStores() if request.param == "memory" else RocksStateStores(tmp_path)
    return lambda: State(state_stores.open(*UNIT))


def write(state: State, **positions: int) -> None:
    state.write(state.take_changes(), positions)


def test_a_reader_sees_changes_that_are_not_written_yet(reopen: Callable[[], State]) -> None:
    state = reopen()
    state.put(b"a", b"1")
    state.put(b"b", b"2")
    write(state)
    state.put(b"a", b"3")
    state.delete(b"b")
    assert state.get(b"a") == b"3"
    assert state.get_many([b"a", b"b", b"c"]) == [b"3", None, None]
    assert list(state.scan(b"")) == [(b"a", b"3")]
    state.close()


def test_what_was_written_with_its_position_is_there_again_and_the_rest_is_not(reopen: Callable[[], State]) -> None:
    state = reopen()
    state.put(b"a", b"1")
    write(state, events=7, labels=2)
    state.put(b"a", b"2")
    state.put(b"b", b"2")
    state.close()
    reopened = reopen()
    assert list(reopened.scan(b"")) == [(b"a", b"1")]
    assert reopened.positions() == {"events": 7, "labels": 2}
    reopened.close()


def test_a_batch_handled_ahead_keeps_its_changes_when_its_predecessor_is_written(reopen: Callable[[], State]) -> None:
    state = reopen()
    state.put(b"a", b"1")
    state.put(b"b", b"1")
    first = state.take_changes()
    state.put(b"a", b"2")
    state.write(first, {"events": 1})
    assert state.get_many([b"a", b"b"]) == [b"2", b"1"]
    state.close()
    reopened = reopen()
    assert reopened.get_many([b"a", b"b"]) == [b"1", b"1"]
    reopened.close()


def test_batches_handled_further_ahead_are_seen_in_their_order(reopen: Callable[[], State]) -> None:
    state = reopen()
    unwritten = []
    for change in (None, b"1", None):
        if change is None:
            state.delete(b"a")
        else:
            state.put(b"a", change)
        unwritten.append(state.take_changes())
    for number, changes in enumerate(unwritten):
        state.write(changes, {"events": number})
        assert state.get(b"a") is None
    state.close()


def test_keys_may_hold_any_bytes_and_do_not_meet_the_positions(reopen: Callable[[], State]) -> None:
    state = reopen()
    for key in (b"", b"\x00", b"\xff", b"p", b"pevents", b"v", b"\xff\xff"):
        state.put(key, b"x" + key)
    write(state, events=1)
    assert [key for key, _ in state.scan(b"")] == [b"", b"\x00", b"p", b"pevents", b"v", b"\xff", b"\xff\xff"]
    assert [key for key, _ in state.scan(b"p")] == [b"p", b"pevents"]
    assert [key for key, _ in state.scan(b"\xff")] == [b"\xff", b"\xff\xff"]
    assert state.positions() == {"events": 1}
    state.close()


def test_units_do_not_see_each_other(tmp_path: Path) -> None:
    for state_stores in (MemoryStateStores(), RocksStateStores(tmp_path)):
        units = [("g", "a", 0), ("g", "a", 1), ("g", "b", 0), ("h", "a", 0), ("g", None, 0), ("g", "../a", 0)]
        states = [State(state_stores.open(*unit)) for unit in units]
        for number, state in enumerate(states):
            state.put(b"k", b"%d" % number)
            write(state, events=number)
        assert [state.get(b"k") for state in states] == [b"%d" % number for number in range(len(units))]
        assert [state.positions()["events"] for state in states] == list(range(len(units)))
        for state in states:
            state.close()
    assert {path.name for path in tmp_path.iterdir()} == {"g", "h"}


def test_a_store_whose_making_was_cut_off_is_made_anew(tmp_path: Path) -> None:
    unfinished = tmp_path / "group/loans/0.new"
    unfinished.mkdir(parents=True)
    (unfinished / "CURRENT").write_bytes(b"MANIFEST-of-nothing\n")
    corrupt: list[None] = []
    State(RocksStateStores(tmp_path, lambda: corrupt.append(None)).open(*UNIT)).close()
    assert [path.name for path in tmp_path.glob("group/loans/*")] == ["0"]
    assert not corrupt


def test_a_store_has_one_opener_at_a_time(tmp_path: Path) -> None:
    held = RocksStateStores(tmp_path).open(*UNIT)
    with pytest.raises(StateLocked, match="cannot be opened"):
        RocksStateStores(tmp_path).open(*UNIT)
    held.close()
    RocksStateStores(tmp_path).open(*UNIT).close()


def test_a_store_whose_tables_cannot_be_written_when_it_is_closed_has_all_that_was_written(tmp_path: Path) -> None:
    state = State(RocksStateStores(tmp_path).open(*UNIT))
    state.put(b"a", b"1")
    write(state, events=7)
    with no_file_grows():
        state.close()
    reopened = State(RocksStateStores(tmp_path).open(*UNIT))
    assert (reopened.get(b"a"), reopened.positions()) == (b"1", {"events": 7})
    reopened.close()


@contextmanager
def no_file_grows() -> Iterator[None]:
    """As on a full disk: nothing can be written to files for the length of the block."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_folder_that_cannot_be_made_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "group").write_text("in the way")
    with pytest.raises(TransientError, match="cannot be opened"):
        RocksStateStores(tmp_path).open(*UNIT)


def _write_three_times(tmp_path: Path) -> Path:
    for number in range(3):  # each time what the last left in its write-ahead log goes into a table
        state = State(RocksStateStores(tmp_path).open(*UNIT))
        for key in range(50):
            state.put(b"%d" % key, b"%d" % number)
        write(state, events=number)
        state.close()
    return tmp_path / "group" / "loans" / "0"


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[: len(content) // 2] = bytes(255 - byte for byte in content[: len(content) // 2])
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    "damage", [Path.unlink, lambda path: path.write_bytes(b""), _flip], ids=["gone", "empty", "flipped"]
)
@pytest.mark.parametrize("files", ["MANIFEST*", "CURRENT"])
def test_a_corrupt_state_is_set_aside_and_begun_anew(
    tmp_path: Path, files: str, damage: Callable[[Path], None]
) -> None:
    folder = _write_three_times(tmp_path)
    for path in folder.glob(files):
        damage(path)
    corrupt: list[str] = []
    opened = RocksStateStores(tmp_path, lambda: corrupt.append("once")).open(*UNIT)
    assert (list(opened.scan(b"")), opened.positions()) == ([], {})
    assert corrupt == ["once"]
    opened.close()
    assert {path.name for path in folder.parent.iterdir()} == {"0", "0.corrupt-1"}
    assert any((folder.parent / "0.corrupt-1").glob("*.sst")), "what was there is not kept"


def test_a_state_that_is_corrupt_when_it_is_read_is_set_aside_when_it_is_opened_again(tmp_path: Path) -> None:
    folder = _write_three_times(tmp_path)
    stores = RocksStateStores(tmp_path)
    opened = stores.open(*UNIT)
    for path in folder.glob("*.sst"):
        _flip(path)
    with pytest.raises(TransientError, match="cannot be read"):
        opened.read([b"%d" % key for key in range(50)])
    opened.close()
    again = stores.open(*UNIT)
    assert again.positions() == {}
    again.close()
    assert (folder.parent / "0.corrupt-1").exists()


@pytest.mark.parametrize(
    "error",
    [
        "IO error: While lock file: /x/LOCK: Resource temporarily unavailable",
        "IO error: No space left on device: While appending to file: /x/000009.log: No space left on device",
        "IO error: While open a file for appending: /x/MANIFEST-000005: Permission denied",
    ],
)
def test_what_passes_by_itself_sets_nothing_aside(error: str) -> None:
    assert _error_kind(error) is not CorruptState


KEYS = [b"", b"a", b"ab", b"\xff"]
keys = st.sampled_from(KEYS)
values = st.sampled_from([b"", b"1", b"2"])


class LikeADict(RuleBasedStateMachine):
    """Any order of reading, changing, sealing, writing and opening again gives what two dicts would."""

    @initialize(on_disk=st.booleans())
    def open(self, on_disk: bool) -> None:
        self.folder = Path(tempfile.mkdtemp()) if on_disk else None
        self.state_stores: StateStores = RocksStateStores(self.folder) if self.folder else MemoryStateStores()
        self.state = State(self.state_stores.open(*UNIT))
        self.seen: dict[bytes, bytes] = {}
        self.kept: dict[bytes, bytes] = {}
        self.unwritten: list[tuple[Changes, dict[bytes, bytes]]] = []
        self.written = 0

    @rule(key=keys, value=values)
    def put(self, key: bytes, value: bytes) -> None:
        self.state.put(key, value)
        self.seen[key] = value

    @rule(key=keys)
    def delete(self, key: bytes) -> None:
        self.state.delete(key)
        self.seen.pop(key, None)

    @rule()
    def seal(self) -> None:
        self.unwritten.append((self.state.take_changes(), dict(self.seen)))

    @precondition(lambda self: self.unwritten)
    @rule()
    def write(self) -> None:
        changes, self.kept = self.unwritten.pop(0)
        self.written += 1
        self.state.write(changes, {"events": self.written})

    @rule()
    def reopen(self) -> None:
        self.state.close()
        self.state = State(self.state_stores.open(*UNIT))
        self.seen = dict(self.kept)
        self.unwritten.clear()

    @rule(prefix=st.sampled_from([b"", b"a", b"\xff"]))
    def scan(self, prefix: bytes) -> None:
        expected = sorted(item for item in self.seen.items() if item[0].startswith(prefix))
        assert list(self.state.scan(prefix)) == expected

    @invariant()
    def every_key_reads_as_it_was_last_changed(self) -> None:
        if hasattr(self, "state"):
            expected = [self.seen.get(key) for key in KEYS]
            assert self.state.get_many(KEYS) == expected
            assert [self.state.get(key) for key in KEYS] == expected

    @invariant()
    def positions_are_those_of_the_last_write(self) -> None:
        if hasattr(self, "written"):
            assert self.state.positions() == ({"events": self.written} if self.written else {})

    def teardown(self) -> None:
        if hasattr(self, "state"):
            self.state.close()
        if getattr(self, "folder", None):
            shutil.rmtree(self.folder)


LikeADict.TestCase.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
TestStateIsLikeADict = LikeADict.TestCase
