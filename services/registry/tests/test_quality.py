"""The quality of the newest answers: what scikit-learn computes on the same rows, on both clocks, by group."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from penstock.bus.ports import RecordBatch
from penstock.contracts.codecs.record_codec import encode
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.records.events import Event
from penstock.contracts.records.outcomes import Outcome, OutcomeData
from penstock.contracts.records.predictions import Prediction, PredictionData
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import EVENTS, OUTCOMES, PREDICTIONS, Topic
from penstock.registry.quality.answers import Answer, Answers, read_answers
from penstock.registry.quality.figures import Figures
from penstock.registry.quality.groups import MOST_GROUPS, OTHER
from penstock.registry.quality.label_lateness import matured_until, observed_lateness
from penstock.registry.quality.report import quality_report

from .conftest import Deployment

SALES = """
[stream]
name = "sales"
task = "binary"
partitions = 1

[label]
name = "bought"
classes = ["no", "yes"]
horizon = "PT2H"
prior = { no = 1, yes = 1 }

[fields]
region = { type = "category" }
member = { type = "boolean" }
amount = { type = "number" }
"""
DECLARATION = parse_declaration(SALES)
START = datetime(2026, 3, 1, tzinfo=UTC)
ATTRIBUTES = {name: DECLARATION.attribute_of(name) for name in DECLARATION.fields}


def answer_of(value: str | float, probabilities: list[float] | None, version: int = 1) -> PredictionData:
    return PredictionData(
        model="m", version=version, digest="sha256:0", epoch=version, schema=1, code="t", value=value,
        probabilities=probabilities,
    )  # fmt: skip


def answer(
    minute: float, positive: float, label: str | None, version: int = 1, region: str = "north", *, ended: bool = True
) -> Answer:
    prediction = answer_of("yes" if positive > 0.5 else "no", [1 - positive, positive], version)
    fields = SimpleNamespace(**{ATTRIBUTES["region"]: region, ATTRIBUTES["member"]: positive > 0.7})
    arrived = int(START.timestamp() * 1000) if ended else None
    return Answer(START + timedelta(minutes=minute), prediction, fields, label if ended else None, arrived)


ROWS = st.lists(
    st.builds(
        answer,
        st.integers(0, 300),
        st.integers(1, 999).map(lambda n: n / 1000),
        st.sampled_from(["no", "yes", None]),
        st.integers(1, 3),
        st.sampled_from(["north", "south", ""]),
        ended=st.booleans(),
    ),
    max_size=60,
)


def by_scikit_learn(rows: list[Answer]) -> dict[str, float]:
    """What scikit-learn makes of the labelled rows, where it can."""
    rows = [row for row in rows if row.label is not None]
    if not rows:
        return {}
    labels, values = [row.label for row in rows], [row.prediction.value for row in rows]
    positive = np.array([(row.prediction.probabilities or [])[1] for row in rows])
    truth = np.array([label == "yes" for label in labels])
    found = {"accuracy": sk.accuracy_score(labels, values), "brier": sk.brier_score_loss(truth, positive)}
    found["log_loss"] = sk.log_loss(truth, positive, labels=[False, True])
    for name, metric in (("precision", sk.precision_score), ("recall", sk.recall_score), ("f1", sk.f1_score)):
        found[name] = metric(labels, values, pos_label="yes", zero_division=np.nan)
    if 0 < truth.sum() < len(truth):
        found["auc"] = sk.roc_auc_score(truth, positive)
    return {name: value for name, value in found.items() if not np.isnan(value)}


def check(figures: Figures, rows: list[Answer]) -> None:
    """The figures are those of the rows."""
    labelled = [row for row in rows if row.label is not None]
    assert (figures.answers, figures.labelled) == (len(rows), len(labelled))
    assert figures.coverage == (pytest.approx(len(labelled) / len(rows)) if rows else None)
    values = {name: metric.value for name, metric in figures.metrics.items() if name != "ece"}
    assert values == pytest.approx(by_scikit_learn(rows), rel=1e-6, abs=1e-12)


@settings(max_examples=60)
@given(rows=ROWS, by=st.sampled_from([("version",), ("region",), ("version", "region"), ("region", "member")]))
def test_scores_are_those_of_scikit_learn_on_the_same_rows_on_both_clocks_and_by_group(
    rows: list[Answer], by: tuple[str, ...]
) -> None:
    report = quality_report(DECLARATION, Answers(rows), by)
    until = matured_until(rows, observed_lateness(rows), DECLARATION.label.horizon)
    matured = [row for row in rows if until is not None and row.time <= until]
    provisional = [row for row in rows if until is None or row.time > until]
    check(report.matured, matured)
    check(report.provisional, provisional)
    assert sum(window.answers for window in report.windows) == len(rows)

    def name(row: Answer) -> tuple[str, ...]:
        values = {
            "version": str(row.prediction.version),
            "region": getattr(row.fields, ATTRIBUTES["region"]),
            "member": str(getattr(row.fields, ATTRIBUTES["member"])).lower(),
        }
        return tuple(values[field] for field in by)

    assert {group.values for group in report.groups} == {name(row) for row in rows}
    for group in report.groups:
        check(group.matured, [row for row in matured if name(row) == group.values])
        check(group.provisional, [row for row in provisional if name(row) == group.values])


@given(
    errors=st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=1, max_size=40),
)
def test_errors_of_numbers_are_those_of_scikit_learn(errors: list[tuple[float, float]]) -> None:
    text = SALES.replace('"binary"', '"regression"').replace('classes = ["no", "yes"]\n', "")
    declaration = parse_declaration(text.replace("prior = { no = 1, yes = 1 }", ""))
    rows = [Answer(START, answer_of(value, None), None, label, 0) for value, label in errors]
    found = quality_report(declaration, Answers(rows)).matured.metrics
    values, labels = [value for value, _ in errors], [label for _, label in errors]
    assert found["mae"].value == pytest.approx(sk.mean_absolute_error(labels, values))
    assert found["rmse"].value == pytest.approx(sk.root_mean_squared_error(labels, values))


def test_answers_mature_when_labels_of_the_class_that_comes_latest_are_there() -> None:
    soon = [answer(minute, 0.2, "no") for minute in range(100)]
    late = [answer(minute, 0.8, "yes") for minute in range(0, 60, 2)]  # of events 40 minutes before the newest
    waiting = [answer(minute, 0.8, None, ended=False) for minute in range(60, 110)]
    report = quality_report(DECLARATION, Answers([*soon, *late, *waiting]))
    assert report.label_lateness == 99 * 60, "the first positive label came when an event of minute 99 had one"
    report = quality_report(DECLARATION, Answers([*soon[:40], *_interleaved(soon[40:], late), *waiting]))
    assert report.label_lateness == 40 * 60
    assert report.matured_until == START + timedelta(minutes=59)
    assert report.provisional.coverage == pytest.approx(40 / 90)


def _interleaved(soon: list[Answer], late: list[Answer]) -> list[Answer]:
    return [row for at, one in enumerate(soon) for row in ([one, late[at // 2]] if at % 2 == 0 else [one])]


def test_what_waited_for_the_whole_horizon_has_matured_without_its_label() -> None:
    rows = [answer(0, 0.6, None), answer(1, 0.6, "yes"), answer(200, 0.6, None, ended=False)]
    report = quality_report(DECLARATION, Answers(rows))
    assert (report.matured.answers, report.matured.labelled, report.matured.expired) == (2, 1, 1)
    assert report.matured_until == START + timedelta(minutes=80)


def test_an_estimate_tells_a_score_before_its_labels_and_how_far_estimates_were_off() -> None:
    random = np.random.default_rng(5)
    confidence = random.choice([0.6, 0.9], 2000)
    right = random.random(2000) < confidence - 0.2  # the model is too sure of itself
    rows = [
        answer(at / 10, sure, ("yes" if hit else "no") if at < 1500 else None, ended=at < 1500)
        for at, (sure, hit) in enumerate(zip(confidence.tolist(), right.tolist(), strict=True))
    ]
    report = quality_report(DECLARATION, Answers(rows))
    assert report.provisional.labelled == 0
    assert report.provisional.estimate == pytest.approx(right[1500:].mean(), abs=0.04)
    assert report.estimate_error is not None
    assert 0 < report.estimate_error < 0.1


def test_groups_are_bounded_and_the_rest_is_one_group() -> None:
    rows = [answer(0, 0.6, "yes", region=f"r{number}") for number in range(MOST_GROUPS + 20) for _ in range(2)]
    groups = quality_report(DECLARATION, Answers(rows), ["region"]).groups
    assert len(groups) == MOST_GROUPS + 1
    assert sum(group.matured.answers for group in groups) == len(rows)
    assert {group.values for group in groups} >= {(OTHER,)}


async def on_the_log(deployment: Deployment, topic: Topic[Any], records: list[Any], partition: int = 0) -> None:
    name = topic.name("penstock", "sales")
    values = [encode(record) for record in records]
    deployment.process.log.append([RecordBatch(name, partition, [None] * len(values), values)])


def records_of(minutes: range) -> tuple[list[Any], list[Any], list[Any]]:
    """Events, their predictions, and the outcomes that they have once their labels come: every second is right."""
    events, predictions, outcomes = [], [], []
    for minute in minutes:
        fields = {"region": "north" if minute % 3 else "south", "member": True, "amount": 1.0}
        who: dict[str, Any] = {"id": str(minute), "time": START + timedelta(minutes=minute)}
        prediction = answer_of("yes", [0.3, 0.7])
        events.append(Event(source="shop", data=fields, **who))
        predictions.append(Prediction(source="shop#prediction", data=prediction, **who))
        label = "yes" if minute % 2 else "no"
        outcome = OutcomeData(
            fields=fields, prediction=prediction, label=label, revision=0, label_time=who["time"], status="joined"
        )
        outcomes.append(Outcome(source="shop#outcome", data=outcome, **who))
    return events, predictions, outcomes


@pytest.fixture
async def sales(deployment: Deployment) -> Deployment:
    await deployment.registry.apply(DECLARATION)
    await deployment.process.run_until_quiet()
    events, predictions, outcomes = records_of(range(90))
    await on_the_log(deployment, EVENTS, events)
    await on_the_log(deployment, PREDICTIONS, [*predictions, *predictions[:5]])  # repeated work
    await on_the_log(deployment, OUTCOMES, [*outcomes[:60], *outcomes[:5]])
    return deployment


async def test_the_endpoint_tells_both_clocks_of_what_is_on_the_log(sales: Deployment) -> None:
    response = await sales.client.get("/v1/streams/sales/quality?by=region,version")
    document = response.json()
    assert response.status_code == 200
    assert (document["matured"]["answers"], document["matured"]["coverage"]) == (60, 1.0)
    assert document["matured"]["metrics"]["accuracy"]["value"] == 0.5
    assert (document["provisional"]["answers"], document["provisional"]["labelled"]) == (30, 0)
    assert document["provisional"]["first_event"] == "2026-03-01T01:00:00Z"
    assert document["matured"]["last_arrival"] is not None
    south = next(group for group in document["groups"] if group["values"] == ["south", "1"])
    assert (south["matured"]["answers"], south["provisional"]["answers"]) == (20, 10)


async def test_a_correction_changes_the_label_and_an_event_time_bounds_the_answers(sales: Deployment) -> None:
    corrected = records_of(range(90))[2][58]
    corrected.data.label, corrected.data.revision = "yes", 1
    await on_the_log(sales, OUTCOMES, [corrected])
    document = (await sales.client.get("/v1/streams/sales/quality?since=2026-03-01T00:50:00Z")).json()
    assert document["matured"]["answers"] == 10
    assert document["matured"]["metrics"]["accuracy"]["value"] == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("query", "status", "detail"),
    [
        ("by=amount", 422, "'amount' is a number"),
        ("by=nothing", 422, "answers are grouped by version, region, member"),
        ("by=region,member,version", 422, "at most 2"),
        ("by=region,region", 422, "each once"),
        ("since=yesterday", 422, "write a time as"),
    ],
)
async def test_what_cannot_be_asked_is_refused(sales: Deployment, query: str, status: int, detail: str) -> None:
    response = await sales.client.get(f"/v1/streams/sales/quality?{query}")
    assert (response.status_code, detail in response.json()["detail"]) == (status, True)
    assert (await sales.client.get("/v1/streams/unknown/quality")).status_code == 404


async def test_where_not_all_answers_are_read_provisional_ones_count_from_where_they_are_all_known(
    sales: Deployment,
) -> None:
    declared = StreamDeclared(source="t", id="1", time=START, version=1, declaration=DECLARATION)
    found = await read_answers(sales.process.log, "penstock", declared, most=20)
    assert len(found.answers) <= 40
    assert found.complete_from is not None
    report = quality_report(DECLARATION, found)
    assert report.provisional.labelled == 0
    assert report.provisional.answers == sum(row.time >= found.complete_from for row in found.answers)
