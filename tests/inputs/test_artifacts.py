"""Bad model artifacts: none ever serves, and the model before it goes on answering."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import pickle
import socket
import struct
import threading
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA

from penstock.artifacts import MemoryStore
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.models import ModelEpoch, ModelVersion
from penstock.ml.features.frame import Field
from penstock.ml.package import estimator_bytes, zip_archive
from penstock.ml.package.model_package import pack
from penstock.server.models.arm_loader import ArmLoader
from penstock.server.models.model_loader import ModelLoader
from penstock.server.scoring.arm_outputs import arm_outputs
from penstock.server.scoring.model_inputs import ModelInputs
from services.server.tests.conftest import Deployment, FakeRegistry, new_fake_registry, trained
from services.server.tests.nan_loader import NanLoader

from .rows import rows

Spoil = Callable[[FakeRegistry], ModelEpoch]
PACKED = pack(*trained())


class Bomb:
    """An object whose pickle would end the test run."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (99,)


def zipped(names: list[str], compression: int = zipfile.ZIP_STORED, content: bytes = b"{}") -> bytes:
    """An archive with these members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name in names:
            archive.writestr(name, content)
    return buffer.getvalue()


def crowded(members: int) -> bytes:
    """An archive whose directory has so many entries."""
    one = zipped(["f"])
    start, end = one.rindex(b"PK\x01\x02"), one.rindex(b"PK\x05\x06")
    directory = one[start:end] * members
    return one[:start] + directory + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(directory), start, 0)


def forged(**changes: Callable[[bytes], bytes]) -> bytes:
    """A real package with members rewritten and all digests made to fit: a forger's best attempt."""
    members = zip_archive.read(PACKED)
    for start, change in changes.items():
        name = next(each for each in members if each.startswith(start))
        members[name] = change(members[name])
    manifest = json.loads(members["manifest.json"])
    manifest["sha256"] = {name: hashlib.sha256(members[name]).hexdigest() for name in manifest["sha256"]}
    return zip_archive.write(members | {"manifest.json": json.dumps(manifest).encode()})


def in_json(change: Callable[[Any], object]) -> Callable[[bytes], bytes]:
    """A change of a JSON document."""

    def rewritten(content: bytes) -> bytes:
        document = json.loads(content)
        change(document)
        return json.dumps(document).encode()

    return rewritten


def calls(function: Callable[..., Any]) -> bytes:
    """A package whose estimator would call a function when it is loaded."""

    def planted(schema: Any) -> None:
        node = {"__module__": function.__module__, "__class__": function.__name__, "__loader__": "FunctionNode"}
        schema["content"]["content"]["verbose"] = schema["content"]["content"]["verbose"] | node

    def in_estimator(content: bytes) -> bytes:
        members = zip_archive.read(content)
        return zip_archive.write(members | {"schema.json": in_json(planted)(members["schema.json"])})

    return forged(estimator=in_estimator)


def without_digests(number: int) -> bytes:
    """A real package with a bit of its archive's headers changed."""
    altered = bytearray(PACKED)
    altered[number] ^= 1
    return bytes(altered)


def holding(content: bytes, reason: str) -> tuple[Spoil, str]:
    """A signed artifact of these bytes, and why it is refused."""
    return lambda registry: registry.epoch_of(2, content), reason


def another_version(registry: FakeRegistry) -> ModelEpoch:
    """A model under the signature of an older one."""
    older = registry.epoch(1, *trained()).champion
    return registry.epoch(2, *trained(threshold=20.0), envelope=older.envelope)


def other_features(registry: FakeRegistry) -> ModelEpoch:
    """A model of a field that the stream lacks."""
    return registry.epoch(2, *trained(fields=(Field("income", "number"), Field("age", "number"))))


def foreign_estimator(_: bytes) -> bytes:
    """An estimator of a type that the library trusts and no family has."""
    return estimator_bytes.dump(PCA().fit(np.random.default_rng(0).normal(size=(9, 2))))


CENTRAL = PACKED.rindex(b"PK\x01\x02")  # the last entry of the archive's directory
NEWER = in_json(lambda manifest: manifest["libraries"].update({"scikit-learn": "99.0.0"}))
SWAPPED = in_json(lambda manifest: manifest["classes"].reverse())
MORE_CLASSES = in_json(lambda manifest: manifest.update(classes=["no", "yes", "perhaps"]))

REFUSED: dict[str, list[tuple[Spoil, str]]] = {
    "A1 pickle renamed": [
        holding(pickle.dumps(Bomb()), "not a readable zip"),
        holding(forged(estimator=lambda _: pickle.dumps(Bomb())), "not a readable zip"),
    ],
    "A2 type that is not trusted": [
        holding(forged(estimator=foreign_estimator), "not trusted"),
        holding(calls(os.system), "not trusted"),
    ],
    "A3 zip slip": [
        holding(zip_archive.write({"../../manifest.json": b"{}"}), "no manifest.json"),
        holding(zip_archive.write(zip_archive.read(PACKED) | {"../evil": b"x"}), "expected"),
        holding(zip_archive.write(zip_archive.read(PACKED) | {"/etc/passwd": b"x"}), "expected"),
    ],
    "A4 altered names, flags and CRC": [
        holding(PACKED.replace(b"golden.json", b"g0lden.json", 1), "refused"),
        *(holding(without_digests(CENTRAL + place), "refused") for place in (8, 16, 20, 46)),
    ],
    "A5 bomb": [
        holding(zipped(["manifest.json", "golden.json"], zipfile.ZIP_DEFLATED, b"0" * 10**7), "compressed"),
        holding(zip_archive.write({"manifest.json": b"[" * 100_000}), "RecursionError"),
    ],
    "A6 0 bytes": [holding(b"", "not a readable zip")],
    "A7 unknown key": [(lambda registry: registry.with_untrusted_key().epoch(2, *trained()), "unknown key")],
    "A8 signature of another version": [
        (another_version, "signed for the"),
        (lambda registry: registry.epoch(2, *trained(), run="run-7"), "signed for the name"),
    ],
    "A10 other features": [
        (other_features, "'age', which is no feature"),
        holding(forged(manifest=in_json(lambda manifest: manifest["encoder"]["fields"].reverse())), "otherwise"),
    ],
    "A13 newer library": [holding(forged(manifest=NEWER), "newer than")],
    "A15 a million files": [(lambda registry: registry.epoch_of(2, crowded(1_000_000)), "more than 100,000 members")],
}


@pytest.fixture
def registry(tmp_path: Path) -> FakeRegistry:
    """A registry with an empty store."""
    return new_fake_registry(tmp_path, MemoryStore())


@asynccontextmanager
async def serving(registry: FakeRegistry) -> AsyncIterator[Deployment]:
    """A server that answers with version 1."""
    deployment = Deployment(registry)
    await deployment.start()
    try:
        await deployment.serve_epoch(registry.epoch(1, *trained(threshold=20.0)))
        yield deployment
    finally:
        await deployment.close()


async def answering(deployment: Deployment, number: int) -> tuple[int, int]:
    """The epoch and version that answer the next event."""
    await deployment.publish_events([deployment.event(number)])
    await deployment.run_until_quiet()
    (prediction,) = [each.data for each in deployment.predictions() if each.id == f"e{number}"]
    return prediction.epoch, prediction.version


@rows(REFUSED)
async def test_a_bad_artifact_never_serves_and_the_model_before_does(
    registry: FakeRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: list[tuple[Spoil, str]]
) -> None:
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "bentoml"))
    for spoil, reason in row:
        async with serving(registry) as deployment:
            await deployment.serve_epoch(spoil(registry))
            assert await answering(deployment, 1) == (1, 1)
            for health in deployment.health():
                assert reason in health["refused"]["loans"]["reason"]
            await deployment.serve_epoch(registry.epoch(3, *trained()))
            assert await answering(deployment, 2) == (3, 3)


async def test_a11_outputs_that_cannot_be_used_are_answered_by_the_model_before(registry: FakeRegistry) -> None:
    for change, reason in ((SWAPPED, "otherwise"), (MORE_CLASSES, "ValueError")):
        async with serving(registry) as deployment:
            await deployment.serve_epoch(registry.epoch_of(2, forged(manifest=change)))
            assert await answering(deployment, 1) == (1, 1)
            assert reason in deployment.health()[0]["refused"]["loans"]["reason"]
    _, frame = trained()
    async with serving(registry) as deployment:
        models, alerts = deployment.new_manager(ArmLoader(NanLoader(registry.store, registry.verifier)))
        for record in (registry.epoch(0), registry.epoch(1, *trained(threshold=20.0)), registry.epoch(2, *trained())):
            models.add_epoch(record)
            await models.load_newest("loans")
        sound = ModelInputs(frame.take(slice(0, 170)), ["p0"] * 170, ["p0"] * 170)
        (output,) = await arm_outputs(models, deployment.declared(), models.serving("loans"), sound)
        assert output.arm.version.version == 2
        for row in range(180, 190):  # what repeats refuses the model
            one = ModelInputs(frame.take(slice(row, row + 1)), ["p0"], ["p0"])
            (output,) = await arm_outputs(models, deployment.declared(), models.serving("loans"), one)
            assert output.arm.version.version == 1
        assert "not a finite number" in models.health_facts()["refused"]["loans"]["reason"]
        assert len(alerts) == 1


class HangingLoader(ModelLoader):
    """Never comes to an end with epoch 2, until it is let go."""

    let_go = threading.Event()

    def open(self, record: ModelEpoch, version: ModelVersion, artifact: bytes, declaration: Declaration) -> Any:
        """As a loader does."""
        if record.epoch == 2:
            self.let_go.wait()
        return super().open(record, version, artifact, declaration)


async def test_a12_an_artifact_that_forks_is_refused_and_one_that_hangs_holds_up_nobody(registry: FakeRegistry) -> None:
    for function in (os.fork, socket.create_connection):
        async with serving(registry) as deployment:
            await deployment.serve_epoch(registry.epoch_of(2, calls(function)))
            assert await answering(deployment, 1) == (1, 1)
            assert "not trusted" in deployment.health()[0]["refused"]["loans"]["reason"]
    async with serving(registry) as deployment:
        models, _ = deployment.new_manager(ArmLoader(HangingLoader(registry.store, registry.verifier)))
        models.add_epoch(registry.epoch(1, *trained(threshold=20.0)))
        await models.load_newest("loans")
        models.add_epoch(registry.epoch(2, *trained()))
        loading = asyncio.create_task(models.load_newest("loans"))
        try:
            _, frame = trained()
            few = ModelInputs(frame.take(slice(0, 10)), ["p0"] * 10, ["p0"] * 10)
            for _ in range(3):
                serving_models = models.serving("loans")
                (champion,) = await arm_outputs(models, deployment.declared(), serving_models, few)
                assert (serving_models.epoch, champion.arm.version.version) == (1, 1)
            assert not loading.done()
        finally:
            HangingLoader.let_go.set()
            await loading
