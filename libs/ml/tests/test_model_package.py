"""Packages: what goes in comes out, and nothing else gets in."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import platform
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
import skops.io
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from penstock.ml.features.frame import Field, Frame, times
from penstock.ml.metrics.regression_loss import SQUARED_ERROR, RegressionLoss
from penstock.ml.models.baseline import baseline
from penstock.ml.models.families import FAMILIES, fit
from penstock.ml.models.training_data import TrainingData
from penstock.ml.package import estimator_bytes, model_package, zip_archive
from penstock.ml.package.model_package import UnusablePackage, pack, unpack
from penstock.ml.package.trusted_types import TRUSTED

TASKS = ("binary", "multiclass", "regression")


@pytest.fixture(scope="module")
def packed(mixed, later) -> bytes:
    model = fit("linear", TrainingData(mixed.frame, mixed.labels["binary"], mixed.fields, "binary"))
    return pack(model, later.frame)


@pytest.fixture(scope="module")
def boosted(mixed, later) -> bytes:
    model = fit("boosting", TrainingData(mixed.frame, mixed.labels["binary"], mixed.fields, "binary"))
    return pack(model, later.frame.take(slice(0, 3)))


def forged(data: bytes, **changes: Callable[[bytes], bytes]) -> bytes:
    """The package with members rewritten and all digests made to fit: a forger's best attempt."""
    members = zip_archive.read(data)
    for name, change in changes.items():
        full = next(each for each in members if each.startswith(name))
        members[full] = change(members[full])
    manifest = json.loads(members["manifest.json"])
    for name in manifest["sha256"]:
        manifest["sha256"][name] = hashlib.sha256(members[name]).hexdigest()
    members["manifest.json"] = json.dumps(manifest).encode()
    return zip_archive.write(members)


def in_json(change: Callable[[dict], object]) -> Callable[[bytes], bytes]:
    def rewritten(content: bytes) -> bytes:
        data = json.loads(content)
        change(data)
        return json.dumps(data).encode()

    return rewritten


def in_schema(change: Callable[[dict], object]) -> Callable[[bytes], bytes]:
    def rewritten(content: bytes) -> bytes:
        members = zip_archive.read(content)
        return zip_archive.write(members | {"schema.json": in_json(change)(members["schema.json"])})

    return rewritten


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("task", TASKS)
def test_a_packed_model_answers_the_same_and_packs_the_same(family: str, task: str, mixed, later) -> None:
    model = fit(family, TrainingData(mixed.frame, mixed.labels[task], mixed.fields, task, time_parts=("hour", "month")))
    data = pack(model, later.frame)
    again = unpack(data)
    assert np.array_equal(again.estimator_output(mixed.frame), model.estimator_output(mixed.frame))
    assert (again.family, again.task, again.classes, again.encoder, again.details) == (
        model.family,
        model.task,
        model.classes,
        model.encoder,
        model.details,
    )
    assert pack(again, later.frame) == data


def test_a_baseline_is_data_alone() -> None:
    model = baseline("binary", ["0", "1"], {"1": 2, "0": 1}, [Field("x", "number")])
    data = pack(model, Frame({"x": np.empty(0)}, times([])))
    assert set(zip_archive.read(data)) == {"manifest.json", "golden.json"}
    assert unpack(data).estimator == model.estimator


def test_a_learnt_constant_is_packed_too(mixed, later) -> None:
    model = fit(
        "boosting", TrainingData(mixed.frame, ["a"] * len(mixed.frame), mixed.fields, "binary", classes=["b", "a"])
    )
    assert unpack(pack(model, later.frame)).predict(later.frame).values == ["a"] * len(later.frame)


TRAINING = """
import hashlib, json, numpy as np
from penstock.ml.models.families import fit
from penstock.ml.models.training_data import TrainingData
from penstock.ml.features.frame import Field, Frame, column
from penstock.ml.package.model_package import pack
random = np.random.default_rng(0)
x = random.normal(size=200)
town = column("category", list("abcd" * 50))
frame = Frame({"x": x, "t": town}, np.arange(200).astype("datetime64[ms]"))
labels = ["y" if v > 0 else "n" for v in x + random.normal(size=200)]
data = TrainingData(frame, labels, [Field("x", "number"), Field("t", "category")], "binary")
models = [fit(family, data) for family in ("linear", "boosting", "forest")]
digests = [hashlib.sha256(pack(model, frame)).hexdigest() for model in models]
weights = models[0].estimator["learner"].coef_[0].tolist()
"""


def train_in_child(**environment: str) -> dict[str, list]:
    """The digests and weights of `TRAINING` in a process with this environment beside its parent's."""
    command = [sys.executable, "-c", f"{TRAINING}\nprint(json.dumps({{'digests': digests, 'weights': weights}}))"]
    child = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=True)
    return json.loads(child.stdout)


def test_another_process_with_another_hash_seed_packs_the_same_bytes() -> None:
    here: dict[str, list] = {}
    exec(TRAINING, here)
    assert train_in_child(PYTHONHASHSEED="1")["digests"] == here["digests"]


OLDEST_KERNEL = {"x86_64": "Nehalem", "aarch64": "ARMV8"}
"""A BLAS kernel that every processor of the architecture runs."""


def test_another_blas_kernel_gives_the_same_parameters_to_1e_9() -> None:
    here: dict[str, list] = {}
    exec(TRAINING, here)
    there = train_in_child(OPENBLAS_CORETYPE=OLDEST_KERNEL.get(platform.machine(), ""))
    assert there["weights"] == pytest.approx(here["weights"], rel=1e-9, abs=1e-9)


def test_the_allow_list_holds_what_the_families_need_and_no_more(mixed) -> None:
    found = set()
    hours, income = {"time_parts": ("hour",), "loss": SQUARED_ERROR}, {"loss": RegressionLoss("pinball", 0.9)}
    for family in FAMILIES:
        for task in TASKS:
            for fields, settings in ((mixed.fields, {}), (mixed.fields[:2], hours), (mixed.fields[:1], income)):
                model = fit(family, TrainingData(mixed.frame, mixed.labels[task], fields, task, **settings))
                schema = json.loads(zip_archive.read(estimator_bytes.dump(model.estimator))["schema.json"])
                found |= {estimator_bytes.type_of(node) for node in estimator_bytes.nodes(schema)}
    assert found == TRUSTED


@given(st.data())
def test_any_flipped_byte_is_refused(packed: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(packed) - 1))
    altered = bytearray(packed)
    altered[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(UnusablePackage):
        unpack(bytes(altered))


@given(st.data())
def test_any_truncation_or_addition_is_refused(packed: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(packed) - 1))
    for altered in (packed[:cut], packed[cut + 1 :], packed + b"\0", b"\0" + packed):
        with pytest.raises(UnusablePackage):
            unpack(altered)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(UnusablePackage):
        unpack(data)


class Bomb:
    """An object whose pickle would end the test run."""

    def __reduce__(self) -> tuple:
        return sys.exit, (99,)


def zipped(names: list[str], compression: int = zipfile.ZIP_STORED, content: bytes = b"{}") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as made, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for name in names:
            made.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (pickle.dumps(Bomb()), "not a readable zip"),
        (zipped(["manifest.json", "golden.json"], zipfile.ZIP_DEFLATED, b"0" * 10**6), "compressed"),
        (zip_archive.write({"../../manifest.json": b"{}"}), "has no manifest.json"),
        (zipped(["manifest.json"] * 2), "canonical"),
        (zip_archive.write({"manifest.json": b"[" * 100_000}), "RecursionError"),
        (zip_archive.write({"manifest.json": b"{}"}), "KeyError"),
        (zip_archive.write({"manifest.json": b"[]"}), "TypeError"),
    ],
    ids=["pickle", "deflated", "zip-slip", "twice", "nested", "empty manifest", "list manifest"],
)
def test_foreign_archives_are_refused(data: bytes, why: str) -> None:
    with pytest.raises(UnusablePackage, match=why):
        unpack(data)


@pytest.mark.parametrize("extra", ["../evil", "code.py", "/etc/passwd"])
def test_extra_members_are_refused(packed: bytes, extra: str) -> None:
    with pytest.raises(UnusablePackage, match="expected"):
        unpack(zip_archive.write(zip_archive.read(packed) | {extra: b"x"}))


def test_a_name_that_differs_between_the_headers_is_refused(packed: bytes) -> None:
    with pytest.raises(UnusablePackage):
        unpack(packed.replace(b"golden.json", b"g0lden.json", 1))


def test_what_is_too_large_is_not_even_opened(monkeypatch, packed: bytes) -> None:
    monkeypatch.setattr(model_package, "MAX_BYTES", len(packed) - 1)
    with pytest.raises(UnusablePackage, match="more than the"):
        unpack(packed)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda m: m.update(format=5), "format 5"),
        (lambda m: m["libraries"].update({"scikit-learn": "99.0.0"}), "newer than"),
        (lambda m: m["libraries"].update({"torch": "2.0"}), "torch"),
        (lambda m: m.update(classes=["Yes", "No", "Maybe"]), "ValueError"),
        (lambda m: m["classes"].reverse(), "otherwise"),
        (lambda m: m.update(classes=["Only"]), "IndexError"),
        (lambda m: m["encoder"]["fields"].reverse(), "otherwise"),
        (lambda m: m["encoder"]["fields"].pop(), "ValueError"),
        (lambda m: m.update(task="regression"), "Yes"),
    ],
    ids=["format", "newer", "library", "classes", "swapped classes", "fewer classes", "order", "fields", "task"],
)
def test_a_manifest_that_does_not_fit_is_refused(packed: bytes, change: Callable, why: str) -> None:
    with pytest.raises(UnusablePackage, match=why):
        unpack(forged(packed, manifest=in_json(change)))


def test_changed_answers_are_refused(packed: bytes) -> None:
    def nudged(golden: dict) -> None:
        golden["probabilities"][4][0] += 1e-8

    with pytest.raises(UnusablePackage, match="row 4 is answered otherwise"):
        unpack(forged(packed, golden=in_json(nudged)))


def test_a_renamed_pickle_as_estimator_is_refused(packed: bytes) -> None:
    with pytest.raises(UnusablePackage, match="not a readable zip"):
        unpack(forged(packed, estimator=lambda _: pickle.dumps(Bomb())))


def test_types_outside_the_list_are_refused_even_where_skops_trusts_them(packed: bytes) -> None:
    foreign = estimator_bytes.dump(PCA().fit(np.random.default_rng(0).normal(size=(9, 2))))
    assert skops.io.get_untrusted_types(data=foreign) == []
    with pytest.raises(UnusablePackage, match=r"not trusted: .*PCA"):
        unpack(forged(packed, estimator=lambda _: foreign))


@pytest.mark.parametrize(
    "change",
    [
        {"__module__": "os", "__class__": "system", "__loader__": "FunctionNode"},
        {"__module__": "builtins", "__class__": "eval", "__loader__": "TypeNode"},
        {"__module__": "builtins", "__class__": "dict", "__loader__": "MethodNode"},
        {"__loader__": "OperatorFuncNode"},
    ],
)
def test_types_that_lead_elsewhere_are_refused(packed: bytes, change: dict) -> None:
    def planted(schema: dict) -> None:
        schema["content"]["content"]["verbose"] = schema["content"]["content"]["verbose"] | change

    with pytest.raises(UnusablePackage, match="not trusted"):
        unpack(forged(packed, estimator=in_schema(planted)))


def test_an_array_that_claims_more_than_it_holds_is_refused(packed: bytes) -> None:
    def swollen(content: bytes) -> bytes:
        members = zip_archive.read(content)
        name = next(each for each in members if each.endswith(".npy"))
        header = io.BytesIO()
        fields = {"descr": "<f8", "fortran_order": False, "shape": (10**12,)}
        np.lib.format.write_array_header_1_0(header, fields)
        return zip_archive.write(members | {name: header.getvalue() + b"\0" * 80})

    with pytest.raises(UnusablePackage, match="whole array"):
        unpack(forged(packed, estimator=swollen))


@pytest.mark.parametrize(("column", "value"), [("left", 0), ("right", 10**6), ("feature_idx", 99), ("feature_idx", -1)])
def test_trees_that_lead_outside_or_in_circles_are_refused(boosted: bytes, column: str, value: int) -> None:
    def crooked(content: bytes) -> bytes:
        members = zip_archive.read(content)
        for name in [each for each in members if each.endswith(".npy")]:
            nodes = np.load(io.BytesIO(members[name]))
            if nodes.dtype.names and len(nodes) > 1:
                nodes[column][0] = value
                rewritten = io.BytesIO()
                np.save(rewritten, nodes)
                members[name] = rewritten.getvalue()
                break
        return zip_archive.write(members)

    with pytest.raises(UnusablePackage, match="lead outside"):
        unpack(forged(boosted, estimator=crooked))


GROWN = ("binary", "regression")


@pytest.fixture(scope="module")
def grown(mixed, later) -> dict[str, bytes]:
    few = (("learner__n_estimators", 2), ("learner__max_leaf_nodes", 4))
    return {
        task: pack(
            fit("forest", TrainingData(mixed.frame, mixed.labels[task], mixed.fields, task), settings=few), later.frame
        )
        for task in GROWN
    }


def in_tree(change: Callable[[dict], object]) -> Callable[[bytes], bytes]:
    """Changes the state of a forest's first tree: its `nodes`, and the schema around them."""

    def rewritten(content: bytes) -> bytes:
        members = zip_archive.read(content)
        schema = json.loads(members["schema.json"])
        tree = next(node for node in estimator_bytes.nodes(schema) if estimator_bytes.type_of(node)[2] == "TreeNode")
        name = tree["content"]["content"]["nodes"]["file"]
        held = {"nodes": np.load(io.BytesIO(members[name])), "state": tree["content"]["content"]}
        change(held)
        saved = io.BytesIO()
        np.save(saved, held["nodes"])
        return zip_archive.write(members | {name: saved.getvalue(), "schema.json": json.dumps(schema).encode()})

    return rewritten


@pytest.mark.parametrize("task", GROWN)
@pytest.mark.parametrize(
    ("column", "value"),
    [("left_child", 0), ("right_child", 10**6), ("feature", 99), ("feature", -2), ("right_child", -1)],
)
def test_grown_trees_that_lead_outside_or_in_circles_are_refused(
    task: str, grown: dict[str, bytes], column: str, value: int
) -> None:
    def crooked(held: dict) -> None:
        held["nodes"][column][0] = value

    with pytest.raises(UnusablePackage, match="lead outside"):
        unpack(forged(grown[task], estimator=in_tree(crooked)))


def test_a_tree_that_states_fewer_nodes_than_it_has_is_refused(grown: dict[str, bytes]) -> None:
    def shrunk(held: dict) -> None:
        held["state"]["node_count"]["content"] = "3"

    with pytest.raises(UnusablePackage, match="lead outside"):
        unpack(forged(grown["binary"], estimator=in_tree(shrunk)))


def test_a_crooked_tree_is_found_wherever_it_hides(boosted: bytes) -> None:
    crooked = estimator_bytes.load(zip_archive.read(boosted)["estimator.skops"])
    crooked._predictors[0][0].nodes["left"][0] = 0
    hidden = estimator_bytes.dump(Pipeline([("columns", StandardScaler()), ("learner", crooked)]))
    with pytest.raises(UnusablePackage, match="lead outside"):
        unpack(forged(boosted, estimator=lambda _: hidden))


def test_a_trained_model_needs_golden_rows(mixed) -> None:
    model = fit("linear", TrainingData(mixed.frame, mixed.labels["binary"], mixed.fields, "binary"))
    with pytest.raises(ValueError, match="at least one golden row"):
        pack(model, mixed.frame.take([]))


def test_a_forged_package_without_golden_rows_is_refused(packed: bytes) -> None:
    def emptied(golden: dict) -> None:
        golden.update(times=[], values=[], probabilities=[], columns={name: [] for name in golden["columns"]})

    with pytest.raises(UnusablePackage, match="golden row"):
        unpack(forged(packed, golden=in_json(emptied)))
