"""The kinds of alerts: what each is about, and the runbook that says what to do."""

from __future__ import annotations

from enum import StrEnum


class AlertKind(StrEnum):
    """What an alert is about. The set is closed for writers; readers take any text, for a newer one may know more."""

    SHORTFALL = "shortfall"
    DRIFT = "drift"
    RETURN = "return"
    ROLLOUT = "rollout"
    PROPOSAL = "proposal"
    SKEW = "skew"
    MODEL_REFUSED = "model-refused"
    TRAINING_FAILED = "training-failed"
    KEPT_BACK = "kept-back"
    COVERAGE = "coverage"
    LABELS_UNMATCHED = "labels-unmatched"
    SLICE = "slice"
    REJECTED = "rejected"
    DEAD_LETTERS = "dead-letters"
    GAP = "gap"
    UNIT_SUSPENDED = "unit-suspended"
    RETENTION = "retention"
    LAG = "lag"
    BROKER = "broker"
    DATABASE = "database"
    DISK = "disk"
    CRASH_LOOP = "crash-loop"
    SOURCE = "source"


_RUNBOOKS = {
    AlertKind.SHORTFALL: "a-champion-falls-short",
    AlertKind.DRIFT: "drift-but-no-retraining",
    AlertKind.RETURN: "roll-a-model-back",
    AlertKind.ROLLOUT: "bring-a-model-in-by-degrees",
    AlertKind.PROPOSAL: "decide-on-a-proposal",
    AlertKind.SKEW: "a-champion-falls-short",
    AlertKind.MODEL_REFUSED: "a-model-is-refused",
    AlertKind.TRAINING_FAILED: "a-training-fails",
    AlertKind.KEPT_BACK: "a-training-fails",
    AlertKind.COVERAGE: "labels-that-do-not-join",
    AlertKind.LABELS_UNMATCHED: "labels-that-do-not-join",
    AlertKind.SLICE: "a-slice-is-worse",
    AlertKind.REJECTED: "records-are-refused",
    AlertKind.GAP: "a-gap-in-the-log",
    AlertKind.DEAD_LETTERS: "records-in-the-dead-letters",
    AlertKind.UNIT_SUSPENDED: "records-in-the-dead-letters",
    AlertKind.RETENTION: "retention-is-running-out",
    AlertKind.LAG: "a-group-falls-behind",
    AlertKind.BROKER: "the-broker-is-away",
    AlertKind.DATABASE: "the-database-is-away",
    AlertKind.DISK: "resources-run-out",
    AlertKind.CRASH_LOOP: "a-service-does-not-become-ready",
    AlertKind.SOURCE: "a-source-is-away",
}


def runbook_of(kind: str | None) -> str | None:
    """The page of the repository that says what to do about an alert of this kind; None: there is none.

    >>> runbook_of("retention")
    'docs/runbooks/retention-is-running-out.md'
    """
    page = _RUNBOOKS.get(AlertKind(kind)) if kind in set(AlertKind) else None
    return f"docs/runbooks/{page}.md" if page else None


def alert_key(kind: AlertKind, stream: str | None, *parts: object) -> str:
    """The key of an alert: alerts of one key tell of the same matter.

    >>> alert_key(AlertKind.RETENTION, "loans", "penstock.loans.events")
    'retention/loans/penstock.loans.events'
    """
    return "/".join(map(str, (kind, stream or "-", *parts)))
