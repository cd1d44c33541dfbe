"""Runs an attack through the whole loop in this process, and measures what it did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.evaluation.poison.attacks import (
    ATTACK_START,
    TARGET_CLASS,
    TRIGGER_BATCH,
    Attack,
    PoisonedRows,
    is_triggered,
    poisoned_rows,
)
from bench.evaluation.streams import USUAL_DELAY
from penstock.console.replay.in_process_deployment import in_process_deployment
from penstock.console.replay.rows.labelled_rows import Row, chunk_size
from penstock.console.replay.stream_time import ReplaySender, replay_in_stream_time
from penstock.console.replay.watch.stream_watch import StreamWatch

SPAN = 1000  # rows right before the attack, and at the end, whose accuracy is measured


@dataclass(frozen=True)
class AttackResult:
    """What an attack did; accuracies are against the true labels, None if no row counts.

    `candidates`: trained on data from the attack; `promoted`: those of them that served. `accuracy_on_clean`: of the
    rows since the attack that are clean. `trigger_success`: share of later rows with the trigger and another true class
    that were answered with the attacker's target; `target_without_trigger`: the same of rows without it.
    """

    attack: Attack
    false_labels: int
    candidates: int
    promoted: int
    drifts: int
    accuracy_before: float | None
    accuracy_on_clean: float | None
    accuracy_at_end: float | None
    trigger_success: float | None
    target_without_trigger: float | None


async def run_attack(attack: Attack, folder: Path) -> AttackResult:
    """Replay the stream under an attack, every service in this process, as `penstock replay --in-process` does."""
    poisoned = poisoned_rows(attack, folder)
    async with in_process_deployment(poisoned.source.declaration) as deployment:
        await replay_in_stream_time(
            ReplaySender(poisoned, deployment), USUAL_DELAY, chunk_size(USUAL_DELAY), lambda _: None
        )
        await deployment.watch.read_to_end()
        return measure_attack(poisoned, deployment.watch)


def measure_attack(poisoned: PoisonedRows, watch: StreamWatch) -> AttackResult:
    """Measure on the log what came of the rows."""
    rows = list(poisoned.rows())
    attacked_rows = rows[ATTACK_START:]
    attacked_ids = {row.id for row in attacked_rows}
    runs = watch.training_runs.values()
    candidates = [run.candidate.digest for run in runs if run.candidate and run.until > ATTACK_START]
    champions = {epoch.champion.digest for epoch in watch.epochs.values()}
    has_trigger = poisoned.attack.has_trigger
    return AttackResult(
        attack=poisoned.attack,
        false_labels=sum(poisoned.sent_label(row) != row.label for row in rows),
        candidates=len(candidates),
        promoted=sum(digest in champions for digest in candidates),
        drifts=sum(drift.event_id in attacked_ids for drift in watch.drifts),
        accuracy_before=_accuracy(watch, rows[ATTACK_START - SPAN : ATTACK_START]),
        accuracy_on_clean=_accuracy(watch, [row for row in attacked_rows if poisoned.is_clean(row)]),
        accuracy_at_end=_accuracy(watch, rows[-SPAN:]),
        trigger_success=_target_share(watch, attacked_rows, triggered=True) if has_trigger else None,
        target_without_trigger=_target_share(watch, attacked_rows, triggered=False) if has_trigger else None,
    )


def _accuracy(watch: StreamWatch, rows: Sequence[Row]) -> float | None:
    return _share(watch, rows, lambda row, answer: answer == row.label)


def _target_share(watch: StreamWatch, attacked_rows: Sequence[Row], *, triggered: bool) -> float | None:
    rows = [
        row
        for row in attacked_rows[TRIGGER_BATCH:]
        if row.label != TARGET_CLASS and is_triggered(row.number) == triggered
    ]
    return _share(watch, rows, lambda _, answer: answer == TARGET_CLASS)


def _share(watch: StreamWatch, rows: Sequence[Row], condition: Callable[[Row, object], bool]) -> float | None:
    matches = [condition(row, watch.predictions[row.id][0]) for row in rows if row.id in watch.predictions]
    return sum(matches) / len(matches) if matches else None
