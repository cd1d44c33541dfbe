"""A trained model as a candidate: with our signed statement about where it comes from and what it is worth."""

from __future__ import annotations

from importlib.metadata import version

from penstock.artifacts import Signer
from penstock.contracts.records.models import subject_of
from penstock.contracts.records.training import Candidate, Dataset, TrainingRun
from penstock.trainer.job import Trained

PREDICATE_TYPE = "https://penstock.dev/predicates/training/v1"


def candidate_of(run: TrainingRun, trained: Trained, dataset: Dataset, signer: Signer) -> Candidate:
    """The candidate of a run, signed under the stream and the request."""
    predicate = {
        "stream": run.stream,
        "request": run.request,
        "fence": run.fence,
        "family": trained.family,
        "profile": trained.profile,
        "dataset": dataset.model_dump(mode="json"),
        "schema_version": dataset.schema_version,
        "evaluation": trained.evaluation.model_dump(mode="json"),
        "code": version("penstock-trainer"),
    }
    envelope = signer.sign(subject_of(run.stream, run.request), trained.digest, PREDICATE_TYPE, predicate)
    return Candidate(
        family=trained.family,
        digest=trained.digest,
        profile=trained.profile,
        envelope=dict(envelope),
        size=trained.size,
    )
