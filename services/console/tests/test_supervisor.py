"""A real supervisor and fake services: started, watched, restarted, stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from penstock.console.deployment import Deployment
from penstock.console.failure import ConsoleFailure
from penstock.console.home import Home
from penstock.console.local_ports import free_ports
from penstock.console.process_identity import ProcessIdentity
from penstock.console.supervision.home_lock import is_locked, take_lock
from penstock.console.supervision.lifecycle import await_ready, stop
from penstock.console.supervision.restart_requests import restart_and_wait
from penstock.runtime.supervision.process_health import ProcessState

from .conftest import ANSWERS, ENDS, IGNORES_SIGTERM, NEVER_ANSWERS, WITH_CHILD, FakeDeployment, alive, eventually


def processes_of(deployment: Deployment) -> list[psutil.Process]:
    identities = [record.process for record in deployment.processes.values() if record.process]
    return [process for identity in identities for process in identity.group()]


def identity(deployment: Deployment, name: str) -> ProcessIdentity:
    process_identity = deployment.processes[name].process
    assert process_identity is not None
    return process_identity


def test_all_become_ready_and_stop_leaves_nothing(deployment: FakeDeployment) -> None:
    up = deployment.start_ready(broker=ANSWERS, server=WITH_CHILD, registry=IGNORES_SIGTERM)
    running = processes_of(up)
    assert len(running) == 4
    assert stop(deployment.home)
    assert not alive(running)
    assert not is_locked(deployment.home)
    assert {record.state for record in deployment.read().processes.values()} == {ProcessState.STOPPED}
    assert not stop(deployment.home)


def test_the_first_is_ready_before_the_others_start(deployment: FakeDeployment) -> None:
    up = deployment.start_ready(server=ANSWERS, broker=ANSWERS)
    assert identity(up, "broker").created < identity(up, "server").created


def test_a_process_is_ready_only_when_those_under_it_are(deployment: FakeDeployment) -> None:
    (port,) = free_ports(1)
    deployment.start(children=(f"http://127.0.0.1:{port}",), server=ANSWERS)
    eventually(lambda: deployment.read().processes["server"].state is ProcessState.UNREADY)
    child = subprocess.Popen([sys.executable, "-c", ANSWERS, str(port)])
    try:
        eventually(lambda: deployment.read().is_ready)
    finally:
        child.kill()
        child.wait()
    eventually(lambda: deployment.read().processes["server"].state is ProcessState.UNREADY)
    assert deployment.read().processes["server"].restarts == 0


def test_a_killed_process_is_started_again(deployment: FakeDeployment) -> None:
    before = identity(deployment.start_ready(server=WITH_CHILD, trainer=ANSWERS), "server")
    left_behind = before.group()
    assert before.signal(signal.SIGKILL)
    eventually(lambda: deployment.read().is_ready and deployment.read().processes["server"].restarts == 1)
    assert identity(deployment.read(), "server") != before
    assert not alive(left_behind)
    assert deployment.read().processes["trainer"].restarts == 0


def test_a_process_that_never_answers_is_killed_and_started_again(deployment: FakeDeployment) -> None:
    deployment.start(server=NEVER_ANSWERS)
    eventually(lambda: deployment.read().processes["server"].restarts >= 1)


def test_a_process_that_keeps_ending_is_named_with_its_last_words(deployment: FakeDeployment) -> None:
    deployment.start(server=ENDS)
    with pytest.raises(ConsoleFailure, match=r"server ends again and again .*port of the neighbour"):
        await_ready(deployment.home)
    assert deployment.read().is_supervised


def test_a_process_that_is_not_ready_in_time_is_named(deployment: FakeDeployment) -> None:
    deployment.start(server=NEVER_ANSWERS)
    with pytest.raises(
        ConsoleFailure, match=r"Not ready after 0 s: server\. See: penstock status, penstock logs server"
    ):
        await_ready(deployment.home, limit_s=0.0)
    assert deployment.read().is_supervised


def test_restart_gives_another_process_that_is_ready(deployment: FakeDeployment) -> None:
    before = identity(deployment.start_ready(server=ANSWERS), "server")
    restart_and_wait(deployment.home, "server")
    assert before.find() is None
    assert deployment.read().is_ready


def test_restart_ends_the_pause_before_another_start(deployment: FakeDeployment, tmp_path: Path) -> None:
    mended = tmp_path / "mended"
    deployment.start(server=f"import os, sys; os.path.exists({str(mended)!r}) or sys.exit(7)\n{ANSWERS}")
    eventually(lambda: deployment.read().processes["server"].restarts >= 3)
    eventually(lambda: deployment.read().processes["server"].process is None)
    mended.touch()
    restart_and_wait(deployment.home, "server", limit_s=20)
    assert deployment.read().is_ready


def test_restart_of_an_unknown_process_names_the_known(deployment: FakeDeployment) -> None:
    deployment.start_ready(server=ANSWERS)
    with pytest.raises(ConsoleFailure, match="no service 'scorer'; there are server"):
        restart_and_wait(deployment.home, "scorer")


def test_stop_ends_what_a_killed_supervisor_left(deployment: FakeDeployment) -> None:
    up = deployment.start_ready(broker=ANSWERS, server=WITH_CHILD)
    running = processes_of(up)
    assert up.supervisor
    assert up.supervisor.signal(signal.SIGKILL)
    eventually(lambda: not deployment.read().is_supervised)
    assert alive(running) == running
    assert stop(deployment.home)
    assert not alive(running)


def test_orphans_whose_leader_ended_are_found_by_their_group(deployment: FakeDeployment) -> None:
    up = deployment.start_ready(server=WITH_CHILD)
    leader = identity(up, "server")
    child = next(process for process in leader.group() if process.pid != leader.pid)
    assert up.supervisor
    assert up.supervisor.signal(signal.SIGKILL)
    eventually(lambda: not deployment.read().is_supervised)
    assert leader.signal(signal.SIGKILL)
    eventually(lambda: leader.find() is None)
    stop(deployment.home)
    assert not alive([child])


def test_a_reused_process_id_is_left_alone() -> None:
    current = ProcessIdentity.of(os.getpid())
    assert current
    earlier = current.model_copy(update={"created": current.created - 60})
    assert current.find() is not None
    assert earlier.find() is None
    assert earlier.group() == []
    assert not earlier.signal(signal.SIGTERM)


def test_one_supervisor_a_home(deployment: FakeDeployment) -> None:
    deployment.start_ready(server=ANSWERS)
    assert take_lock(deployment.home) is None


CALLER = """
import sys
from pathlib import Path
from penstock.console.home import Home
from penstock.console.supervision.home_lock import take_lock
from penstock.console.supervision.lifecycle import await_ready
from penstock.console.supervision.launch import launch_supervisor
home = Home(Path(sys.argv[1]))
launch_supervisor(home, take_lock(home), ends_with_caller=sys.argv[2] == "True")
await_ready(home)
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("ends_with_caller", [True, False])
def test_only_a_supervisor_that_ends_with_its_caller_does(deployment: FakeDeployment, ends_with_caller: bool) -> None:
    deployment.start_ready(server=ANSWERS)
    stop(deployment.home)
    with subprocess.Popen(
        [sys.executable, "-c", CALLER, deployment.home.root, str(ends_with_caller)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as caller:
        assert caller.stdout
        assert caller.stdout.readline() == b"ready\n"
        running = processes_of(deployment.read())
        caller.kill()
    if ends_with_caller:
        eventually(lambda: not alive(running))
        eventually(lambda: not is_locked(deployment.home))
    else:
        assert deployment.read().is_ready


def test_a_deployment_of_another_shape_is_one_clear_line(home: Home) -> None:
    (home.run / "deployment.json").write_text('{"namespace": 1}')
    with pytest.raises(ConsoleFailure, match=r"deployment\.json cannot be read"):
        Deployment.read(home)


def test_nothing_ran_in_a_new_home(tmp_path: Path) -> None:
    assert not stop(Home(tmp_path / "new"))
    assert not (tmp_path / "new").exists()
