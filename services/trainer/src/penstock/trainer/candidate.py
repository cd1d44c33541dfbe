"""A candidate: a trained model with the trainer's signed statement about its origin and quality."""

from __future__ import annotations

from importlib.metadata import version

from penstock.artifacts import Signer
from penstock.contracts.records.models import subject_of
from penstock.contracts.records.training import Candidate, Dataset, TrainingRun
from penstock.trainer.job import TrainedModel

PREDICATE_TYPE = "https://penstock.dev/predicates/training/v1"


def candidate_of(run: TrainingRun, model: TrainedModel, dataset: Dataset, signer: Signer) -> Candidate:
    """The candidate of a run, signed under the stream and the request."""
    predicate = {
        "stream": run.stream,
        "request": run.request,
        "fence": run.fence,
        "family": model.family,
        "profile": model.profile,
        "dataset": dataset.model_dump(mode="json"),
        "schema_version": dataset.schema_version,
        "evaluation": model.evaluation.model_dump(mode="json"),
        "code": version("penstock-trainer"),
        **({} if run.push is None else {"push": run.push.model_dump(mode="json")}),
    }
    envelope = signer.sign(subject_of(run.stream, run.request), model.digest, PREDICATE_TYPE, predicate)
    return Candidate(
        family=model.family,
        digest=model.digest,
        profile=model.profile,
        envelope=dict(envelope),
        size=model.size,
    )
