"""What every store promises, on every kind of store."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
class Kept:
    """A store, and how to spoil behind its back what it keeps."""

    store: Store
    spoil: Callable[[str, bytes], None]


def in_memory(_: Path) -> Kept:
    store = MemoryStore()
    return Kept(store, store.contents.__setitem__)


def in_files(folder: Path) -> Kept:
    def spoil(digest: str, data: bytes) -> None:
        file = folder / "sha256" / digest[7:9] / digest[9:]
        file.unlink()
        file.write_bytes(data)

    return Kept(FileStore(folder), spoil)


KINDS = [in_memory, in_files]
if importlib.util.find_spec("obstore"):  # an extra that not every installation has
    from obstore.store import MemoryStore as Bucket

    from penstock.artifacts.object_store import ObjectStore

    def in_objects(_: Path) -> Kept:
        bucket = Bucket()

        def spoil(digest: str, data: bytes) -> None:
            bucket.put(digest.replace(":", "/"), data)

        return Kept(ObjectStore(bucket, "bucket"), spoil)

    KINDS.append(in_objects)


@pytest.fixture(params=KINDS)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    made: Kept = request.param(tmp_path / "store")
    return made


@each_store_once
@given(data=st.binary(max_size=5000))
def test_what_is_put_is_got_under_its_digest(kept: Kept, data: bytes) -> None:
    digest = kept.store.put(data)
    assert digest == digest_of(data)
    assert kept.store.put(data) == digest
    assert kept.store.has(digest)
    assert kept.store.get(digest) == data


def test_a_file_is_kept_as_its_bytes_are(kept: Kept, tmp_path: Path) -> None:
    source = tmp_path / "archive"
    source.write_bytes(bytes(range(256)) * 12_000)
    digest = kept.store.put_file(source)
    assert digest == digest_of_file(source)
    assert kept.store.get(digest) == source.read_bytes()


def test_an_empty_file_is_an_artifact_too(kept: Kept, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert kept.store.put_file(tmp_path / "empty") == EMPTY
    assert kept.store.get(EMPTY) == b""


def test_what_was_never_put_is_missing(kept: Kept) -> None:
    assert not kept.store.has(ABSENT)
    with pytest.raises(MissingArtifact, match=ABSENT):
        kept.store.get(ABSENT)


@pytest.mark.parametrize("digest", NOT_DIGESTS)
def test_what_is_no_digest_is_refused(kept: Kept, digest: str) -> None:
    with pytest.raises(ArtifactError, match="not an artifact digest"):
        kept.store.get(digest)
    with pytest.raises(ArtifactError, match="not an artifact digest"):
        kept.store.has(digest)


@each_store_once
@given(data=st.binary(min_size=1, max_size=500), at=st.integers(min_value=0), bit=st.integers(0, 7))
def test_any_flipped_bit_is_noticed_and_healed(kept: Kept, data: bytes, at: int, bit: int) -> None:
    digest = kept.store.put(data)
    spoilt = bytearray(data)
    spoilt[at % len(data)] ^= 1 << bit
    kept.spoil(digest, bytes(spoilt))
    with pytest.raises(CorruptArtifact, match=digest):
        kept.store.get(digest)
    kept.store.put(data)
    assert kept.store.get(digest) == data


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"\0", lambda _: b""])
def test_a_cut_or_grown_artifact_is_noticed(kept: Kept, change: Callable[[bytes], bytes]) -> None:
    digest = kept.store.put(b"model")
    kept.spoil(digest, change(b"model"))
    with pytest.raises(CorruptArtifact):
        kept.store.get(digest)


def test_only_plain_files_are_taken(kept: Kept, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(__file__)
    for name in ["absent", "link", "."]:
        with pytest.raises(ArtifactError, match="give a plain file"):
            kept.store.put_file(tmp_path / name)
