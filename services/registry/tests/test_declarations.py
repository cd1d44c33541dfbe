"""Applying declarations: what is stored, what is published, and in which order."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.contracts.declaration.stream import Declaration, ServingDeclaration
from penstock.contracts.declaration.stream_file import parse_declaration
from penstock.contracts.records.models import ModelEpoch, subject_of
from penstock.contracts.records.streams import StreamDeclared
from penstock.contracts.topics import AUDIT, EVENTS, MODELS, STREAMS, TRAINING_RUNS
from penstock.ml.features.frame import Frame, times
from penstock.ml.package.model_package import unpack
from penstock.registry.baseline_model import baseline_package
from penstock.registry.command_results import CommandRefused


async def test_a_new_stream_is_served_by_its_signed_baseline(loans: Any) -> None:
    (declaration,) = loans.published(STREAMS)
    (epoch,) = loans.published(MODELS)
    assert isinstance(declaration, StreamDeclared)
    assert isinstance(epoch, ModelEpoch)
    assert (declaration.version, epoch.epoch, epoch.reason, epoch.cause) == (1, 0, "baseline", declaration.id)
    champion = epoch.champion
    loans.parts.verifier.expect(champion.envelope, subject_of("loans", None), champion.digest)
    assert unpack(loans.store.get(champion.digest)).estimator.answer == (0.75, 0.25)
    assert len(loans.process.log.partitions_of(EVENTS.name("penstock", "loans"))) == 4


async def test_the_same_declaration_changes_nothing(loans: Any) -> None:
    before = len(loans.published(AUDIT))
    result = await loans.registry.apply(loans.declaration)
    assert result.status == "unchanged"
    assert (len(loans.published(STREAMS)), len(loans.published(AUDIT))) == (1, before)


async def test_the_same_classes_and_fields_in_another_order_are_the_same_stream(loans: Any) -> None:
    published = [len(loans.published(topic)) for topic in (STREAMS, MODELS, AUDIT)]
    whole = loans.declaration.model_dump()
    whole["fields"] = dict(reversed(whole["fields"].items()))
    whole["label"]["classes"] = whole["label"]["classes"][::-1]
    whole["models"]["families"] = whole["models"]["families"][::-1]
    other = Declaration.model_validate(whole)
    assert other.label.classes == ("yes", "no")
    assert (await loans.registry.apply(other)).status == "unchanged"
    assert [len(loans.published(topic)) for topic in (STREAMS, MODELS, AUDIT)] == published


async def test_a_change_keeps_the_order_in_which_fields_and_classes_are_on_the_log(loans: Any) -> None:
    whole = loans.declaration.model_dump()
    whole["fields"] = {"age": {"type": "number"}, **dict(reversed(whole["fields"].items()))}
    whole["label"]["classes"] = whole["label"]["classes"][::-1]
    assert (await loans.registry.apply(Declaration.model_validate(whole))).status == "changed"
    newest = loans.published(STREAMS)[-1].declaration
    assert list(newest.fields) == [*loans.declaration.fields, "age"]
    assert newest.label.classes == ("no", "yes")


async def test_a_wrong_value_is_refused_also_where_no_file_was_read(deployment: Any) -> None:
    retrain = deployment.declaration.retrain.model_copy(update={"cron": "61 * * * *"})
    with pytest.raises(CommandRefused, match="'61' is no minute") as refused:
        await deployment.registry.apply(deployment.declaration.model_copy(update={"retrain": retrain}))
    assert (refused.value.kind, refused.value.field) == ("invalid", "retrain.cron")
    assert deployment.published(STREAMS) == []


async def test_a_changed_declaration_is_the_next_version_and_leaves_the_epoch(loans: Any) -> None:
    changed = loans.declaration.model_copy(update={"extra": "keep"})
    assert (await loans.registry.apply(changed)).status == "changed"
    assert [record.version for record in loans.published(STREAMS)] == [1, 2]
    assert len(loans.published(MODELS)) == 1


async def test_a_champion_of_ours_gives_way_when_the_model_becomes_external(loans: Any) -> None:
    await loans.send(TRAINING_RUNS, loans.run(1))
    external = loans.declaration.model_copy(update={"serving": ServingDeclaration(model="external")})
    assert (await loans.registry.apply(external)).model == 0
    promoted, given_way = loans.published(MODELS)[-2:]
    assert (promoted.champion.version, given_way.champion.version, given_way.reason) == (1, 0, "command")
    assert given_way.detail == "the stream's model is external from now on"
    changed = external.model_copy(update={"extra": "keep"})
    await loans.registry.apply(changed)
    assert len(loans.published(MODELS)) == 3


async def test_an_incompatible_change_is_refused(loans: Any) -> None:
    with pytest.raises(CommandRefused) as refused:
        await loans.registry.apply(parse_declaration(loans.text.replace('entity = "customer"', "ordered = false")))
    assert (refused.value.kind, refused.value.field) == ("conflict", "entity")
    assert len(loans.published(STREAMS)) == 1


async def test_a_prior_that_names_no_class_is_refused(deployment: Any) -> None:
    label = deployment.declaration.label.model_copy(update={"prior": {"maybe": 1.0}})
    declaration = deployment.declaration.model_copy(update={"label": label})
    with pytest.raises(CommandRefused, match=r"label\.prior") as refused:
        await deployment.registry.apply(declaration)
    assert refused.value.field == "label.prior"
    assert deployment.published(STREAMS) == []


async def test_a_declaration_is_audited_before_its_epoch(loans: Any) -> None:
    actions = [entry.action for entry in loans.published(AUDIT)]
    assert actions == ["stream.declared", "epoch.installed"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"label": {"classes": [f"c{number}" for number in range(1001)]}}, "label.classes"),
        ({"label": {"classes": ["a", "b" * 2049]}}, "label.classes"),
        ({"fields": {f"{number:0200}": {"type": "number"} for number in range(501)}}, "fields"),
        (
            {
                "fields": {f"x{number}": {"type": "number"} for number in range(201)},
                "lags": {"inputs": {f"x{number}": list(range(1, 11)) for number in range(201)}},
            },
            "lags.inputs",
        ),
    ],
)
async def test_a_declaration_whose_records_the_log_would_not_take_is_refused(
    deployment: Any, changes: dict[str, Any], field: str
) -> None:
    whole = {"name": "wide", "task": "multiclass", "fields": {"x": {"type": "number"}}} | changes
    whole["label"] = {"name": "y", "classes": ["a", "b"], **changes.get("label", {})}
    with pytest.raises(CommandRefused) as refused:
        await deployment.registry.apply(Declaration.model_validate(whole))
    assert (refused.value.kind, refused.value.field) == ("invalid", field)
    assert deployment.published(STREAMS) == []


def test_the_baseline_of_declared_costs_answers_the_class_of_least_expected_cost() -> None:
    declared = {
        "name": "s",
        "task": "binary",
        "fields": {"x": {"type": "number"}},
        "label": {"name": "y", "classes": ["no", "yes"], "prior": {"no": 9, "yes": 1}},
    }
    costs = {"metric": "cost", "costs": {"no": {"yes": 1.0}, "yes": {"no": 50.0}}}
    row = Frame({}, times([None]))
    for objective, answer in ((None, "no"), (costs, "yes")):
        model = unpack(baseline_package(Declaration.model_validate(declared | {"objective": objective})))
        output = model.predict(row)
        assert (output.values, output.probabilities.tolist()) == ([answer], [[0.9, 0.1]])  # type: ignore[union-attr]
