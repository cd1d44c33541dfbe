"""The task that a label's column shows, its classes, and the prior of the first tenth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from penstock.console.failure import wrong_input
from penstock.console.init.sample import unreadable_texts
from penstock.console.table.cell_reader import class_namer
from penstock.console.table.column_profile import ColumnProfile
from penstock.contracts.declaration.stream import MISSING_TEXTS
from penstock.contracts.input_bounds import MOST_CLASSES

MAX_INTEGER_CLASSES = 20  # whole numbers with up to so many distinct values are classes
RARE = 0.1  # the share of a positive class that is pointed out


def class_counts(label: ColumnProfile) -> Counter[str]:
    """How often each class occurs in the whole file, by its name; empty where there are too many values to count."""
    name, unreadable = class_namer((), label), unreadable_texts(label)
    odd = set(unreadable) | {text for text in label.counts if not _is_readable(label, text)}
    counts = Counter[str]()
    for text, count in label.counts.items():
        if text not in odd:
            counts[name(text)] += count
    return counts


def propose_task(path: Path, label: ColumnProfile, classes: Counter[str]) -> str:
    """What is predicted.

    Raises:
        ConsoleFailure: the label is missing everywhere, is the same in every row, or has too many texts to be classes.
    """
    where = f"{path}: the label {label.name!r}"
    other = "--label names another column"
    if not label.values or not label.distinct:
        raise wrong_input(f"{where} is missing in every row; {other}")
    if len(classes) == 1:
        value, count = next(iter(classes.items()))
        raise wrong_input(f"{where} is {value[:40]!r} in all {count:,} rows that have one: nothing to predict; {other}")
    if len(classes) == 2:
        return "binary"
    if label.number_format is None:
        if not 2 < len(classes) <= MOST_CLASSES:
            many = f"more than {MOST_CLASSES:,}"
            raise wrong_input(f"{where} has {many} different texts, more than there can be classes; {other}")
        return "multiclass"
    return "multiclass" if label.kind == "integer" and 0 < len(classes) <= MAX_INTEGER_CLASSES else "regression"


def propose_label(label: ColumnProfile, classes: Counter[str], labels: Sequence[str], task: str) -> dict[str, Any]:
    """The declaration of the label: classes of the whole file, and the prior of the sample's `labels`."""
    missing = _missing(label)
    if task == "regression":
        prior = {"prior": float(median(map(float, labels)))} if labels else {}
        return {"name": label.name, **missing, **prior}
    ordered = _positive_last(classes) if task == "binary" else sorted(classes)
    new_classes = {"new_classes": "accept"} if task == "multiclass" else {}
    positive = {"positive": ordered[1]} if task == "binary" else {}
    return {"name": label.name, "classes": ordered, **positive, **new_classes, **missing, **_prior(ordered, labels)}


def label_notes(label: ColumnProfile, classes: Counter[str], task: str) -> list[str]:
    """What a person should know of the label's classes."""
    if task == "binary":
        rare = min(classes.values()) < RARE * classes.total()
        return [f"rare positive class: {positive_class(classes)}"] if rare else []
    if task == "multiclass" and label.kind == "integer":
        return [f'{len(classes)} whole numbers, taken for classes; amounts: task = "regression"']
    return []


def propose_objective(classes: Counter[str], task: str) -> dict[str, Any]:
    """What models are chosen by: average precision where one of two classes is rare, since accuracy sees little of it.

    Of other classes it is the log loss of their probabilities, of numbers the mean absolute error.

    >>> propose_objective(Counter(no=96, yes=4), "binary"), propose_objective(Counter(no=60, yes=40), "binary")
    ({'metric': 'average_precision'}, {'metric': 'log_loss'})
    """
    if task == "regression":
        return {"metric": "mae"}
    is_rare = task == "binary" and min(classes.values()) < RARE * classes.total()
    return {"metric": "average_precision" if is_rare else "log_loss"}


def positive_class(classes: Counter[str]) -> str:
    """The positive one of two classes, which is the rarer, and its share.

    >>> positive_class(Counter(no=96, yes=4))
    'yes, 4 %'
    """
    name = _positive_last(classes)[1]
    return f"{name[:20]}, {100 * classes[name] / classes.total():.2g} %"


def _positive_last(classes: Counter[str]) -> list[str]:
    """The rarer class last, which makes it the positive one; of two as frequent the later by name: yes, true, 1."""
    return sorted(classes, key=lambda name: (-classes[name], name))


def _prior(classes: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
    """A weight per class, above 0 also for those that the sample does not have."""
    if not labels:
        return {}
    counts = Counter(labels)
    return {"prior": {name: round((counts[name] + 1 / len(classes)) / (len(labels) + 1), 6) for name in classes}}


def _missing(label: ColumnProfile) -> dict[str, Any]:
    """The texts that stand for an unknown label, where they are others than usual; a class is never one of them."""
    unreadable = unreadable_texts(label)
    return {"missing": [*MISSING_TEXTS, *unreadable]} if unreadable else {}


def _is_readable(label: ColumnProfile, text: str) -> bool:
    return label.number_format is None or label.number_format.parse(text) is not None
