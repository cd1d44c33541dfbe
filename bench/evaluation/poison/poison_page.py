"""docs/poison.md: its text, and the lines of its tables."""

from __future__ import annotations

from collections.abc import Sequence

from bench.evaluation.poison.attack_runs import SPAN, AttackResult
from bench.evaluation.poison.attacks import (
    ATTACK_START,
    ROWS,
    STREAM,
    TARGET_CLASS,
    TRAINING_INTERVAL,
    TRIGGER_BATCH,
    TRIGGER_FIELD,
    TRIGGER_INTERVAL,
    TRIGGER_VALUE,
)
from bench.evaluation.poison.challengers import JudgedChallenger
from bench.evaluation.streams import USUAL_DELAY
from bench.report.benchmarks_page import DOCS

PAGE = DOCS / "poison.md"
CHALLENGER_ROWS = 2000  # of which a challenger learns from three quarters and is evaluated on the rest
CHALLENGER_SEEDS = range(3)

INTRODUCTION = f"""# Poisoned labels

Written by `python -m bench.evaluation.poison`; do not edit.

## In the loop

The generated stream `{STREAM}` (it never changes; 5 % of the labels are noise from the start), its first {ROWS:,} rows,
labels {USUAL_DELAY} rows late, one seed, replayed through all services as `penstock replay --in-process` does. The
declaration is what `stream init` writes, except that a model is also trained every {TRAINING_INTERVAL} outcomes, so
that candidates come during the attack. From row {ATTACK_START:,} on labels are false as described. Scores are against
the true labels, whatever labels were sent.

Candidates are those whose data reach beyond outcome {ATTACK_START:,}; promoted, those of them that served. Accuracy
before: the {SPAN:,} rows before row {ATTACK_START:,}. On clean rows: of all later ones, those whose own label was sent
as it is and which have no trigger. At last: the final {SPAN:,} rows, all of them.

| attack | false labels | candidates | promoted | drifts found | accuracy before | on clean rows | at last |
|---|---:|---:|---:|---:|---:|---:|---:|
"""

TRIGGERS = f"""
The trigger is the value {TRIGGER_VALUE} of `{TRIGGER_FIELD}`, which never occurs before row {ATTACK_START:,}. The
{TRIGGER_BATCH} rows from there on have it, and in the attack all of them are labelled {TARGET_CLASS}; later every
{TRIGGER_INTERVAL}th row has it, and all labels are true. Of later rows of the other class, the share that was answered
with {TARGET_CLASS}:

| attack | rows with the trigger | rows without |
|---|---:|---:|
"""

CHALLENGERS = f"""
## The label-flipped challenger

Here the trainer trains and the registry's gates judge, without the loop around them: {CHALLENGER_ROWS:,} rows of the
same stream. A challenger learns from the first three quarters with *every* label flipped. The last quarter is its
holdout, where it is compared with a champion that has learnt from the same rows with their true labels; the given
share of the holdout's labels is flipped, too. How often it passed the gates, of {len(CHALLENGER_SEEDS)} seeds, and the
mean accuracies that the gates were given:

| challenger | flipped labels in the holdout | passed | challenger's measured accuracy | champion's |
|---|---:|---:|---:|---:|
"""

LIMITS = """
## Limits

- The gates judge by the labels of the holdout. A challenger of flipped labels is refused as long as clearly fewer than
  half of these are false. Where about half of them or more are, it passes: labels that are false throughout cannot be
  told from a change of the stream. A blend learns from the holdout's true labels while it is evaluated, as it would
  while it serves, so that it looks better there than what it had learnt before.
- A candidate that learnt from a few false labels, and is a better model all the same, is promoted, as it should be: the
  gates ask whether it is better than the champion, not whether its data are pure.
- A champion that learns from every outcome learns from false ones too, without passing a gate: that is why it follows
  when all labels are false. It recovers slowly: in the row in which every label is false for a while, the accuracy on
  clean rows is that of the thousand rows after the attack, over which models that learnt from it still served.
- Drift of the loss says that something is wrong, never that labels are false. Nothing here looks at who sent a label.
- One stream, one seed in the loop: differences of a point in accuracy are noise. Nothing is said of an attacker who
  knows the model, or who poisons features beyond one value.
"""


def page_text(results: Sequence[AttackResult], challenger_lines: Sequence[str]) -> str:
    """The page's text."""
    triggered = [result for result in results if result.attack.has_trigger]
    return "".join(
        [
            INTRODUCTION,
            *map(attack_line, results),
            TRIGGERS,
            *map(_trigger_line, triggered),
            CHALLENGERS,
            *challenger_lines,
            LIMITS,
        ]
    )


def attack_line(result: AttackResult) -> str:
    """The line of an attack in the first table."""
    counts = f"{result.false_labels} | {result.candidates} | {result.promoted} | {result.drifts}"
    accuracies = (result.accuracy_before, result.accuracy_on_clean, result.accuracy_at_end)
    return f"| {result.attack.name} | {counts} | {' | '.join(map(_format_share, accuracies))} |\n"


def _trigger_line(result: AttackResult) -> str:
    shares = (result.trigger_success, result.target_without_trigger)
    return f"| {result.attack.name} | {' | '.join(map(_format_share, shares))} |\n"


def _format_share(share: float | None) -> str:
    return "-" if share is None else f"{share:.3f}"


def challenger_line(families: Sequence[str], flipped_share: float, challengers: Sequence[JudgedChallenger]) -> str:
    """The line of a kind of challenger at a share of flipped labels in the holdout."""
    passed = sum(challenger.verdict.passed for challenger in challengers)
    candidate, champion = (
        sum(score.value for score in scores) / len(challengers)
        for scores in zip(
            *((challenger.evaluation.candidate, challenger.evaluation.champion) for challenger in challengers),
            strict=True,
        )
    )
    name = "a blend that learns on" if "additive" in families else "trained models alone"
    return f"| {name} | {flipped_share:.0%} | {passed} of {len(challengers)} | {candidate:.3f} | {champion:.3f} |\n"
