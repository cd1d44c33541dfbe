"""Each check of `penstock doctor` finds its fault, and says what to do."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from penstock.artifacts import generate_key_pair
from penstock.bus.memory.log import MemoryLog
from penstock.bus.topics import control_topics
from penstock.console.deployment import Deployment
from penstock.console.doctor import examination
from penstock.console.doctor.database_check import check_database
from penstock.console.doctor.examination import CHECKS, LOG_CHECKS, NOT_ASKED, examine
from penstock.console.doctor.finding import Finding, Installation, Outcome
from penstock.console.doctor.home_checks import check_format_of_home, check_leftovers, check_secrets, check_writable
from penstock.console.doctor.key_checks import check_answer_key, check_signing_keys
from penstock.console.doctor.log_checks import topics_finding
from penstock.console.doctor.process_checks import (
    advice_on,
    check_clock_of_files,
    check_ports,
    check_services,
    clock_difference,
)
from penstock.console.doctor.setting_checks import check_notifications, check_variables
from penstock.console.home import Home
from penstock.console.plan.keys import ensure_keys
from penstock.runtime.supervision.process_health import ProcessState

from .command_process import penstock
from .conftest import ANSWERS, ENDS, FakeDeployment, eventually


def of(home: Home, environment: Mapping[str, str] | None = None, deployment: Deployment | None = None) -> Installation:
    return Installation(home, environment or {}, deployment)


def assert_found(finding: Finding, outcome: Outcome, words: str, advice: str = "") -> None:
    assert finding.outcome == outcome
    assert words in finding.found
    assert advice in finding.advice
    assert bool(finding.advice) == (outcome != "ok")


async def test_in_a_fresh_home_nothing_fails_whether_it_is_there_yet_or_not(home: Home, tmp_path: Path) -> None:
    for each in (home, Home(tmp_path / "none")):
        findings = await examine(of(each))
        assert {name: finding for name, finding in findings.items() if finding.outcome == "fail"} == {}
        assert findings.keys() == CHECKS.keys() | LOG_CHECKS.keys()


def test_the_command_exits_1_at_a_fault_and_says_it_to_people_and_programs(home: Home) -> None:
    assert penstock(home, "doctor").returncode == 0
    ensure_keys(home)
    home.answer_key.write_text("rubbish")
    told = penstock(home, "doctor")
    assert told.returncode == 1
    assert "checks: 1 failed" in told.stdout.splitlines()[0]
    assert told.stdout.splitlines()[-2].startswith("fail answer key: ")
    assert told.stdout.splitlines()[-1].startswith("     → rm -f ")
    document = json.loads(penstock(home, "doctor", "--json").stdout)
    assert (document["outcome"], document["checks"]["answer key"]["outcome"]) == ("fail", "fail")


def test_keys_that_do_not_belong_together_or_that_others_may_read_are_found(home: Home) -> None:
    assert_found(check_signing_keys(of(home)), "ok", "not there yet")
    ensure_keys(home)
    assert_found(check_signing_keys(of(home)), "ok", "which is trusted")
    assert_found(check_answer_key(of(home)), "ok", "sealed")
    assert_found(check_secrets(of(home)), "ok", "3 private files")
    home.signing_key.chmod(0o644)
    assert_found(check_secrets(of(home)), "warn", "signing.pem", "chmod -R go=")
    home.trusted_keys.unlink()
    generate_key_pair(home.keys / "other.pem", home.trusted_keys)
    assert_found(check_signing_keys(of(home)), "fail", "unknown key", "backup")


def test_a_database_that_is_damaged_or_locked_is_found(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penstock.console.doctor.database_check.LOCK_WAIT_S", 0.0)
    other = sqlite3.connect(home.database, isolation_level=None)
    other.execute("CREATE TABLE streams (name)")
    assert_found(check_database(of(home)), "ok", "has 1 tables")
    other.execute("BEGIN IMMEDIATE")
    assert_found(check_database(of(home)), "fail", "locked", "fuser")
    other.close()
    home.database.write_bytes(b"no database at all" * 100)
    assert_found(check_database(of(home)), "fail", "damaged", "backup")


def test_a_home_that_cannot_be_used_is_found(home: Home) -> None:
    assert_found(check_writable(of(home)), "ok", "can be written")
    (home.root / "format").write_text("7")
    assert_found(check_format_of_home(of(home)), "fail", "has format '7'", "PENSTOCK_HOME")
    later = time.time() + 3600
    os.utime(home.root / "format", (later, later))
    assert_found(check_clock_of_files(of(home)), "warn", "ahead of the clock", "timedatectl")
    home.logs.rmdir()
    home.logs.write_text("a file in place of a folder")
    assert_found(check_writable(of(home)), "fail", "logs: Not a directory", "chown")


def test_a_variable_that_nobody_reads_is_found_with_the_one_that_is_meant(home: Home) -> None:
    known = {"PENSTOCK_HOME": "x", "PENSTOCK_PORT_SERVER": "1", "PENSTOCK_TRAINING_TIMEOUT": "9", "PATH": "/bin"}
    assert_found(check_variables(of(home, known)), "ok", "3 variables")
    assert_found(check_variables(of(home, {"PENSTOCK_HOEM": "x"})), "warn", "PENSTOCK_HOEM", "perhaps PENSTOCK_HOME")


def test_a_file_of_destinations_that_cannot_be_used_is_found(home: Home, tmp_path: Path) -> None:
    assert_found(check_notifications(of(home)), "warn", "nobody is told")
    file = tmp_path / "notifications.toml"
    environment = {"PENSTOCK_NOTIFICATIONS": str(file)}
    assert_found(check_notifications(of(home, environment)), "fail", "cannot be read", "restart notifier")
    file.write_text(
        '[[destination]]\nkind = "webhook"\nname = "ops"\nurl = "https://x/"\nsecret_variable = "PENSTOCK_OPS"\n'
    )
    assert_found(check_notifications(of(home, environment)), "fail", "PENSTOCK_OPS, not set", "export PENSTOCK_OPS")
    set_too = {**environment, "PENSTOCK_OPS": "s"}
    assert_found(check_notifications(of(home, set_too)), "ok", "1 destinations")
    assert_found(check_variables(of(home, set_too)), "ok", "2 variables")


def test_a_port_of_ours_that_somebody_else_has_is_found(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        stopped = Deployment(namespace="test", bootstrap="127.0.0.1:1", ports={"server": port}, processes={})
        assert_found(check_ports(of(home, {}, stopped)), "warn", f"the port {port} of server is taken", "PORT_SERVER")
    assert_found(check_ports(of(home, {}, stopped)), "ok", "free")


async def test_a_service_that_ends_again_and_again_is_found_with_its_last_words(deployment: FakeDeployment) -> None:
    deployment.start(ingestion=ANSWERS, server=ENDS)
    eventually(lambda: deployment.read().processes["server"].restarts >= 1)
    eventually(lambda: deployment.read().processes["ingestion"].state is ProcessState.READY)
    found = await check_services(of(deployment.home, {}, deployment.read()))
    assert_found(found, "fail", "the port of the neighbour is missing", "penstock logs server")


def test_a_source_is_no_unit_to_be_resumed() -> None:
    assert "a-source-is-away" in advice_on("ingestion: source loans/orders")
    assert "unit resume" in advice_on("validator: validator/loans/0")


async def test_processes_without_their_supervisor_are_found(deployment: FakeDeployment) -> None:
    up = deployment.start_ready(server=ANSWERS)
    assert_found(check_leftovers(of(deployment.home, {}, up)), "ok", "nothing")
    assert up.supervisor
    up.supervisor.signal(signal.SIGKILL)
    eventually(lambda: not deployment.read().is_supervised)
    assert_found(
        check_leftovers(of(deployment.home, {}, up)), "fail", "server run without a supervisor", "penstock down"
    )


async def test_topics_that_are_missing_or_kept_for_another_time_are_found() -> None:
    log, expected = MemoryLog(), control_topics("penstock")
    await log.create(expected[1:])
    assert_found(
        await topics_finding(log, expected), "fail", f"missing: {expected[0].name}", "penstock restart registry"
    )
    await log.create(expected)
    assert_found(await topics_finding(log, expected), "ok", f"{len(expected)} topics")
    week = next(topic for topic in expected if topic.retention_ms)
    log.delete(week.name)
    await log.create([type(week)(week.name, 1, 1000)])
    assert_found(
        await topics_finding(log, expected), "warn", f"another time than declared: {week.name}", "kafka-configs"
    )


async def test_a_broker_that_does_not_answer_is_told_once(deployment: FakeDeployment) -> None:
    up = deployment.start_ready(broker=ANSWERS)
    findings = await examine(of(deployment.home, {}, up))
    assert_found(findings["broker answers"], "fail", "nothing answers at 127.0.0.1:1", "penstock restart broker")
    assert {findings[name] for name in LOG_CHECKS} == {NOT_ASKED}


async def test_a_check_that_fails_itself_keeps_no_other_from_being_made(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Installation) -> Finding:
        raise LookupError("no such thing")

    monkeypatch.setitem(examination.CHECKS, "java", broken)
    findings = await examine(of(home))
    assert_found(findings["java"], "warn", "LookupError: no such thing", "bug")
    assert findings["disk"].outcome == "ok"


@pytest.mark.parametrize(("date", "difference"), [(100.0, 0.0), (99.0, 0.0), (108.0, 0.0), (90.0, -9.0), (120.0, 11.5)])
def test_a_clock_differs_only_beyond_what_the_time_of_the_answer_leaves_open(date: float, difference: float) -> None:
    assert clock_difference(date, before=100.5, after=108.5) == pytest.approx(difference, abs=0.5)
