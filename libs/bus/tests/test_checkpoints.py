"""Checkpoints: whatever disk a unit's next owner has, its outputs are those of one owner with one disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.artifacts import ArtifactError
from penstock.artifacts.named_files import NamedFiles
from penstock.bus.errors import StateLocked
from penstock.bus.memory.log import MemoryLog
from penstock.bus.state.checkpoint_store import KEPT
from penstock.bus.state.rocksdb import RocksStateStores
from penstock.contracts.topics import LABELS

from .checkpoint_site import LOANS, NAMESPACE, Site, sums, work_until


@pytest.fixture
async def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    await site.start()
    return site


numbers = st.lists(st.integers(1, 9), min_size=1, max_size=5)
machines = st.sampled_from("abc")


@settings(max_examples=8, deadline=None)
@given(work=st.lists(st.tuples(machines, numbers, st.booleans(), st.booleans()), min_size=2, max_size=6))
async def test_owners_that_follow_each_other_on_any_machines_answer_as_one_would(
    work: list[tuple[str, list[int], bool, bool]],
) -> None:
    with TemporaryDirectory() as folder:
        site, kept_from = Site(Path(folder)), 0
        await site.start()
        for machine, batch, is_stored, expires in work:
            worker = site.worker(machine)
            site.write(*batch)
            await site.work(worker)
            if is_stored:
                site.machine(machine).store_changed()
                kept_from = len(site.written["loans"])
            if expires:
                site.expire(kept_from)
            await worker.abandon()  # as a crash: nothing more is committed
        assert site.outputs() == sums(site.written["loans"])


async def test_a_member_with_an_empty_disk_knows_what_expired(site: Site) -> None:
    first, second = site.worker("a"), site.worker("b")
    site.write(1, 2, 3)
    await site.work(first)
    site.machine("a").store_changed()
    await first.abandon()
    site.expire(3)
    site.write(2, 4)
    await site.work(second)
    assert site.outputs() == [b"1:1", b"2:3", b"3:6", b"4:10"]
    assert site.machine("b").results == ["fetched"]
    await second.abandon()


async def test_the_disk_is_used_unless_it_is_behind(site: Site) -> None:
    for machine, batch in [("a", [1, 2]), ("b", [3]), ("b", [4]), ("a", [5])]:
        worker = site.worker(machine)
        site.write(*batch)
        await site.work(worker)
        if batch != [3]:
            site.machine(machine).store_changed()
        await worker.abandon()
    assert site.machine("a").results == ["stored", "fetched", "stored"]
    assert site.machine("b").results == ["fetched", "stored"]


async def test_only_what_changed_is_stored_and_tables_only_once(site: Site) -> None:
    worker = site.worker("a")
    site.write(1)
    await site.work(worker)
    site.machine("a").store_changed()
    site.machine("a").store_changed()
    assert site.machine("a").results == ["stored"]
    tables = tables_of(site)
    site.write(2)
    await site.work(worker)
    await worker.close()
    site.machine("a").store_changed()  # what is closed by now, too
    assert site.machine("a").results == ["stored", "stored"]
    assert all(path.stat().st_mtime_ns == put for path, put in tables.items())
    assert len(tables_of(site)) > len(tables) > 0


def tables_of(site: Site) -> dict[Path, int]:
    """When each table was put that the newest checkpoint names."""
    named = json.loads(site.stored("manifests")[-1].read_bytes())["files"]
    digests = {file["digest"] for file in named if file["name"].endswith(".sst")}
    return {path: path.stat().st_mtime_ns for path in site.stored("files") if path.name in digests}


async def test_the_last_two_are_kept_and_files_that_neither_names_are_deleted_after_an_hour(site: Site) -> None:
    worker = site.worker("a")

    async def store(number: int) -> set[str]:
        """Store a checkpoint; the files of the last two."""
        site.write(number)
        await site.work(worker)
        site.machine("a").store_changed()
        manifests = [json.loads(path.read_bytes()) for path in site.stored("manifests")]
        assert len(manifests) == min(number, KEPT)
        return {file["digest"] for manifest in manifests for file in manifest["files"]}

    for number in range(1, 6):
        named = await store(number)
    assert named < {path.name for path in site.stored("files")}, "what was put a moment ago is not kept"
    for path in site.stored("files"):
        os.utime(path, (time.time() - 3700,) * 2)
    named = await store(6)
    assert named == {path.name for path in site.stored("files")}
    await worker.abandon()


@pytest.mark.parametrize("damage", ["manifest", "file", "file gone"])
async def test_of_a_checkpoint_that_cannot_be_used_the_one_before_is_taken(site: Site, damage: str) -> None:
    worker = site.worker("a")
    for number in (1, 2):
        site.write(number)
        await site.work(worker)
        site.machine("a").store_changed()
    await worker.abandon()
    before, newest = site.stored("manifests")
    own = set(newest.read_text().split('"')) - set(before.read_text().split('"'))
    path = newest if damage == "manifest" else next(path for path in site.stored("files") if path.name in own)
    path.unlink() if damage == "file gone" else path.write_bytes(b"?" + path.read_bytes()[1:])
    site.expire(1)  # the one before has what expired
    site.log.commits("sums").clear()
    worker = site.worker("b")
    await site.work(worker)
    assert site.machine("b").results == ["unusable", "fetched"]
    assert newest.name in site.machine("b").problems["sums/loans/0"]
    site.machine("b").store_changed()
    assert site.machine("b").problems == {}
    assert newest.name < site.stored("manifests")[-1].name, "what nobody can use would be tried first again"
    site.write(1, 3)
    await site.work(worker)
    assert site.outputs() == [b"1:1", b"2:3", b"3:6"]
    await worker.abandon()


async def test_without_any_that_can_be_used_the_topics_are_read_and_what_comes_counts_more(site: Site) -> None:
    worker = site.worker("a")
    site.write(*range(1, 9))
    await site.work(worker)
    site.machine("a").store_changed()
    await worker.abandon()
    for path in site.stored("files"):
        path.write_bytes(b"")
    site.expire(6)
    worker = site.worker("b")
    await site.work(worker)
    assert site.outputs()[-2:] == [b"7:7", b"8:15"], "the log was not read from its beginning"
    assert list(site.machine("b").problems) == ["sums/loans/0"]
    site.machine("b").store_changed()
    await worker.abandon()
    worker = site.worker("c")
    site.write(9)
    await site.work(worker)
    assert site.outputs()[-1] == b"9:24"
    assert site.machine("c").results == ["fetched"]
    await worker.abandon()


async def test_an_owner_that_lost_its_unit_unawares_cannot_set_it_back(site: Site) -> None:
    site.write(1)
    hung = site.worker("a")
    await site.work(hung)
    site.machine("a").store_changed()
    site.log.group("sums").commits.clear()
    other = Site(site.folder)  # the hung one's log gets no further
    other.log, other.machines = MemoryLog(), site.machines
    await other.start()
    other.write(1, 2, 3)
    owner = other.worker("b")
    await other.work(owner)
    site.machine("b").store_changed()
    newest = site.stored("manifests")[-1]
    site.write(2)
    await site.work(hung)
    site.machine("a").store_changed()
    assert site.stored("manifests")[-1] == newest
    assert site.machine("a").results == ["stored"]
    await hung.abandon()
    await owner.abandon()


async def test_a_state_whose_topic_was_made_anew_counts_more_than_its_checkpoints(site: Site) -> None:
    worker = site.worker("a")
    site.write(1, 2, 3)
    await site.work(worker)
    site.machine("a").store_changed()
    await worker.abandon()
    site.log.recreate(LABELS.name(NAMESPACE, "loans"))
    site.written["loans"] = []
    worker = site.worker("a")
    site.write(4)
    await work_until(worker, lambda: b"4:10" in site.outputs())
    site.machine("a").store_changed()
    await worker.abandon()
    site.expire(1)
    worker = site.worker("b")
    site.write(5)
    await work_until(worker, lambda: b"5:15" in site.outputs())
    assert site.machine("b").results == ["fetched"]
    await worker.abandon()


class BlockedFiles(NamedFiles):
    """A place that lets nobody read a stream's checkpoints until it is told to."""

    def __init__(self, files: NamedFiles, stream: str) -> None:
        super().__init__(files._place, files._url)
        self.stream, self.is_asked, self.may_answer = stream, threading.Event(), threading.Event()

    def list(self, folder: str) -> dict[str, datetime]:
        if f"/{self.stream}/" in folder:
            self.is_asked.set()
            self.may_answer.wait()
        return super().list(folder)


async def test_a_unit_whose_checkpoint_is_fetched_holds_up_no_other(site: Site) -> None:
    site.files = files = BlockedFiles(site.files, "loans")
    worker = site.worker("a")
    site.write(1)
    site.write(1, 2, stream="cards")
    await site.work(worker, "cards")
    assert files.is_asked.is_set()
    assert site.outputs() == []
    assert "newest checkpoint" in worker.failures()["sums/loans/0"]
    files.may_answer.set()
    await site.work(worker)
    assert site.outputs() == [b"1:1"]
    assert worker.failures() == {}
    await worker.abandon()


class AbsentFiles(NamedFiles):
    """A place that does not answer."""

    def list(self, folder: str) -> dict[str, datetime]:
        raise ArtifactError(f"cannot list {folder}")


async def test_while_the_place_does_not_answer_a_disk_that_knows_something_goes_on_and_an_empty_one_waits(
    site: Site,
) -> None:
    worker = site.worker("a")
    site.write(1)
    await site.work(worker)
    site.machine("a").store_changed()
    await worker.abandon()
    files, site.files = site.files, AbsentFiles(site.files._place, "bucket")
    site.machines.clear()
    worker = site.worker("a")
    site.write(2)
    await site.work(worker)
    assert "the state on this disk is used" in site.machine("a").problems["sums/loans/0"]
    site.machine("a").store_changed()
    assert site.machine("a").results == ["failed"]
    await worker.abandon()
    worker = site.worker("b")
    site.write(3)
    await work_until(worker, lambda: "is not known" in worker.failures().get("sums/loans/0", ""))
    assert site.outputs() == [b"1:1", b"2:3"]
    site.machine("b")._checkpoints._files = files
    await site.work(worker)
    assert site.outputs() == [b"1:1", b"2:3", b"3:6"]
    await worker.abandon()


def test_a_store_that_is_closed_while_it_is_read_elsewhere_is_closed_afterwards(tmp_path: Path) -> None:
    stores = RocksStateStores(tmp_path)
    store = stores.open(*LOANS)
    store.write({b"a": b"1"}, {"labels": 1})
    with store.kept_open() as is_open:
        assert is_open
        store.close()
        store.make_checkpoint(tmp_path / "checkpoint")
        with pytest.raises(StateLocked):
            stores.open(*LOANS)
    with store.kept_open() as is_open:
        assert not is_open
    stores.open(*LOANS).close()
    copy = stores.open_folder(tmp_path / "checkpoint")
    assert (copy.read([b"a"]), copy.positions()) == ([b"1"], {"labels": 1})
    copy.close()


def test_a_state_that_another_process_opened_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    stores = RocksStateStores(tmp_path)
    stores.open(*LOANS).close()
    stores.open_folder(tmp_path / "fetched").close()
    hold = (
        "import pathlib, sys; from penstock.bus.state.rocksdb import RocksStateStores;"
        "s = RocksStateStores(pathlib.Path(sys.argv[1])).open('sums', 'loans', 0); print(flush=True); input()"
    )
    other = subprocess.Popen([sys.executable, "-c", hold, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout is not None
    other.stdout.readline()
    with pytest.raises(StateLocked):
        stores.replace(LOANS, tmp_path / "fetched")
    other.communicate(b"\n")
    (stores.folder(LOANS).with_name("0.old") / "left").mkdir(parents=True)
    stores.replace(LOANS, tmp_path / "fetched")
    assert {path.name for path in stores.folder(LOANS).parent.iterdir()} == {"0"}


async def test_a_service_that_stops_stores_what_changed_since_the_last_time(site: Site) -> None:
    worker = site.worker("a")
    site.write(1)
    await site.work(worker)
    await worker.close()
    await site.machine("a").close()
    assert site.machine("a").results == ["stored"]
    assert len(site.stored("manifests")) == 1
