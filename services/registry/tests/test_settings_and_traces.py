"""Settings: what is wrong is named in one line. Traces: what a request or record leads to stays in its trace."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from penstock.artifacts import generate_key_pair
from penstock.bus.ports import RecordBatch
from penstock.contracts.topics import MODELS, TRAINING_RUNS
from penstock.registry.settings import RegistrySettings
from penstock.registry.wiring import Parts, open_parts
from penstock.runtime.settings import SettingsError
from penstock.telemetry.setup import memory_telemetry
from penstock.telemetry.traceparent import parse_traceparent, sampled_traceparent

TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def settings(keys: tuple[Path, Path], tmp_path: Path, **changes: object) -> RegistrySettings:
    """Settings that are valid but for `changes`."""
    valid = {
        "data_folder": tmp_path,
        "artifacts": str(tmp_path / "artifacts"),
        "signing_key": keys[0],
        "trusted_keys": keys[1],
    }
    return RegistrySettings.model_validate({**valid, **changes})


def test_the_database_is_in_the_data_folder_unless_set(keys: tuple[Path, Path], tmp_path: Path) -> None:
    assert open_parts(settings(keys, tmp_path)).engine.url.database == str(tmp_path / "registry.db")
    assert settings(keys, tmp_path, database_url="sqlite:///x.db").database == "sqlite:///x.db"


@pytest.mark.parametrize(
    ("change", "variable"),
    [
        ({"signing_key": Path("/nowhere.pem")}, "PENSTOCK_SIGNING_KEY"),
        ({"trusted_keys": Path("/nowhere.pem")}, "PENSTOCK_TRUSTED_KEYS"),
        ({"artifacts": "ftp://host"}, "PENSTOCK_ARTIFACTS"),
        ({"database_url": "mysql://host/name"}, "DATABASE_URL"),
    ],
)
def test_a_wrong_setting_is_named(
    keys: tuple[Path, Path], tmp_path: Path, change: dict[str, object], variable: str
) -> None:
    with pytest.raises(SettingsError, match=variable) as error:
        open_parts(settings(keys, tmp_path, **change))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["server", "server=8020", "=:8020", "server=:99999", "kafka=http://broker", "kafka="])
def test_an_address_that_cannot_be_used_is_refused(keys: tuple[Path, Path], tmp_path: Path, text: str) -> None:
    with pytest.raises(ValidationError, match="is not NAME=URL"):
        settings(keys, tmp_path, declared_addresses=text)


def test_the_broker_is_this_services_own_unless_declared(keys: tuple[Path, Path], tmp_path: Path) -> None:
    plain = settings(keys, tmp_path, kafka_bootstrap_servers="kafka:9092", declared_addresses="server=:8020")
    assert (plain.addresses.kafka, plain.addresses.services) == ("kafka:9092", {"server": ":8020"})
    assert settings(keys, tmp_path, declared_addresses="kafka=:19092").addresses.kafka == ":19092"


def test_a_signing_key_that_is_not_trusted_is_refused_at_the_start(keys: tuple[Path, Path], tmp_path: Path) -> None:
    generate_key_pair(tmp_path / "other.pem", tmp_path / "other-public.pem")
    with pytest.raises(SettingsError, match="PENSTOCK_TRUSTED_KEYS: it lacks"):
        open_parts(settings(keys, tmp_path, trusted_keys=tmp_path / "other-public.pem"))


def test_without_keys_it_exits_with_one_line(tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "penstock.registry"], capture_output=True, text=True, cwd=tmp_path, env={}, check=False
    )
    assert (process.returncode, process.stderr) == (2, "registry: PENSTOCK_SIGNING_KEY: Field required\n")


async def test_a_promotion_stays_in_the_trace_of_its_run(parts: Parts, deploy: Any) -> None:
    telemetry, spans = memory_telemetry()
    async with deploy(parts, telemetry) as deployment:
        await deployment.registry.apply(deployment.declaration)
        run = RecordBatch.single(
            TRAINING_RUNS.name("penstock"), 0, b"loans", deployment.run(1).to_json(), (("traceparent", TRACE),)
        )
        deployment.process.log.append([run])
        await deployment.process.run_until_quiet()
        record = deployment.process.log.records_of((MODELS.name("penstock"), 0))[-1]
        header = sampled_traceparent(record.headers)
        assert header is not None
        assert header[3:35] == TRACE[3:35]
        context = parse_traceparent(header)
        assert context is not None
        assert context.span_id in {span.context.span_id for span in spans.get_finished_spans()}


async def test_a_command_stays_in_the_trace_of_its_request(parts: Parts, deploy: Any) -> None:
    async with deploy(parts, memory_telemetry()[0]) as deployment:
        headers = {"Content-Type": "application/toml", "traceparent": TRACE.decode()}
        await deployment.client.put("/v1/streams/loans", content=deployment.text, headers=headers)
        (record,) = deployment.process.log.records_of((MODELS.name("penstock"), 0))
        header = sampled_traceparent(record.headers)
        assert header is not None
        assert header[3:35] == TRACE[3:35]
