"""Whether what was decided may be done by itself, or waits for a person as a proposal, and with what evidence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from penstock.contracts.declaration.model_lifecycle import PromotionDeclaration
from penstock.contracts.records.streams import Pause
from penstock.contracts.records.training import Evaluation, Score
from penstock.registry.control_records import Installation
from penstock.registry.rollout_plan import RolloutPlan


class Hold(BaseModel):
    """A person's rollback, at `epoch`, since when nothing changes by itself; `detail` is the reason given."""

    model_config = ConfigDict(frozen=True)

    epoch: int
    by: str
    time: datetime
    detail: str = ""


class ProposalEvidence(BaseModel):
    """What a proposal rests on: `reasons` in words, and `scores` by `metric` of candidate, champion and baseline.

    `source` is the id of what it follows from, a run, a rollout or an epoch: of one source there is one proposal for
    each version. `run` is the training request of the proposed version.
    """

    model_config = ConfigDict(frozen=True)

    source: str
    reasons: tuple[str, ...]
    run: str | None = None
    metric: str | None = None
    scores: dict[str, Score] = {}


@dataclass(frozen=True)
class Proposal:
    """What waits: an installation, or the start of a rollout by `plan`; `rollout` is the id of one to end by it."""

    installation: Installation
    evidence: ProposalEvidence
    plan: RolloutPlan | None = None
    rollout: str | None = None


def why_it_waits(
    promotion: PromotionDeclaration, hold: Hold | None, pause: Pause | None = None, *, replaces_external: bool = False
) -> str | None:
    """Why nothing may be installed by itself, None when it may.

    `replaces_external`: one of our models would answer on a stream whose model is declared external.
    """
    if hold is not None:
        return f"held since the rollback at epoch {hold.epoch} by {hold.by}"
    if pause is not None:
        return f"paused by {pause.by}"
    if replaces_external:
        return "the stream's model is declared external"
    return "the stream only proposes" if promotion.mode == "propose" else None


def scores_of(evaluation: Evaluation) -> tuple[str, dict[str, Score]]:
    """The metric that decides about a candidate, and the scores by it."""
    scores = evaluation.objective or evaluation
    names = ("candidate", "champion", "baseline", "gain")
    return scores.metric, {name: getattr(scores, name) for name in names}
