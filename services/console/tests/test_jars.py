"""Archives are what their pins say, or are not there."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from penstock.console.broker.download import download
from penstock.console.broker.jar_pins import Pin, read_pins
from penstock.console.broker.jars import obtain_jars
from penstock.console.failure import ConsoleFailure

CONTENT = {"alpha": b"the first archive" * 1000, "beta": b"the second" * 1000}


def pin(name: str) -> Pin:
    return Pin(hashlib.sha256(CONTENT[name]).hexdigest(), "org.example", name, "1.0")


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[str]:
    """A Maven repository that serves both archives."""
    root = tmp_path / "repository"
    for name, content in CONTENT.items():
        folder = root / "org" / "example" / name / "1.0"
        folder.mkdir(parents=True)
        (folder / pin(name).file_name).write_bytes(content)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_archives_are_downloaded_once_with_progress(repository: str, tmp_path: Path) -> None:
    seen: dict[str, int] = {}

    @contextmanager
    def progress(name: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield lambda chunk: seen.update({name: seen.get(name, 0) + chunk})

    download([pin("alpha"), pin("beta")], tmp_path / "cache" / "jars", progress, repository)
    assert seen == {f"{name}-1.0.jar": len(content) for name, content in CONTENT.items()}
    found = obtain_jars([pin("beta"), pin("alpha")], tmp_path / "cache")
    assert [path.read_bytes() for path in found] == [CONTENT["beta"], CONTENT["alpha"]]
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["jars"]


def test_an_archive_with_another_digest_never_arrives(repository: str, tmp_path: Path) -> None:
    wrong = Pin("0" * 64, "org.example", "alpha", "1.0")
    with pytest.raises(ConsoleFailure, match=r"alpha-1\.0\.jar, .* does not have the pinned SHA-256 0000"):
        download([wrong], tmp_path / "jars", repository=repository)
    assert list((tmp_path / "jars").iterdir()) == []


def test_a_damaged_archive_in_the_cache_is_replaced(repository: str, tmp_path: Path) -> None:
    damaged = tmp_path / "jars" / "alpha-1.0.jar"
    damaged.parent.mkdir()
    damaged.write_bytes(CONTENT["alpha"][:-1])
    assert not pin("alpha").matches(damaged)
    download([pin("alpha")], damaged.parent, repository=repository)
    assert pin("alpha").matches(damaged)


@pytest.mark.parametrize("path", ["", "/nowhere"])
def test_a_repository_without_the_archive_is_one_clear_line(repository: str, tmp_path: Path, path: str) -> None:
    missing = Pin("0" * 64, "org.example", "gamma", "1.0")
    with pytest.raises(ConsoleFailure, match=r"gamma-1\.0\.jar first.* connect and try again"):
        download([missing], tmp_path / "jars", repository=repository + path)


def test_no_connection_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(ConsoleFailure, match="connect and try again"):
            download([pin("alpha")], tmp_path / "jars", repository=address)


def test_a_stopped_download_stops_the_others(repository: str, tmp_path: Path) -> None:
    def interrupted(name: str, size: int) -> AbstractContextManager[Callable[[int], None]]:
        raise KeyboardInterrupt(name, size)

    with pytest.raises(KeyboardInterrupt):
        download([pin("alpha"), pin("beta")], tmp_path / "jars", interrupted, repository)
    assert list((tmp_path / "jars").iterdir()) == []


@pytest.mark.parametrize(("name", "count"), [("kafka", 46), ("zipkin", 1)])
def test_every_pin_is_whole_and_names_a_file_of_its_own(name: str, count: int) -> None:
    carried = read_pins(name)
    assert len({one.file_name for one in carried}) == len(carried) == count
    assert all(len(bytes.fromhex(one.digest)) == 32 for one in carried)
