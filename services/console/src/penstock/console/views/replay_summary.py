"""What a person must know of a replay, in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from penstock.console.replay.report.metric_names import METRIC_NAMES, progress_metric
from penstock.console.replay.report.metrics import ClassScore
from penstock.console.replay.report.report import Report
from penstock.ml.metrics.objective import LARGER_IS_BETTER

MOST_NAMED = 5  # drifts or trainings that are told one by one
LONGEST_REASON = 160


def summary_lines(report: Report) -> list[str]:
    """The sentences, the most important first."""
    return [
        *_score_lines(report),
        *_class_lines(report),
        *_label_lines(report),
        *_drift_lines(report),
        *_training_lines(report),
        *_answer_lines(report),
    ]


def _score_lines(report: Report) -> Iterator[str]:
    baseline = report.baseline.get(report.metric)
    if report.score is None or baseline is None:
        yield "No row after the warm-up has both a prediction and a label: there is no score."
        return
    name, constant = METRIC_NAMES[report.metric], _constant_name(report)
    compared = f"{name} {report.score:.4g} against {baseline:.4g} of {constant}, on the same {report.scored:,} rows"
    of_blocks = progress_metric(report.classes)
    better = [block for block in report.progress if _is_better(of_blocks, block.score, block.baseline)]
    if _is_better(report.metric, report.score, baseline):
        yield f"Better than a constant: {compared}."
    elif not better:
        yield f"Never better than {constant}: {compared}."
    else:
        share = f"{len(better)} of {len(report.progress)} blocks of rows"
        yield f"Not better than {constant}: {compared}; better in {share}."


def _is_better(metric: str, score: float | None, baseline: float | None) -> bool:
    if score is None or baseline is None:
        return False
    return score > baseline if metric in LARGER_IS_BETTER else score < baseline


def _constant_name(report: Report) -> str:
    if report.classes:
        return f"always {report.baseline_answer!r}"
    return f"always the median so far ({report.baseline_answer:.4g} in the end)"


def _class_lines(report: Report) -> Iterator[str]:
    present = [each for each in report.by_class if each.rows]
    if len(present) > 1:
        rarest = min(present, key=lambda each: each.rows)
        yield _class_text(rarest, sum(each.rows for each in present))
    elif present:
        yield f"Every label is {present[0].name!r}: there is nothing to tell apart."


def _class_text(rarest: ClassScore, rows: int) -> str:
    text = (
        f"{rarest.name!r}, the rarest class, is the label of {rarest.rows:,} rows ({rarest.rows / rows:.1%}): "
        f"{rarest.recall:.1%} of them were found (recall)"
    )
    if rarest.precision is None:
        return f"{text}; it was never answered."
    return f"{text}, and {rarest.precision:.1%} of its {rarest.answers:,} answers are right (precision)."


def _label_lines(report: Report) -> Iterator[str]:
    counts = report.label_counts
    parts = [f"{counts.labelled:,} of {report.events:,} rows have a label", f"{counts.joined:,} were joined"]
    parts += [f"{counts.late:,} came too late"] if counts.late else []
    parts += [f"{counts.refused:,} were refused"] if counts.refused else []
    parts += [f"{counts.expired:,} rows without one expired"] if counts.expired else []
    if counts.joined < report.events:
        yield f"Labels: {', '.join(parts)}."


def _drift_lines(report: Report) -> Iterator[str]:
    if not report.drifts:
        return
    named = [
        f"{line.kind}{f' of {line.field}' if line.field else ''} at {_row_text(line.at_event)} ({line.detector})"
        for line in report.drifts[:MOST_NAMED]
    ]
    more = len(report.drifts) - len(named)
    yield f"Drifts: {'; '.join(named)}{f'; and {more:,} more' if more else ''}."


def _training_lines(report: Report) -> Iterator[str]:
    results = Counter(line.result for line in report.trainings)
    if not report.trainings:
        yield f"No model was trained: {report.decision or 'nothing was decided yet'}."
        return
    yield f"Trainings: {', '.join(f'{count} {result}' for result, count in results.items())}."
    reasons = Counter(
        (line.result, reason)
        for line in report.trainings
        if line.result in ("kept back", "refused", "failed")
        for reason in line.why[:1]
    )
    for (result, reason), count in reasons.most_common(MOST_NAMED):
        yield f"  {count} {result} because {reason[:LONGEST_REASON]}"


def _answer_lines(report: Report) -> Iterator[str]:
    if report.unanswered:
        yield f"{report.unanswered:,} events were neither refused nor predicted: see the stream's dead letters."


def _row_text(row: int | None) -> str:
    return "an unknown row" if row is None else f"row {row:,}"
