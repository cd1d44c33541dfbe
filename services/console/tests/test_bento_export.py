"""A Bento's folder of one version answers under `bentoml serve`, without Penstock, as the version does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from penstock.console.export.bento_folder import prove_service, write_bento
from penstock.console.export.exported_version import ExportedVersion
from penstock.console.export.model_folder import write_folder
from penstock.console.failure import ConsoleFailure
from penstock.console.local_ports import free_ports
from penstock.ml.models.calibration import Calibration

from .conftest import eventually
from .exported_versions import exported, trained

CLIENT = httpx.Client(trust_env=False, timeout=10)


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> ExportedVersion:
    return exported(trained("boosting", "binary"), tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def folder(version: ExportedVersion, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bento") / "out"
    assert write_folder(folder, lambda beside: write_bento(beside, version)) <= 1e-12
    return folder


@contextmanager
def served(folder: Path, home: Path) -> Iterator[str]:
    """`bentoml serve` in the folder, in a group of its own; its address once it is ready."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "bentoml", "serve", "--host", "127.0.0.1", "--port", str(port)]
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "BENTOML_HOME": str(home)}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            eventually(lambda: is_ready(f"http://127.0.0.1:{port}"), 90)
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def is_ready(address: str) -> bool:
    try:
        return CLIENT.get(f"{address}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def rows_of(golden: dict[str, Any], time: str) -> list[dict[str, Any]]:
    moments = [np.datetime64(ms, "ms").item().isoformat() for ms in golden["times"]]
    columns = golden["columns"] | {time: moments}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def test_it_answers_the_golden_rows_under_bentoml_serve(folder: Path, version: ExportedVersion, tmp_path: Path) -> None:
    golden = json.loads((folder / "golden.json").read_text())
    with served(folder, tmp_path) as address:
        response = CLIENT.post(f"{address}/predict", json={"rows": rows_of(golden, version.time)})
        assert response.status_code == 200, response.text
        answers = response.json()
        wrong = CLIENT.post(f"{address}/predict", json={"rows": [{"amount": "much"}]})
        assert wrong.status_code == 400
        assert "a row holds what the model does not take" in wrong.text
    assert [answer["prediction"] for answer in answers] == golden["values"]
    found = [[answer["probability.low"], answer["probability.middle"]] for answer in answers]
    np.testing.assert_allclose(found, golden["probabilities"], rtol=1e-12)


def test_its_dockerfile_lints_clean(folder: Path) -> None:
    hadolint = Path(sysconfig.get_path("scripts"), "hadolint")
    linted = subprocess.run(
        [hadolint, "--no-color", folder / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (linted.returncode, linted.stdout) == (0, "")


def test_it_names_nothing_of_penstock_as_needed(folder: Path) -> None:
    needed = [line.partition("==")[0] for line in (folder / "requirements.txt").read_text().splitlines()]
    assert needed == ["numpy", "scikit-learn", "scipy", "skops", "tzdata", "bentoml"]
    assert all("import penstock." not in file.read_text() for file in folder.glob("*.py"))


def test_a_service_that_answers_otherwise_is_not_kept(folder: Path, version: ExportedVersion) -> None:
    other = replace(version, model=replace(version.model, calibration=Calibration(0.9, (0.0, 0.0))))
    with pytest.raises(ConsoleFailure, match=r"differ by up to .* not kept"):
        prove_service(folder, other)
