"""Files by name: what is put is got, listed until it is deleted, and never taken for what it is not."""

from pathlib import Path

import pytest
from obstore.store import MemoryStore

from penstock.artifacts import ArtifactError, CorruptArtifact, MissingArtifact, digest_of, open_named_files
from penstock.artifacts.named_files import PART, NamedFiles

LARGE = bytes(range(256)) * (PART // 128)


@pytest.fixture(params=["folder", "bucket"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> NamedFiles:
    return open_named_files(str(tmp_path / "x")) if request.param == "folder" else NamedFiles(MemoryStore(), "bucket")


def test_bytes_and_files_are_got_as_they_were_put(files: NamedFiles, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(LARGE)
    files.put("a/large", tmp_path / "source")
    files.put("a/b/small", b"1")
    files.put("ab", b"2")
    files.get_file("a/large", digest_of(LARGE), tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == LARGE
    assert files.get("a/b/small", digest_of(b"1")) == b"1"
    assert set(files.list("a")) == {"large", "b/small"}
    files.delete(["a/large", "a/absent"])
    assert set(files.list("a")) == {"b/small"}
    assert files.list("absent") == {}


def test_other_bytes_than_those_of_the_digest_are_refused(files: NamedFiles, tmp_path: Path) -> None:
    files.put("a", b"1")
    with pytest.raises(CorruptArtifact, match=digest_of(b"2")):
        files.get("a", digest_of(b"2"))
    with pytest.raises(CorruptArtifact, match="/a is corrupt"):
        files.get_file("a", digest_of(b"2"), tmp_path / "copy")
    with pytest.raises(MissingArtifact):
        files.get("b", digest_of(b"1"))


def test_a_place_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ArtifactError, match="cannot use"):
        open_named_files(str(tmp_path / "file" / "below"))
