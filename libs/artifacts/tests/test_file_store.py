"""The store in a folder: disks that fill up, links, interrupted and concurrent writers."""

import errno
import os
import resource
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from penstock.artifacts import ArtifactError, CorruptArtifact, FileStore
from penstock.artifacts.file_store import describe_failure


def file_of(folder: Path, digest: str) -> Path:
    return folder / "sha256" / digest[7:9] / digest[9:]


@contextmanager
def no_file_longer_than(limit: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if not path.is_dir()]


def test_a_disk_that_fills_up_leaves_nothing_and_names_the_folder(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    with no_file_longer_than(4096), pytest.raises(ArtifactError, match=f"no space left .*{tmp_path}"):
        store.put(bytes(100_000))
    assert files_below(tmp_path) == []
    assert store.has(store.put(bytes(100_000)))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_has_a_message_of_its_own(code: int) -> None:
    assert "free some" in describe_failure(OSError(code, "full"), Path("/data"), "write to")
    assert "free some" not in describe_failure(OSError(errno.EACCES, "denied"), Path("/data"), "write to")


def test_an_interrupted_put_leaves_nothing(tmp_path: Path) -> None:
    class Stop(BaseException):
        pass

    def chunks() -> Iterator[bytes]:
        yield b"half of it"
        raise Stop

    with pytest.raises(Stop):
        FileStore(tmp_path)._put_chunks(chunks())
    assert files_below(tmp_path) == []


def by_link(file: Path) -> None:
    twin = file.with_name("twin")
    file.rename(twin)
    file.symlink_to(twin)


def by_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def by_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def by_linked_shard(file: Path) -> None:
    twin = file.parent.with_name("twin")
    file.parent.rename(twin)
    file.parent.symlink_to(twin)


@pytest.mark.parametrize("replace", [by_link, by_folder, by_pipe, by_linked_shard])
def test_only_regular_files_are_read(tmp_path: Path, replace: Callable[[Path], None]) -> None:
    store = FileStore(tmp_path)
    digest = store.put(b"model")
    replace(file_of(tmp_path, digest))
    assert not store.has(digest)
    with pytest.raises(CorruptArtifact, match="not a regular file"):
        store.get(digest)


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "store")
    digest = store.put(b"model")
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")
    file = file_of(tmp_path / "store", digest)
    file.unlink()
    file.symlink_to(outside)
    store.put(b"model")
    assert store.get(digest) == b"model"
    assert outside.read_bytes() == b"mine"


def test_a_second_store_on_the_folder_sees_the_same(tmp_path: Path) -> None:
    digest = FileStore(tmp_path).put(b"model")
    assert FileStore(tmp_path).get(digest) == b"model"


def test_many_writers_and_readers_of_one_artifact_never_see_a_part(tmp_path: Path) -> None:
    data = bytes(200_000)
    digest = FileStore(tmp_path).put(data)

    def work() -> list[bool]:
        store = FileStore(tmp_path)
        return [store.put(data) == digest and store.get(digest) == data for _ in range(5)]

    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(work) for _ in range(4)]
    assert all(all(future.result()) for future in futures)
    assert files_below(tmp_path) == [file_of(tmp_path, digest)]


def test_a_root_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ArtifactError, match=f"cannot use the artifact folder {tmp_path / 'file'}"):
        FileStore(tmp_path / "file")
