"""The store that a URL names."""

import subprocess
import sys
from pathlib import Path

import pytest

from penstock.artifacts import ArtifactError, FileStore, open_named_files, open_store


def test_a_path_and_its_url_name_the_same_store(tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    digest = open_store(str(folder)).put(b"model")
    assert open_store(folder.as_uri()).get(digest) == b"model"
    assert FileStore(folder).has(digest)


def test_each_memory_store_is_its_own() -> None:
    digest = open_store("memory:").put(b"model")
    assert not open_store("memory:").has(digest)


@pytest.mark.parametrize("url", ["", "ftp://host/models", "file://host/models", "file:models"])
def test_other_urls_are_refused_with_what_is_expected(url: str) -> None:
    with pytest.raises(ArtifactError, match="give a path"):
        open_store(url)
    with pytest.raises(ArtifactError, match="give a path"):
        open_named_files(url)


def test_a_bucket_is_opened() -> None:
    assert open_store("s3://bucket/models")
    assert open_named_files("s3://bucket/models")


def test_obstore_is_not_imported_unless_needed() -> None:
    check = "import sys, penstock.artifacts; sys.exit('obstore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
