"""How good the newest answers of a stream are: calibration, threshold, confusion."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from penstock.console.replay.report.metrics import class_calibration, confusion_matrix, number_calibration
from penstock.console.web.answer_sample import AnswerSample, classified, read_sample
from penstock.console.web.charts.calibration_chart import calibration_chart
from penstock.console.web.charts.chart import Chart
from penstock.console.web.charts.confusion_chart import confusion_chart
from penstock.console.web.charts.threshold_chart import threshold_chart
from penstock.console.web.sources import Sources
from penstock.contracts.declaration.stream import Declaration
from penstock.contracts.records.streams import StreamDeclared


@dataclass(frozen=True)
class AnswersPage:
    """The charts, and which outcomes they are of, in words."""

    declared: StreamDeclared
    of: str
    charts: Sequence[Chart]


async def read_answers(sources: Sources, name: str) -> AnswersPage:
    """The page of a stream's newest answers.

    Raises:
        PageMissing: no stream of that name is declared.
        TransientError: the log does not answer.
    """
    declared, _ = sources.stream(name)
    sample = await read_sample(sources.log, sources.namespace, declared)
    charts = await asyncio.to_thread(_charts, declared.declaration, sample)
    return AnswersPage(declared, sample.of, [chart for chart in charts if chart is not None])


def _charts(declaration: Declaration, sample: AnswerSample) -> list[Chart | None]:
    if declaration.task == "regression":
        return [_number_chart(sample)]
    classes = list(declaration.label.classes)
    answers, labels, probabilities = classified(sample, classes)
    positive = declaration.positive_class
    code = classes.index(positive) if positive in classes else 1
    across = f"probability of {positive!r}" if positive else "probability of the answer"
    up = f"share that is {positive!r}" if positive else "share of right answers"
    charts = [
        calibration_chart(class_calibration(labels, probabilities, code), across, up, sample.of),
        confusion_chart(confusion_matrix(answers, labels, len(classes)), classes),
    ]
    if positive is not None and probabilities is not None:
        known = ~np.isnan(probabilities[:, code])
        charts.append(threshold_chart(labels[known] == code, probabilities[known, code].astype(np.float64), positive))
    return charts


def _number_chart(sample: AnswerSample) -> Chart | None:
    pairs = [(value, label) for value, label in zip(sample.values, sample.labels, strict=True) if label is not None]
    values, labels = (np.array(column, dtype=np.float64) for column in zip(*pairs, strict=True)) if pairs else ((), ())
    bins = number_calibration(np.asarray(values), np.asarray(labels))
    return calibration_chart(bins, "answer, mean of a tenth", "label, mean (line: its middle 80 %)", sample.of)
