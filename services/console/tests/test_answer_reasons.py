"""The reasons of answers over whole loops: they are of just the answers that were recorded, or say they are not."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from penstock.artifacts import FileStore, Verifier
from penstock.console.demo.credit_risk import CreditRisk
from penstock.console.demo.demo import demo_declaration
from penstock.console.lineage import answer_reasons
from penstock.console.lineage.answer_explanation import explain
from penstock.console.lineage.answer_reasons import AnswerReasons, ReasonsReader
from penstock.console.lineage.answer_search import AnswerSearch, FoundAnswer
from penstock.console.lineage.model_lineage import ModelLineage, read_lineage
from penstock.console.lineage.places import Placed, TopicReader
from penstock.console.replay.in_process_deployment import InProcessDeployment, in_process_deployment
from penstock.console.replay.stream_time import ReplaySender, replay_in_stream_time
from penstock.console.views.reason_lines import reason_lines
from penstock.console.views.why_lines import why_document, why_lines
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.predictions import Prediction
from penstock.contracts.topics import PREDICTIONS

COUNT, DELAY, CHUNK, FIRST = 480, 20, 30, 300


def demo_with(**changes: Any) -> Declaration:
    declared = demo_declaration().model_dump(mode="json", by_alias=True, exclude_unset=True) | changes
    return Declaration.model_validate(declared | {"retrain": {"first_after": FIRST}})


DECLARATIONS = {
    "frozen": demo_with(),
    "learning": demo_with(
        history={"keys": ["region"]}, lags={"label": [1, 2]}, models={"families": ["boosting", "linear", "additive"]}
    ),
}


@dataclass(frozen=True)
class Loop:
    """A loop with a trained champion, and all answers of it and of the baseline."""

    deployment: InProcessDeployment
    answers: list[Placed[Prediction]]

    def reader(self) -> ReasonsReader:
        return ReasonsReader(self.deployment.log, "penstock", self.deployment.models)

    async def found(self, placed: Placed[Prediction]) -> tuple[FoundAnswer, ModelLineage]:
        log, stream = self.deployment.log, self.deployment.watch.stream
        answer = await AnswerSearch(log, "penstock", stream).find(placed.record.id)
        assert answer is not None
        data = answer.prediction.record.data
        return answer, await read_lineage(log, "penstock", stream.name, data.epoch, data.version)

    async def reasons(self, placed: Placed[Prediction]) -> AnswerReasons:
        return await self.reader().reasons_of(*await self.found(placed))

    @property
    def trained(self) -> list[Placed[Prediction]]:
        return [one for one in self.answers if not one.record.data.baseline]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=list(DECLARATIONS))
async def loop(request: pytest.FixtureRequest) -> AsyncIterator[Loop]:
    async with in_process_deployment(DECLARATIONS[request.param]) as deployment:
        await replay_in_stream_time(ReplaySender(CreditRisk(COUNT, COUNT), deployment), DELAY, CHUNK, lambda _: None)
        await deployment.watch.read_to_end()
        reader = TopicReader(deployment.log, "penstock", PREDICTIONS, deployment.watch.stream)
        yield Loop(deployment, [placed async for placed in reader.read_all()])


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_reasons_are_of_just_the_answer_that_was_recorded(loop: Loop) -> None:
    for placed in loop.trained[:: max(1, len(loop.trained) // 8)]:
        reasons, data = await loop.reasons(placed), placed.record.data
        assert reasons.missing is None
        assert (reasons.difference <= 1e-9, reasons.unlearnt) == (True, 0), "or the weights of then are not found"
        assert data.probabilities is not None
        answered = max(data.probabilities)
        assert reasons.margin == pytest.approx(np.log(answered / (1 - answered)))
        total = reasons.base + sum(one.added for one in reasons.contributions) + reasons.rest
        assert total == pytest.approx(reasons.margin)
        assert {one.name for one in reasons.contributions} & {"income", "amount", "account_months"}


async def test_histories_and_known_labels_are_shown_as_such(loop: Loop) -> None:
    names = {one.name for one in (await loop.reasons(loop.trained[-1])).contributions}
    learns = loop.deployment.watch.stream.declaration.learns_online
    assert ("history of region" in names, "known labels" in names) == (learns, learns)
    assert not any("." in name for name in names)


async def test_why_shows_them(loop: Loop) -> None:
    placed = loop.trained[-1]
    search = AnswerSearch(loop.deployment.log, "penstock", loop.deployment.watch.stream)
    why = await explain(loop.deployment.log, "penstock", search, placed.record.id, loop.reader())
    assert why is not None
    text = "\n".join(why_lines(why))
    assert f"Its reasons, in log odds of {placed.record.data.value} against" in text
    document = json.loads(json.dumps(why_document(why)))["reasons"]
    shares = [member["share"] for member in document["members"]]
    assert sum(shares) == pytest.approx(1.0)
    income = next(one for one in document["contributions"] if one["name"] == "income")
    assert income["value"] == document["values"]["income"]
    assert income["error"] is None


async def test_what_was_not_learnt_again_is_said(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_reasons, "MOST_OUTCOMES", 10)
    reasons = await loop.reasons(loop.trained[-1])
    if not loop.deployment.watch.stream.declaration.learns_online:
        assert reasons.is_exact
        return
    assert reasons.unlearnt > 0
    assert not reasons.is_exact
    assert f"for want of {reasons.unlearnt} outcomes" in "\n".join(reason_lines(reasons))
    total = reasons.base + sum(one.added for one in reasons.contributions) + reasons.rest
    assert total == pytest.approx(reasons.margin)


async def test_a_baseline_has_no_reasons(loop: Loop) -> None:
    reasons = await loop.reasons(next(one for one in loop.answers if one.record.data.baseline))
    assert "the baseline answers the same to every event" in "\n".join(reason_lines(reasons))


async def test_what_cannot_be_computed_again_says_why(loop: Loop, tmp_path: Any) -> None:
    answer, lineage = await loop.found(loop.trained[-1])
    models = loop.deployment.models
    elsewhere = replace(models, store=FileStore(tmp_path))
    untrusting = replace(models, verifier=Verifier([Ed25519PrivateKey.generate().public_key()]))
    log = loop.deployment.log
    cases = [
        (ReasonsReader(log, "penstock", elsewhere), answer, lineage, "its model cannot be opened"),
        (ReasonsReader(log, "penstock", untrusting), answer, lineage, "signature is refused"),
        (loop.reader(), replace(answer, event=None, outcomes=()), lineage, "its event is no longer on the log"),
        (loop.reader(), answer, replace(lineage, epoch=None), "is no longer on the log"),
    ]
    for reader, of_answer, of_lineage, says in cases:
        reasons = await reader.reasons_of(of_answer, of_lineage)
        assert reasons.missing is not None
        assert says in reasons.missing


async def test_an_event_that_left_the_log_is_read_from_its_outcome(loop: Loop) -> None:
    placed = loop.trained[0]
    answer, lineage = await loop.found(placed)
    (outcome,) = answer.outcomes
    expected = await loop.reasons(placed)
    assert await loop.reader().reasons_of(replace(answer, event=None), lineage) == expected
    fields = msgspec.to_builtins(outcome.record.data.fields)  # as the prediction log gives them
    data = msgspec.structs.replace(outcome.record.data, fields=fields)
    archived = replace(outcome, record=msgspec.structs.replace(outcome.record, data=data))
    assert await loop.reader().reasons_of(replace(answer, event=None, outcomes=[archived]), lineage) == expected
