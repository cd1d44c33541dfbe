"""The homes of earlier releases are carried on by this version: nothing lost, the same model, new events predicted."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from .home_fixture import HOMES, STREAM, WRITTEN, Deployment, rows, unpack
from .home_traffic import Traffic


@pytest.mark.parametrize("archive", sorted(HOMES.glob("*.tar.xz")), ids=lambda path: path.name.removesuffix(".tar.xz"))
def test_a_home_of_an_earlier_release_is_carried_on(archive: Path, tmp_path: Path) -> None:
    deployment = Deployment(tmp_path / "home")
    facts = unpack(archive, deployment.home)
    try:
        deployment.penstock("up")
        served = deployment.facts()
        assert (served["epoch"], served["digest"]) == (facts["epoch"], facts["digest"])
        for now, before in zip(served["answers"], facts["answers"], strict=True):
            assert now["value"] == before["value"]
            assert now["probabilities"] == pytest.approx(before["probabilities"], abs=1e-9)
        deployment.send(rows(WRITTEN, WRITTEN + 100))
        quality = json.loads(deployment.penstock("quality", STREAM, "--json"))
        assert quality["blocks"] == (WRITTEN + 100) // 100, "every outcome counts once, those before the upgrade too"
        last = f"{deployment.url('ingestion')}/v1/streams/{STREAM}/predictions/shipment-{WRITTEN + 99}"
        assert httpx.get(last, timeout=60).json()["prediction"]["digest"] == facts["digest"]
        registry = deployment.url("registry")
        assert httpx.get(f"{registry}/v1/audit/verify", timeout=60).json()["sound"]
        assert httpx.get(f"{registry}/v1/alerts", timeout=60).json() == {"alerts": []}
    finally:
        deployment.penstock("down")


SERVICES = (
    "validator",
    "server",
    "drift-detector",
    "retrain-trigger",
    "trainer",
    "registry",
    "notifier",
    "archiver",
    "console",
    "ingestion",
)


def test_under_traffic_an_upgrade_and_a_restart_of_each_service_lose_nothing(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path / "home")
    facts = unpack(HOMES / "0.1.0.tar.xz", deployment.home)
    epochs = [facts["epoch"]]
    try:
        with Traffic(deployment, WRITTEN) as traffic:
            deployment.penstock("up")
            traffic.await_more()
            for service in SERVICES:
                deployment.penstock("restart", service)
                epochs.append(deployment.serving_epoch())
                traffic.await_more()
        deployment.penstock("wait", STREAM)
        assert epochs == sorted(epochs), "an epoch was taken back"
        with httpx.Client(base_url=f"{deployment.url('ingestion')}/v1/streams/{STREAM}", timeout=60) as client:
            answers = {name: client.get(f"predictions/{name}").json()["status"] for name in traffic.acknowledged}
        assert answers == dict.fromkeys(traffic.acknowledged, "predicted")
        quality = json.loads(deployment.penstock("quality", STREAM, "--json"))
        assert quality["blocks"] >= (WRITTEN + len(traffic.acknowledged)) // 100, "every label joined its event"
    finally:
        deployment.penstock("down")


def test_a_home_of_the_first_release_is_kept() -> None:
    assert (HOMES / "0.1.0.tar.xz").is_file()
