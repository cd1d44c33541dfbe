"""The commands as a user calls them."""

from __future__ import annotations

import os
import socket
from importlib.metadata import version
from pathlib import Path

import pytest

from penstock.console.home import Home

from .command_process import penstock
from .conftest import ANSWERS, HOLDS_A_PARTITION, KNOWS_RETENTION, FakeDeployment


def test_nothing_runs_in_a_new_home(tmp_path: Path) -> None:
    new = Home(tmp_path / "new")
    status = penstock(new, "status")
    assert (status.returncode, status.stdout) == (
        1,
        "Nothing was ever started here. Start it with: penstock up\n",
    )
    down = penstock(new, "down")
    assert (down.returncode, down.stdout) == (0, f"Nothing ran in {new.root}.\n")
    restart = penstock(new, "restart", "server")
    assert (restart.returncode, restart.stderr) == (
        1,
        f"Nothing runs in {new.root}. Start it with: penstock up\n",
    )
    assert penstock(new, "logs").returncode == 2
    assert not new.root.exists()


def test_a_taken_port_is_one_line_and_starts_nothing(home: Home) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = str(listener.getsockname()[1])
        up = penstock(home, "up", PENSTOCK_PORT_INGESTION=port)
    assert up.returncode == 2
    assert up.stderr.startswith(f"Port {port}, asked for ingestion, is taken by process {os.getpid()} ")
    assert up.stderr.count("\n") == 1
    assert list(home.run.glob("*.json")) == []


def test_another_format_is_one_line(home: Home) -> None:
    (home.root / "format").write_text("7")
    for words in (["up"], ["status"], ["down"], ["restart", "server"]):
        done = penstock(home, *words)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), words
        assert "has format '7'; this Penstock reads format 1" in done.stderr


def test_status_names_what_a_service_cannot_work_on_and_why(deployment: FakeDeployment) -> None:
    deployment.start_ready(ingestion=ANSWERS, validator=HOLDS_A_PARTITION)
    status = penstock(deployment.home, "status")
    assert status.returncode == 0
    assert "validator: penstock.loans.events/1: the batch is corrupt" in status.stdout
    assert "ingestion:" not in status.stdout


def test_status_shows_how_long_retention_keeps_what_the_slowest_groups_have_not_read(
    deployment: FakeDeployment,
) -> None:
    deployment.start_ready(ingestion=ANSWERS, registry=KNOWS_RETENTION)
    status = penstock(deployment.home, "status")
    assert status.returncode == 0
    assert [line.split() for line in status.stdout.splitlines()[-2:]] == [
        ["penstock.loans.events", "drift-detector", "15%", "1", "day,", "2:00:00", "low"],
        ["penstock.alerts", "registry", "100%", "no", "limit", "ample"],
    ]


def test_what_runs_is_shown_restarted_and_stopped(deployment: FakeDeployment) -> None:
    home = deployment.home
    deployment.start_ready(broker=ANSWERS, ingestion=ANSWERS, server=ANSWERS, registry=ANSWERS)
    status = penstock(home, "status")
    assert status.returncode == 0
    first, _head, *rows, disk = status.stdout.splitlines()
    assert first == "All well: the broker and 3 services are ready."
    assert [line.split()[:2] for line in rows] == [
        [name, "ready"] for name in ("broker", "ingestion", "server", "registry")
    ]
    assert disk.startswith("disk: log 0 MiB, state 0 MiB, models 0 MiB, ")
    again = penstock(home, "up")
    assert again.returncode == 0
    assert again.stdout.startswith("Penstock was up already.")
    assert deployment.read().url("ingestion") in again.stdout
    restarted = penstock(home, "restart", "server")
    assert (restarted.returncode, restarted.stdout) == (0, "server was restarted and is ready.\n")
    assert "server is restarted as asked" in penstock(home, "logs", "supervisor").stdout
    assert penstock(home, "down").stdout == "Penstock is down.\n"
    stopped = penstock(home, "status")
    assert stopped.returncode == 1
    assert stopped.stdout.startswith("Nothing runs; start it with: penstock up")


@pytest.mark.parametrize("command", ["up", "down", "status", "logs", "restart"])
def test_every_command_explains_itself(home: Home, command: str) -> None:
    assert penstock(home, command, "--help").returncode == 0


def test_the_version_is_said_and_names_are_completed(home: Home) -> None:
    assert penstock(home, "--version").stdout == f"penstock {version('penstock-console')}\n"
    words = {"_PENSTOCK_COMPLETE": "complete_bash", "COMP_WORDS": "penstock dri", "COMP_CWORD": "1"}
    assert penstock(home, **words).stdout.strip() == "drift"


def test_a_url_may_stand_anywhere_and_is_not_for_commands_of_this_machine(home: Home) -> None:
    nowhere = "http://127.0.0.1:1"
    for arguments in (["ledger", "loans", "--url", nowhere], [f"--url={nowhere}", "ledger", "loans"]):
        refused = penstock(home, *arguments)
        assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
        assert f"The registry at {nowhere} does not answer" in refused.stderr
    local = penstock(home, "down", "--url", nowhere)
    assert (local.returncode, "works on this machine alone" in local.stderr) == (2, True)
