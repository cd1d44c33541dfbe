"""A store in a bucket, through obstore.

One object per artifact, `<prefix>/sha256/<64 hex digits>`. Endpoint, region and credentials come from the
environment under their usual names (`AWS_ENDPOINT_URL`, `AWS_REGION`, `AWS_ACCESS_KEY_ID`, …).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import MemoryStore, S3Store

from penstock.artifacts.digest import digest_of, digest_of_chunks, hex_of, read_chunks
from penstock.artifacts.errors import ArtifactError, MissingArtifact
from penstock.artifacts.regular_file import open_regular_file
from penstock.artifacts.store import verify_digest


class ObjectStore:
    """Artifacts as objects of a bucket; `url` names it in errors."""

    def __init__(self, bucket: S3Store | MemoryStore, url: str) -> None:
        self._bucket = bucket
        self._url = url

    @classmethod
    def from_url(cls, url: str) -> "ObjectStore":
        """The store at `s3://bucket/prefix`.

        Raises:
            ArtifactError: the URL or the settings in the environment are wrong.
        """
        try:
            return cls(S3Store.from_url(url), url)
        except (BaseError, ValueError) as error:
            raise ArtifactError(f"cannot use the artifact bucket {url}: {error}") from error

    def put(self, data: bytes) -> str:
        digest = digest_of(data)
        with bucket_errors(self._url, "write to"):
            obstore.put(self._bucket, _key(digest), data)
        return digest

    def put_file(self, path: str | Path) -> str:
        """As `Store.put_file`; the file is read twice, and the next `get` detects if it changed in between."""
        with open_regular_file(path) as source:
            digest = digest_of_chunks(read_chunks(source))
            source.seek(0)
            with bucket_errors(self._url, "write to"):
                obstore.put(self._bucket, _key(digest), source)
        return digest

    def get(self, digest: str) -> bytes:
        key = _key(digest)
        with bucket_errors(self._url, "read"):
            try:
                data = bytes(obstore.get(self._bucket, key).bytes())
            except FileNotFoundError as error:
                raise MissingArtifact(digest, self._url) from error
        return verify_digest(data, digest, self._url)

    def has(self, digest: str) -> bool:
        key = _key(digest)
        with bucket_errors(self._url, "read"):
            try:
                obstore.head(self._bucket, key)
            except FileNotFoundError:
                return False
        return True


@contextmanager
def bucket_errors(url: str, action: str) -> Iterator[None]:
    """What obstore raises as an `ArtifactError` that says what could not be done, and where."""
    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ArtifactError(f"cannot {action} the artifact bucket {url}: {reason}") from error


def _key(digest: str) -> str:
    return f"sha256/{hex_of(digest)}"
