"""What every store guarantees, on every kind of store."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from obstore.store import MemoryStore as Bucket

from penstock.artifacts import (
    ArtifactError,
    CorruptArtifact,
    FileStore,
    MemoryStore,
    MissingArtifact,
    Store,
    digest_of,
    digest_of_file,
)
from penstock.artifacts.object_store import ObjectStore

ABSENT = "sha256:" + 64 * "0"
EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
NOT_DIGESTS = [
    "",
    "sha256:",
    "md5:" + 32 * "0",
    "sha256:" + 64 * "G",
    ABSENT + "\n",
    "sha256:../../etc/passwd",
]

each_store_once = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass
class StoreUnderTest:
    """A store, and how to corrupt an artifact in it from outside."""

    store: Store
    corrupt: Callable[[str, bytes], None]


def memory_store(_: Path) -> StoreUnderTest:
    store = MemoryStore()
    return StoreUnderTest(store, store.contents.__setitem__)


def file_store(folder: Path) -> StoreUnderTest:
    def corrupt(digest: str, data: bytes) -> None:
        file = folder / "sha256" / digest[7:9] / digest[9:]
        file.unlink()
        file.write_bytes(data)

    return StoreUnderTest(FileStore(folder), corrupt)


def object_store(_: Path) -> StoreUnderTest:
    bucket = Bucket()

    def corrupt(digest: str, data: bytes) -> None:
        bucket.put(digest.replace(":", "/"), data)

    return StoreUnderTest(ObjectStore(bucket, "bucket"), corrupt)


@pytest.fixture(params=[memory_store, file_store, object_store])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> StoreUnderTest:
    made: StoreUnderTest = request.param(tmp_path / "store")
    return made


@each_store_once
@given(data=st.binary(max_size=5000))
def test_get_returns_what_was_put_under_its_digest(subject: StoreUnderTest, data: bytes) -> None:
    digest = subject.store.put(data)
    assert digest == digest_of(data)
    assert subject.store.put(data) == digest
    assert subject.store.has(digest)
    assert subject.store.get(digest) == data


def test_a_file_is_stored_with_its_bytes_unchanged(subject: StoreUnderTest, tmp_path: Path) -> None:
    source = tmp_path / "archive"
    source.write_bytes(bytes(range(256)) * 12_000)
    digest = subject.store.put_file(source)
    assert digest == digest_of_file(source)
    assert subject.store.get(digest) == source.read_bytes()


def test_an_empty_file_is_an_artifact_too(subject: StoreUnderTest, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert subject.store.put_file(tmp_path / "empty") == EMPTY
    assert subject.store.get(EMPTY) == b""


def test_an_artifact_that_was_never_put_is_missing(subject: StoreUnderTest) -> None:
    assert not subject.store.has(ABSENT)
    with pytest.raises(MissingArtifact, match=ABSENT):
        subject.store.get(ABSENT)


@pytest.mark.parametrize("digest", NOT_DIGESTS)
def test_anything_but_a_digest_is_refused(subject: StoreUnderTest, digest: str) -> None:
    with pytest.raises(ArtifactError, match="not an artifact digest"):
        subject.store.get(digest)
    with pytest.raises(ArtifactError, match="not an artifact digest"):
        subject.store.has(digest)


@each_store_once
@given(data=st.binary(min_size=1, max_size=500), at=st.integers(min_value=0), bit=st.integers(0, 7))
def test_any_flipped_bit_is_detected_and_a_put_repairs_it(
    subject: StoreUnderTest, data: bytes, at: int, bit: int
) -> None:
    digest = subject.store.put(data)
    corrupted = bytearray(data)
    corrupted[at % len(data)] ^= 1 << bit
    subject.corrupt(digest, bytes(corrupted))
    with pytest.raises(CorruptArtifact, match=digest):
        subject.store.get(digest)
    subject.store.put(data)
    assert subject.store.get(digest) == data


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"\0", lambda _: b""])
def test_a_truncated_or_extended_artifact_is_detected(
    subject: StoreUnderTest, change: Callable[[bytes], bytes]
) -> None:
    digest = subject.store.put(b"model")
    subject.corrupt(digest, change(b"model"))
    with pytest.raises(CorruptArtifact):
        subject.store.get(digest)


def test_only_regular_files_are_accepted(subject: StoreUnderTest, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(__file__)
    for name in ["absent", "link", "."]:
        with pytest.raises(ArtifactError, match="give a regular file"):
            subject.store.put_file(tmp_path / name)
