"""The two scripts that every image carries: its health check, and the making of keys."""

from __future__ import annotations

import doctest
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from threading import Thread
from types import ModuleType

import pytest

from penstock.artifacts import Seal, Signer, Verifier, digest_of

SCRIPTS = Path(__file__).parents[2] / "deploy" / "docker"


def loaded(name: str) -> ModuleType:
    spec = spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ran(name: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPTS / f"{name}.py")]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PENSTOCK_")}
    return subprocess.run(command, env={**clean, **environment}, capture_output=True, text=True, check=False)


@contextmanager
def process_that_answers(status: int) -> Iterator[int]:
    """The port of an HTTP server that answers /readyz so, and anything else with 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(("statuses", "healthy"), [((200, 200), True), ((503, 200), False), ((200, 503), False)])
def test_the_server_is_ready_when_both_kinds_of_child_are(statuses: tuple[int, int], healthy: bool) -> None:
    with ExitStack() as running:
        http, stream = (running.enter_context(process_that_answers(status)) for status in statuses)
        done = ran("ready", {"PENSTOCK_PORT": str(http), "PENSTOCK_STREAM_PORT": str(stream)})
    assert (done.returncode == 0) is healthy
    assert "Traceback" not in done.stderr


def test_a_service_that_does_not_listen_is_not_ready() -> None:
    with process_that_answers(200) as port:
        pass
    done = ran("ready", {"PENSTOCK_PORT": str(port)})
    assert done.returncode == 1
    assert done.stderr.startswith(f"port {port} is not ready")


def test_the_examples_of_the_health_check_hold() -> None:
    assert doctest.testmod(loaded("ready")).failed == 0


@pytest.fixture
def places(tmp_path: Path) -> dict[str, str]:
    """Where the keys shall go."""
    files = {"SIGNING_KEY": "signing.pem", "TRUSTED_KEYS": "trusted.pem", "ANSWER_KEY": "answers.key"}
    return {f"PENSTOCK_{name}": str(tmp_path / file) for name, file in files.items()}


@pytest.fixture
def make_keys() -> Callable[[dict[str, str]], None]:
    """What the init container runs."""
    made: Callable[[dict[str, str]], None] = loaded("make_keys").make_keys
    return made


def test_the_keys_that_are_made_belong_together(places: dict[str, str]) -> None:
    assert ran("make_keys", places).returncode == 0
    digest = digest_of(b"model")
    envelope = Signer.from_file(places["PENSTOCK_SIGNING_KEY"]).sign("a/1", digest, "test", {})
    Verifier.from_file(places["PENSTOCK_TRUSTED_KEYS"]).expect(envelope, "a/1", digest)
    assert Seal.from_file(places["PENSTOCK_ANSWER_KEY"]).mac(b"0.5")


def test_secrets_are_their_owners_alone(places: dict[str, str], make_keys: Callable[[dict[str, str]], None]) -> None:
    make_keys(places)
    for name in ("PENSTOCK_SIGNING_KEY", "PENSTOCK_ANSWER_KEY"):
        assert Path(places[name]).stat().st_mode & 0o077 == 0


def test_a_second_start_changes_no_key(places: dict[str, str], make_keys: Callable[[dict[str, str]], None]) -> None:
    make_keys(places)
    before = {path: Path(path).read_bytes() for path in places.values()}
    make_keys(places)
    assert {path: Path(path).read_bytes() for path in places.values()} == before


def test_a_start_that_was_cut_off_is_mended(
    places: dict[str, str], make_keys: Callable[[dict[str, str]], None]
) -> None:
    make_keys(places)
    Path(places["PENSTOCK_TRUSTED_KEYS"]).unlink()
    make_keys(places)
    digest = digest_of(b"model")
    envelope = Signer.from_file(places["PENSTOCK_SIGNING_KEY"]).sign("a/1", digest, "test", {})
    Verifier.from_file(places["PENSTOCK_TRUSTED_KEYS"]).expect(envelope, "a/1", digest)


@pytest.mark.parametrize("missing", ["PENSTOCK_SIGNING_KEY", "PENSTOCK_ANSWER_KEY"])
def test_a_place_that_is_missing_or_wrong_is_one_line(places: dict[str, str], missing: str) -> None:
    unset = ran("make_keys", {name: path for name, path in places.items() if name != missing})
    nowhere = ran("make_keys", {**places, missing: "/nowhere/at.all"})
    for done in (unset, nowhere):
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1
        assert missing in done.stderr or "/nowhere/at.all" in done.stderr
