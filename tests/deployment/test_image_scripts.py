"""The two scripts in every image: the health check, and the one that makes keys."""

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


def load_script(name: str) -> ModuleType:
    spec = spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_script(name: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPTS / f"{name}.py")]
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PENSTOCK_")}
    return subprocess.run(command, env={**inherited, **environment}, capture_output=True, text=True, check=False)


@contextmanager
def http_server(status: int) -> Iterator[int]:
    """The port of an HTTP server that answers /readyz with the status, and other paths with 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

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
        http, stream = (running.enter_context(http_server(status)) for status in statuses)
        process = run_script("ready", {"PENSTOCK_PORT": str(http), "PENSTOCK_STREAM_PORT": str(stream)})
    assert (process.returncode == 0) is healthy
    assert "Traceback" not in process.stderr


def test_a_service_that_does_not_listen_is_not_ready() -> None:
    with http_server(200) as port:
        pass
    process = run_script("ready", {"PENSTOCK_PORT": str(port)})
    assert process.returncode == 1
    assert process.stderr.startswith(f"port {port} is not ready")


def test_the_examples_of_the_health_check_hold() -> None:
    assert doctest.testmod(load_script("ready")).failed == 0


@pytest.fixture
def key_paths(tmp_path: Path) -> dict[str, str]:
    """The settings that say where the keys are written."""
    files = {"SIGNING_KEY": "signing.pem", "TRUSTED_KEYS": "trusted.pem", "ANSWER_KEY": "answers.key"}
    return {f"PENSTOCK_{name}": str(tmp_path / file) for name, file in files.items()}


@pytest.fixture
def make_keys() -> Callable[[dict[str, str]], None]:
    """The function that the init container runs."""
    function: Callable[[dict[str, str]], None] = load_script("make_keys").make_keys
    return function


def test_the_keys_match_each_other(key_paths: dict[str, str]) -> None:
    assert run_script("make_keys", key_paths).returncode == 0
    digest = digest_of(b"model")
    envelope = Signer.from_file(key_paths["PENSTOCK_SIGNING_KEY"]).sign("a/1", digest, "test", {})
    Verifier.from_file(key_paths["PENSTOCK_TRUSTED_KEYS"]).expect(envelope, "a/1", digest)
    assert Seal.from_file(key_paths["PENSTOCK_ANSWER_KEY"]).mac(b"0.5")


def test_only_the_owner_can_read_secrets(
    key_paths: dict[str, str], make_keys: Callable[[dict[str, str]], None]
) -> None:
    make_keys(key_paths)
    for name in ("PENSTOCK_SIGNING_KEY", "PENSTOCK_ANSWER_KEY"):
        assert Path(key_paths[name]).stat().st_mode & 0o077 == 0


def test_a_second_start_changes_no_key(key_paths: dict[str, str], make_keys: Callable[[dict[str, str]], None]) -> None:
    make_keys(key_paths)
    before = {path: Path(path).read_bytes() for path in key_paths.values()}
    make_keys(key_paths)
    assert {path: Path(path).read_bytes() for path in key_paths.values()} == before


def test_an_interrupted_start_is_completed(
    key_paths: dict[str, str], make_keys: Callable[[dict[str, str]], None]
) -> None:
    make_keys(key_paths)
    Path(key_paths["PENSTOCK_TRUSTED_KEYS"]).unlink()
    make_keys(key_paths)
    digest = digest_of(b"model")
    envelope = Signer.from_file(key_paths["PENSTOCK_SIGNING_KEY"]).sign("a/1", digest, "test", {})
    Verifier.from_file(key_paths["PENSTOCK_TRUSTED_KEYS"]).expect(envelope, "a/1", digest)


@pytest.mark.parametrize("missing", ["PENSTOCK_SIGNING_KEY", "PENSTOCK_ANSWER_KEY"])
def test_a_missing_or_wrong_path_is_a_one_line_error(key_paths: dict[str, str], missing: str) -> None:
    unset = run_script("make_keys", {name: path for name, path in key_paths.items() if name != missing})
    nowhere = run_script("make_keys", {**key_paths, missing: "/nowhere/at.all"})
    for process in (unset, nowhere):
        assert process.returncode == 1
        assert len(process.stderr.splitlines()) == 1
        assert missing in process.stderr or "/nowhere/at.all" in process.stderr
