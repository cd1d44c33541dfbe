"""Labels become numbers in one way: the index of a class, or the number itself for a regression."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from penstock.ml.features.class_index import ClassIndex, class_order

CLASSES = st.lists(st.text(max_size=3), min_size=1, max_size=6, unique=True)


@given(CLASSES, st.data())
def test_a_class_is_its_index_and_the_index_is_the_class(classes: list[str], data: st.DataObject) -> None:
    labels = data.draw(st.lists(st.sampled_from(classes)))
    index = ClassIndex(classes)
    assert index.numbers(labels).tolist() == [classes.index(label) for label in labels]
    assert index.labels(index.numbers(labels).astype(np.intp)) == labels


@given(CLASSES, st.text(max_size=3) | st.floats())
def test_a_label_that_is_no_class_has_no_number(classes: list[str], label: str | float) -> None:
    number = ClassIndex(classes).number(label)
    assert (number is None) == (label not in classes)
    assert np.isnan(ClassIndex(classes).numbers([label])[0]) == (number is None)


@given(st.lists(st.floats(allow_nan=False) | st.integers(-1000, 1000)))
def test_a_number_is_itself(labels: list[float]) -> None:
    assert ClassIndex(()).numbers(labels).tolist() == labels


def test_a_text_is_no_number_of_a_regression() -> None:
    assert ClassIndex(()).number("1.5") is None


@given(CLASSES, st.lists(st.text(max_size=3)))
def test_declared_classes_keep_their_order_and_others_follow_sorted(declared: list[str], labels: list[str]) -> None:
    order = class_order(labels, declared)
    assert list(order[: len(declared)]) == declared
    assert list(order[len(declared) :]) == sorted(set(labels) - set(declared))
